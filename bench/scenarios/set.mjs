// Writing: within memory, and far beyond it, until everything has come to rest. The writer awaits what the side offers
// to hold it back (`ready()`, the last put) once in 256 values.
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

const limit = 'memcpy + sequential write';

/** What no store can do without: the bytes copied into a buffer, and the buffer written. */
function writeAll(values, directory) {
  const fd = openSync(join(directory, 'limit'), 'w');
  const slab = Buffer.alloc(2 ** 20);
  let used = 0;
  let position = 0;
  const began = performance.now();
  for (const value of values) {
    if (used + value.length > slab.length) {
      position += writeSync(fd, slab, 0, used, position);
      used = 0;
    }
    slab.set(value, used);
    used += value.length;
  }
  writeSync(fd, slab, 0, used, position);
  const ms = performance.now() - began;
  closeSync(fd);
  return ms;
}

export default {
  name: 'set',
  title: 'set, sustained, at rest at the end',
  unit: 'us',
  variants: [
    { name: 'record 400 B within memory', kind: 'record', bytes: 400, count: 100_000, memoryBytes: 2 ** 29 },
    { name: 'record 400 B, 20 x memory', kind: 'record', bytes: 400, count: 500_000, memoryBytes: 2 ** 23 },
    { name: 'Buffer 4 KB, 20 x memory', kind: 'Buffer', bytes: 4096, count: 80_000, memoryBytes: 2 ** 23 },
    { name: 'Buffer 64 KB, 20 x memory', kind: 'Buffer', bytes: 65_536, count: 5000, memoryBytes: 2 ** 24 },
  ],
  quick: ['record 400 B, 20 x memory'],
  sides: ({ kind, name }) => [
    'swapstore',
    ...(kind === 'Buffer' ? [limit] : []),
    ...(name.includes('within') ? ['lru-cache', 'Map'] : []),
    'lmdb',
    'better-sqlite3',
    'classic-level',
  ],
  async run({ side, variant, directory, dist }) {
    const { kind, bytes, count, memoryBytes } = variant;
    const values = Array.from({ length: Math.min(count, 5000) }, (_, index) => kinds[kind](index, bytes));
    const valueAt = (index) => values[index % values.length];
    if (side === limit) {
      const everything = (function* () {
        for (let index = 0; index < count; index++) yield valueAt(index);
      })();
      return { set: (writeAll(everything, directory) * 1000) / count };
    }
    const store = await peers[side]({ directory, dist, memoryBytes, entryBytes: bytes + 700 });
    const keys = Array.from({ length: count }, (_, index) => keyOf(index));
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
