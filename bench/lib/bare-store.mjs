// The least that a store with values in a file has to do, as a limit: an lru-cache of those in memory, a Map that says where
// the others are, one pread and one decoding for each that is read, one encoding and a share of a sequential write for each
// that is written. It proves nothing of what it reads, gives no space back, and does not see what is changed in place.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { codeBuffer } from './code-buffer.mjs';
import { entriesIn } from './values.mjs';

/** More than a value takes. */
const slabBytes = 2 ** 21;

export async function openBareStore({ directory, dist, memoryBytes, entryBytes }) {
  const { LRUCache } = await import('lru-cache');
  const { Codec } = await import(new URL('codec/codec.js', dist));
  const codec = new Codec();
  const fd = openSync(join(directory, 'bare'), 'w+');
  const cache = new LRUCache({ max: entriesIn(memoryBytes, entryBytes) });
  const numbers = new Map();
  // Of each value by its number.
  const positions = [];
  const lengths = [];
  const slab = codeBuffer(slabBytes);
  const scratch = codeBuffer(slabBytes);
  let used = 0;
  let flushed = 0;

  const flush = () => {
    writeSync(fd, slab, 0, used, flushed);
    flushed += used;
    used = 0;
  };
  const read = (number) => {
    const position = positions[number];
    const length = lengths[number];
    if (position >= flushed)
      return codec.decode(slab, position - flushed, position - flushed + length, false);
    readSync(fd, scratch, 0, length, position);
    return codec.decode(scratch, 0, length, false);
  };
  const counts = { hits: 0, faults: 0 };
  return {
    counts,
    /** From here on everything is read from the file. */
    rest: flush,
    get: (key) => {
      let value = cache.get(key);
      if (value !== undefined) {
        counts.hits++;
        return value;
      }
      const number = numbers.get(key);
      if (number === undefined) return undefined;
      counts.faults++;
      value = read(number);
      cache.set(key, value);
      return value;
    },
    /** Encodes at once, as whoever puts a cache before a file does; the store does so when a value leaves. */
    set: (key, value) => {
      cache.set(key, value);
      let end = codec.encode(value, slab, used);
      if (end === -1) {
        flush();
        end = codec.encode(value, slab, 0);
      }
      let number = numbers.get(key);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(key, number);
      }
      positions[number] = flushed + used;
      lengths[number] = end - used;
      used = end;
    },
    close: () => closeSync(fd),
  };
}
