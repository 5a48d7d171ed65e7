// Reads access traces: one key a line, `time key size` a line, or big-endian 32-bit keys; plain, gzip or xz. Returns keys
// numbered from 0 in the order of their first request, and the size of each request (1 where the trace has none).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import xz from 'xz-decompress';

/** Bytes of a binary trace that are looked at to tell it from text. */
const sampleBytes = 4096;

export async function readTraces(folder) {
  const files = readdirSync(folder).filter((file) => /\.trace(\.gz|\.xz)?$/.test(file));
  return Promise.all(files.sort().map(async (file) => readTrace(file, await contentOf(join(folder, file)))));
}

async function contentOf(path) {
  const bytes = readFileSync(path);
  if (path.endsWith('.gz')) return gunzipSync(bytes);
  if (!path.endsWith('.xz')) return bytes;
  const stream = new xz.XzReadableStream(Readable.toWeb(Readable.from([bytes])));
  return Buffer.from(await new Response(stream).arrayBuffer());
}

function readTrace(file, bytes) {
  const numbers = new Map();
  const keys = [];
  const sizes = [];
  const add = (key, size) => {
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
    }
    keys.push(number);
    sizes.push(size);
  };
  let isSized = false;
  if (
    bytes
      .subarray(0, sampleBytes)
      .some((byte) => byte > 126 || (byte < 32 && byte !== 10 && byte !== 13 && byte !== 9))
  ) {
    for (let at = 0; at + 4 <= bytes.length; at += 4) add(bytes.readInt32BE(at), 1);
  } else {
    for (const line of bytes.toString('latin1').split('\n')) {
      if (line.trim() === '' || line.includes('*')) continue;
      const words = line.trim().split(/\s+/);
      isSized ||= words.length >= 3;
      if (words.length >= 3) add(words[1], Number(words[2]));
      else add(words[0], 1);
    }
  }
  return {
    name: file.replace(/\.trace.*$/, ''),
    keys: Int32Array.from(keys),
    sizes,
    distinct: numbers.size,
    isSized,
  };
}
