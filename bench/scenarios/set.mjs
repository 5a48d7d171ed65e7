// Writing: within memory, and far beyond it, until everything has come to rest. The writer awaits what the side offers
// to hold it back (`ready()`, the last put) once in 256 values. A gigabyte of Buffers: the first third of a second of a
// process, in which its code is compiled, says little of a rate that is sustained.
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { codeBuffer } from '../lib/code-buffer.mjs';
import { keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

const limit = 'memcpy + sequential write';
const recordLimit = 'encode + Map + write';
const slabBytes = 2 ** 18;

/**
 * What no store can do without, us a value: the bytes in a buffer, and the buffer written. `put(value, slab, used)` returns
 * where the value ends in the slab, or -1 when it does not fit.
 */
function writeAll(count, valueAt, directory, put) {
  const fd = openSync(join(directory, 'limit'), 'w');
  const slab = codeBuffer(slabBytes);
  let used = 0;
  let position = 0;
  const began = performance.now();
  for (let index = 0; index < count; index++) {
    let end = put(valueAt(index), slab, used, index);
    if (end === -1) {
      position += writeSync(fd, slab, 0, used, position);
      end = put(valueAt(index), slab, 0, index);
    }
    used = end;
  }
  writeSync(fd, slab, 0, used, position);
  const ms = performance.now() - began;
  closeSync(fd);
  return (ms * 1000) / count;
}

function copyBytes(value, slab, used) {
  if (used + value.length > slabBytes) return -1;
  slab.set(value, used);
  return used + value.length;
}

/** Encodes a record with the store's own encoder, and has a Map say where it is. */
async function encoding(keys, dist) {
  const { Codec } = await import(new URL('codec/codec.js', dist));
  const codec = new Codec();
  const places = new Map();
  return (value, slab, used, index) => {
    const end = codec.encode(value, slab, used);
    if (end !== -1) places.set(keys[index], used);
    return end;
  };
}

export default {
  name: 'set',
  title: 'set, sustained, at rest at the end',
  unit: 'us',
  variants: [
    { name: 'record 400 B within memory', kind: 'record', bytes: 400, count: 100_000, memoryBytes: 2 ** 29 },
    { name: 'record 400 B, 20 x memory', kind: 'record', bytes: 400, count: 500_000, memoryBytes: 2 ** 23 },
    { name: 'Buffer 4 KB, 20 x memory', kind: 'Buffer', bytes: 4096, count: 240_000, memoryBytes: 48e6 },
    { name: 'Buffer 64 KB, 20 x memory', kind: 'Buffer', bytes: 65_536, count: 15_000, memoryBytes: 48e6 },
  ],
  quick: ['record 400 B, 20 x memory'],
  sides: ({ kind, name }) => [
    'swapstore',
    ...(name.includes('within') ? ['lru-cache', 'Map'] : [kind === 'Buffer' ? limit : recordLimit]),
    'lmdb',
    'better-sqlite3',
    'classic-level',
  ],
  async run({ side, variant, directory, dist }) {
    const { kind, bytes, count, memoryBytes } = variant;
    const values = Array.from({ length: Math.min(count, 5000) }, (_, index) => kinds[kind](index, bytes));
    const valueAt = (index) => values[index % values.length];
    const keys = Array.from({ length: count }, (_, index) => keyOf(index));
    if (side === limit) return { set: writeAll(count, valueAt, directory, copyBytes) };
    if (side === recordLimit) return { set: writeAll(count, valueAt, directory, await encoding(keys, dist)) };
    const store = await peers[side]({ directory, dist, memoryBytes, entryBytes: bytes + 700 });
    const began = performance.now();
    for (let index = 0; index < count; index++) {
      store.set(keys[index], valueAt(index));
      if (index % 256 === 0) await store.mustRest?.();
    }
    await store.rest?.();
    const set = ((performance.now() - began) * 1000) / count;
    const result = { set };
    if (store.store !== undefined) {
      const { bytesWritten, swapOuts, cleanDrops } = store.store.stats();
      const written = swapOuts - cleanDrops;
      if (written > 0) result['bytes written a byte of value'] = bytesWritten / (written * bytes);
    }
    await store.close();
    return result;
  },
};
