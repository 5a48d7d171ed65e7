// A value that is not in memory, from the page cache: `peek` leaves it in the file, `get` brings it in and another out.
// The limit is what any library in JavaScript must at least do: one pread and one decoding, or a checksum of the bytes. The
// bare file with an lru-cache before it does as much, no checksum, and keeps what it has read: the limit of `get`.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { perCall } from '../lib/measure.mjs';
import { isRight, keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

const dataBytes = 24 * 1024 * 1024;
const limits = { record: 'pread + msgpackr', Buffer: 'pread + crc32', string: 'pread + crc32' };

/** Coprime to every count, so that the walk meets all keys in an order without neighbours. */
const stride = 7919;

function openLimit(kind, bytes, count, directory) {
  const packr = new Packr({ structuredClone: true, moreTypes: true });
  const fd = openSync(join(directory, 'limit'), 'w+');
  const scratch = Buffer.alloc(bytes * 2 + 4096);
  const lengths = [];
  const slotBytes = Math.ceil((bytes * 1.5 + 128) / 64) * 64;
  for (let index = 0; index < count; index++) {
    const value = kinds[kind](index, bytes);
    const encoded = kind === 'record' ? packr.pack(value) : Buffer.from(value);
    lengths.push(encoded.length);
    writeSync(fd, encoded, 0, encoded.length, index * slotBytes);
  }
  const readInto = (target, index) => readSync(fd, target, 0, lengths[index], index * slotBytes);
  const gets = {
    record: (index) => {
      readInto(scratch, index);
      return packr.unpack(scratch.subarray(0, lengths[index]));
    },
    string: (index) => {
      readInto(scratch, index);
      crc32(scratch.subarray(0, lengths[index]));
      return scratch.latin1Slice(0, lengths[index]);
    },
    Buffer: (index) => {
      const target = Buffer.allocUnsafeSlow(lengths[index]);
      readInto(target, index);
      crc32(target);
      return target;
    },
  };
  return { get: gets[kind], close: () => closeSync(fd) };
}

/** The limit of `get`. */
const bareStore = 'lru-cache + bare file';
const all = ['swapstore', 'lmdb', 'better-sqlite3', 'classic-level'];

export default {
  name: 'faulting',
  title: 'get and peek of a value that is not in memory, page cache warm',
  unit: 'us',
  variants: [
    { name: 'record 400 B', kind: 'record', bytes: 400, slow: true },
    { name: 'record 4 KB', kind: 'record', bytes: 4096 },
    { name: 'Buffer 100 B', kind: 'Buffer', bytes: 100 },
    { name: 'Buffer 4 KB', kind: 'Buffer', bytes: 4096 },
    { name: 'Buffer 64 KB', kind: 'Buffer', bytes: 65_536 },
    { name: 'Buffer 1 MB', kind: 'Buffer', bytes: 1_048_576 },
    { name: 'string 100 B', kind: 'string', bytes: 100 },
    { name: 'string 4 KB', kind: 'string', bytes: 4096 },
    { name: 'string 64 KB', kind: 'string', bytes: 65_536 },
    { name: 'string 1 MB', kind: 'string', bytes: 1_048_576 },
  ],
  quick: ['record 400 B', 'Buffer 4 KB'],
  sides: ({ kind, bytes, slow }) => [
    'swapstore',
    ...(kind === 'record' ? ['swapstore, immutable'] : []),
    limits[kind],
    // What is larger is better read into memory of its own.
    ...(bytes <= 65_536 ? [bareStore] : []),
    ...all.slice(1),
    ...(slow ? ['cacache', '@keyv/sqlite'] : []),
  ],
  async run({ side, variant, ms, directory, dist }) {
    const { kind, bytes } = variant;
    const count = Math.max(
      40,
      Math.min(side === 'cacache' || side.startsWith('@keyv') ? 1000 : 50_000, Math.floor(dataBytes / bytes)),
    );
    const divide = (ns) => ns / 1000;
    if (side === limits[kind]) {
      const limit = openLimit(kind, bytes, count, directory);
      const get = await perCall((index) => limit.get((index * stride) % count), ms);
      limit.close();
      return { get: divide(get), peek: divide(get) };
    }
    const [name, immutable] = side.split(', ');
    const memoryBytes = Math.ceil(dataBytes / 40);
    const options = { immutable: immutable !== undefined };
    const store = await peers[name]({ directory, dist, memoryBytes, entryBytes: bytes + 700, options });
    const keys = Array.from({ length: count }, (_, index) => keyOf(index));
    for (let index = 0; index < count; index++) {
      await store.set(keys[index], kinds[kind](index, bytes));
      if (index % 64 === 0) await store.mustRest?.();
    }
    await store.rest?.();
    for (let index = 0; index < count; index += 17) {
      const value = await store.get(keys[index]);
      if (!isRight(kind, value, index, bytes)) throw new Error(`${side} has a wrong value`);
    }
    const result = {};
    for (const way of store.peek === undefined ? ['get'] : ['peek', 'get'])
      result[way] = divide(
        await perCall((index) => store[way](keys[(index * stride) % count]), ms, store.isAsync),
      );
    if (store.peek === undefined && side !== bareStore) result.peek = result.get;
    await store.close();
    return result;
  },
};
