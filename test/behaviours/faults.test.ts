/** Full files, full disks, failing reads and writes, dead threads: the error reaches who can act, nothing is lost. */
import zlib from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { pagerOf } from '../../dist/pager/pager-of.js';
import { errnoError } from '../support/faulty-disk.js';
import { noise } from '../support/random.js';
import {
  codeOf,
  expectCode,
  freshPath,
  keysOf,
  kibi,
  mebi,
  openInWorld,
  openStore,
  type SwapStoreOptions,
  swapErrorOf,
  swapOutSlow,
  warningsOf,
} from '../support/store.js';

const text = (index: number) => `${index} `.repeat(200);
/** Room for four values of `text`, at pages of 64 bytes. */
const tiny = { maxMemory: 0, threads: 0, pageSize: 64, maxSwap: 4096 + 64 * 48 };

describe('a full swap file', () => {
  it('refuses the value that does not fit, and keeps all others', () => {
    const store = openStore(tiny);
    let stored = 0;
    const fill = () => {
      for (; stored < 100; stored++) store.set(`key:${stored}`, text(stored));
    };
    swapErrorOf(fill, 'ERR_SWAP_FULL');
    expect(stored).toBeGreaterThan(2);
    for (let index = 0; index < stored; index++) expect(store.get(`key:${index}`)).toBe(text(index));
    swapErrorOf(() => store.set('key:0', text(5).repeat(3)), 'ERR_SWAP_FULL');
    expect(store.get('key:0')).toBe(text(0));
    store.delete('key:0');
    store.set('again', text(0));
    expect(store.get('again')).toBe(text(0));
  });

  it('evicts the coldest where the user chose that, and never passes maxSwap', () => {
    const store = openStore({ ...tiny, whenFull: 'evict' });
    const evicted = keysOf(store, 'evict');
    for (let index = 0; index < 100; index++) store.set(`key:${index}`, text(index));
    const { evictions, entries, swapFileBytes } = store.stats();
    expect(evictions).toBe(evicted.length);
    expect(entries).toBe(100 - evictions);
    expect(swapFileBytes).toBeLessThanOrEqual(tiny.maxSwap);
    for (const [key, value] of store) expect(value).toBe(text(Number(key.slice(4))));
    expect(store.get('key:99')).toBe(text(99));
    swapErrorOf(() => store.set('large', text(1).repeat(20)), 'ERR_SWAP_FULL');
  });

  describe('of a persistent store that evicts', () => {
    const value = (index: number) => Buffer.alloc(900, index);
    /** All of its pages are in use, and nothing is durable yet. */
    const filled = () => {
      const { store, world, disk } = openInWorld({
        ...{ persist: true, path: freshPath(), flushIntervalMs: 0, whenFull: 'evict' },
        ...{ maxMemory: 0, threads: 0, pageSize: 1024, maxSwap: 40 * kibi },
      });
      for (let index = 0; store.stats().usedPages < store.stats().pages; index++)
        store.set(`key:${index}`, value(index));
      return { store, world, disk };
    };
    /** Brings about what a test is about, and returns how to end it. */
    type Begin = (all: ReturnType<typeof filled>) => Promise<() => Promise<unknown>>;
    const ways: ReadonlyArray<readonly [string, Begin]> = [
      [
        'while a flush is under way',
        async ({ store, world }) => {
          const flushed = store.flush();
          return () => world.drive(flushed);
        },
      ],
      [
        'while a snapshot is under way',
        async ({ store, world }) => {
          const copied = store.snapshot(freshPath());
          await world.pump(1);
          return () => world.drive(copied);
        },
      ],
      [
        'while what a failed sync has left in doubt must be written again',
        async ({ store, world, disk }) => {
          disk.failSync('EIO');
          await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
          return () => world.drive(store.flush());
        },
      ],
    ];
    it.each(ways)('refuses in place of evicting where that frees no page: %s', async (_way, begin) => {
      const all = filled();
      const { store } = all;
      const end = await begin(all);
      const { size } = store;
      swapErrorOf(() => store.set('new', value(1)), 'ERR_SWAP_FULL');
      expect([store.size, store.stats().evictions]).toEqual([size, 0]);
      await end();
      for (let index = 0; index < 50; index++) store.set(`new:${index}`, value(index));
      expect(store.get('new:49')).toEqual(value(49));
      expect(store.stats().evictions).toBeGreaterThan(10);
    });

    it('loses of what a failed sync has left in doubt only what has no place to be written again', async () => {
      const { store, world, disk } = filled();
      await world.drive(store.flush());
      const evicted = keysOf(store, 'evict');
      store.set('doubtful', value(7));
      expect(evicted).toHaveLength(1);
      disk.failSync('EIO');
      await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
      await world.drive(store.flush());
      expect(evicted.slice(1)).toEqual(['doubtful']);
      for (const [key, found] of store) expect(found).toEqual(value(Number(key.slice(4))));
      expect(store.set('new', value(1)).get('new')).toEqual(value(1));
      await world.drive(store.flush());
    });
  });

  it('behaviour 17, defect 5: leaves values in memory, and does not encode them again for nothing', () => {
    let encoded = 0;
    const serializer = {
      name: 'counting',
      serialize: (value: unknown) => {
        encoded++;
        return Buffer.from(String(value));
      },
      deserialize: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
    };
    const store = openStore({ ...tiny, maxMemory: 64 * kibi, serializer });
    for (let index = 0; index < 4; index++)
      store.set(`file:${index}`, text(index)).swapOutSync(`file:${index}`);
    for (let index = 0; index < 6; index++) store.set(`key:${index}`, text(index));
    while (store.swapOneSync()) {}
    const before = encoded;
    for (let round = 0; round < 50; round++)
      for (let index = 0; index < 6; index++) store.swapOutSync(`key:${index}`);
    expect(encoded - before).toBeLessThanOrEqual(6);
    for (let index = 0; index < 6; index++) expect(store.get(`key:${index}`)).toBe(text(index));
  });

  it('gives up the pages of clean copies before it is full', () => {
    const store = openStore({ ...tiny, maxMemory: 64 * kibi });
    let stored = 0;
    while (store.set(`key:${stored}`, text(stored)).swapOutSync(`key:${stored}`)) stored++;
    for (let index = 0; index < stored; index++) store.get(`key:${index}`);
    expect(store.swapOutSync(`key:${stored}`)).toBe(true);
    for (let index = 0; index <= stored; index++) expect(store.get(`key:${index}`)).toBe(text(index));
  });
});

describe('a disk that fails', () => {
  it('defect 1: a failed write reaches the caller of set, who keeps the old value', () => {
    const { store, disk } = openInWorld({ threads: 0, maxMemory: 0 });
    store.set('a', 'old');
    disk.failWrite('EIO');
    const error = swapErrorOf(() => store.set('a', 'new'), 'ERR_SWAP_IO');
    expect((error.cause as NodeJS.ErrnoException).code).toBe('EIO');
    expect(store.get('a')).toBe('old');
    expect(store.stats().ioErrors).toBe(1);
    expect(store.set('a', 'new').get('a')).toBe('new');
  });

  it('a full disk is a full swap file', () => {
    const { store, disk } = openInWorld({ threads: 0, maxMemory: 0 });
    store.set('a', 'old');
    disk.failWrites('ENOSPC');
    const error = swapErrorOf(() => store.set('b', 'new'), 'ERR_SWAP_FULL');
    expect(codeOf(error.cause)).toBe('ERR_SWAP_IO');
    disk.failWrites(undefined);
    expect(store.get('a')).toBe('old');
    expect(store.has('b')).toBe(false);
  });

  const ways: SwapStoreOptions[] = [{}, { encryption: true }, { compression: 'deflate', encryption: true }];
  it.each(ways)(
    'a full disk has the coldest evicted where the user chose that, and refuses nothing: %j',
    async (way) => {
      const { store, clock, disk } = openInWorld({ ...way, whenFull: 'evict', maxMemory: 0, threads: 0 });
      const write = disk.write.bind(disk);
      disk.write = (fd, source, offset, length, position) => {
        if (position + length > 128 * kibi) throw errnoError('ENOSPC', 'write');
        return write(fd, source, offset, length, position);
      };
      const value = (index: number) => noise(900 + (index % 3) * 1024, index);
      for (let index = 0; index < 400; index++) {
        store.set(`key:${index}`, value(index));
        expect(store.get(`key:${index}`)).toEqual(value(index));
        // After a while it is tried whether the disk has room again.
        if (index % 50 === 0) await clock.advance(1500);
      }
      expect(store.stats().ioErrors).toBeGreaterThan(2);
      expect(store.stats().evictions).toBeGreaterThan(100);
      for (const [key, found] of store) expect(found).toEqual(value(Number(key.slice(4))));
    },
  );

  it('defect 1, defect 3: a failed write in the background is a warning; the value is still there, its pages are free', async () => {
    const { store, world, disk } = openInWorld({ threads: 1 });
    const warnings = warningsOf(store);
    store.set('a', { n: 1 });
    disk.failWrite('EIO');
    await expectCode(() => world.drive(store.swapOut('a')), 'ERR_SWAP_IO');
    expect(warnings.map(codeOf)).toEqual(['ERR_SWAP_IO']);
    expect(store.state('a')).toBe('resident');
    expect(store.stats()).toMatchObject({ usedPages: 0, inFlightBytes: 0 });
    expect(await world.drive(store.swapOut('a'))).toBe(true);
    expect(store.get('a')).toEqual({ n: 1 });
  });

  it('defect 2: a failed read reaches its caller, and the next one finds the value', async () => {
    const { store, world, disk } = openInWorld({ threads: 1 });
    store.set('a', { n: 1 }).set('b', { n: 2 });
    swapOutSlow(world, store, 'a', 'b');
    disk.failRead('EIO');
    swapErrorOf(() => store.get('a'), 'ERR_SWAP_IO');
    expect(store.get('a')).toEqual({ n: 1 });
    disk.failRead('EIO');
    await expectCode(() => world.drive(store.load('b')), 'ERR_SWAP_IO');
    expect(store.state('b')).toBe('swapped');
    expect(await world.drive(store.load('b'))).toEqual({ n: 2 });
  });

  it('may read and write less than it was asked to', async () => {
    const { store, world, disk } = openInWorld({ threads: 1, maxMemory: 64 * kibi });
    disk.bytesPerCallMax = 7;
    for (let index = 0; index < 30; index++) store.set(`key:${index}`, text(index));
    for (let index = 0; index < 30; index++) await world.drive(store.swapOut(`key:${index}`));
    for (let index = 0; index < 30; index++) expect(store.get(`key:${index}`)).toBe(text(index));
  });

  it('defect 2: bytes that are not the value are an error, or a miss, and never a value', async () => {
    for (let byte = 0; byte < 200; byte += 3) {
      const { store, disk } = openInWorld({ threads: 0, maxMemory: 0 });
      store.set('a', { text: text(1) });
      disk.corruptNextRead((bytes) => {
        bytes[byte]! ^= 1 << (byte % 8);
      });
      swapErrorOf(() => store.get('a'), 'ERR_SWAP_CORRUPT');
      expect(store.stats().corruptRecords).toBe(1);
      expect(store.get('a')).toEqual({ text: text(1) });
      store.closeSync();
    }
    const { store, disk } = openInWorld({ threads: 0, maxMemory: 0, whenCorrupt: 'miss' });
    store.set('a', 1);
    disk.corruptNextRead((bytes) => bytes.fill(0));
    expect(store.get('a')).toBe(undefined);
    expect(store.has('a')).toBe(false);
    expect(store.stats()).toMatchObject({ corruptRecords: 1, misses: 1, usedPages: 0 });
  });

  it('does not matter to the rule when the bytes that are damaged still lie in a write buffer', async () => {
    for (const whenCorrupt of ['throw', 'miss'] as const) {
      const { store, world, disk } = openInWorld({ threads: 1, whenCorrupt });
      store.set('a', { text: text(1) });
      await world.drive(store.swapOut('a'));
      const { reads } = disk;
      const { pool, options } = pagerOf(store).core;
      const payload = pool.slabs.find(store.pointer('a')!.page, options.pageSize) + 100;
      pool.area.bytes[payload]! ^= 1;
      if (whenCorrupt === 'throw') swapErrorOf(() => store.get('a'), 'ERR_SWAP_CORRUPT');
      else expect(store.get('a')).toBe(undefined);
      expect(store.stats()).toMatchObject({ corruptRecords: 1, bytesRead: 0 });
      expect(disk.reads).toBe(reads);
      expect(store.has('a')).toBe(whenCorrupt === 'throw');
    }
  });

  it('that is overwritten behind our back gives no wrong value', () => {
    const { store, disk } = openInWorld({ threads: 0, maxMemory: 0 });
    for (let index = 0; index < 20; index++) store.set(`key:${index}`, index);
    disk.corruptNextRead((bytes) => bytes.set(bytes.slice().reverse()));
    swapErrorOf(() => store.get('key:3'), 'ERR_SWAP_CORRUPT');
  });
});

describe('a compressor that fails', () => {
  function failing<T>(act: () => T): T {
    const compressor = vi.spyOn(zlib, 'deflateRawSync').mockImplementation(() => {
      throw new Error('no memory for a window');
    });
    try {
      return act();
    } finally {
      compressor.mockRestore();
    }
  }

  it('tells the caller of a swap on its own thread, and the value stays', () => {
    const store = openStore({ threads: 0, compression: 'deflate' });
    store.set('a', text(1));
    const error = failing(() => swapErrorOf(() => store.swapOutSync('a'), 'ERR_SWAP_IO'));
    expect(error.message).toContain('no memory for a window');
    expect(store.state('a')).toBe('resident');
    expect(store.stats()).toMatchObject({ ioErrors: 1, usedPages: 0, inFlightBytes: 0 });
    expect(store.swapOutSync('a')).toBe(true);
    expect(store.get('a')).toBe(text(1));
  });

  it('tells the caller of set when the value has nowhere else to go, and the old one stays', () => {
    const store = openStore({ threads: 0, maxMemory: 0, compression: 'deflate' });
    store.set('a', text(1));
    failing(() => swapErrorOf(() => store.set('a', text(2)), 'ERR_SWAP_IO'));
    expect(store.get('a')).toBe(text(1));
  });

  it('warns when it failed in the background: batches of the threads, and records too large for them', async () => {
    const large = 'large '.repeat(4 * mebi);
    const { store, world } = openInWorld({ threads: 1, compression: 'deflate', maxMemory: 128 * mebi });
    const warnings = warningsOf(store);
    store.set('a', text(1)).set('large', large);
    const swaps = [store.swapOut('a'), store.swapOut('large')];
    const settled = Promise.allSettled(swaps);
    await failing(() => {
      while (world.threads.step()) {}
      return world.pump();
    });
    const outcomes = await world.drive(settled);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'fulfilled']);
    expect(warnings.map(codeOf)).toEqual(['ERR_SWAP_IO']);
    expect(store.state('a')).toBe('resident');
    expect(store.get('a')).toBe(text(1));
    expect(store.get('large')).toBe(large);
  });
});

describe('a thread that dies', () => {
  it('takes only the job that it had: the caller is told, the value is still there, the store goes on', async () => {
    const { store, world, disk, threads } = openInWorld({ threads: 1 });
    store.set('a', { n: 1 });
    disk.during = () => {
      disk.during = undefined;
      threads.kill();
    };
    await expectCode(() => world.drive(store.swapOut('a')), 'ERR_SWAP_WORKER');
    expect(store.get('a')).toEqual({ n: 1 });
    expect(await world.drive(store.swapOut('a'))).toBe(true);
  });

  it('again and again is given up, with one warning', async () => {
    const { store, world, threads } = openInWorld({ threads: 2, maxMemory: 32 * kibi });
    const warnings = warningsOf(store);
    threads.refusal = new Error('no threads here');
    for (let index = 0; index < 200; index++) {
      store.set(`key:${index}`, text(index));
      await world.drive(store.ready());
    }
    for (let index = 0; index < 200; index++)
      expect(await world.drive(store.load(`key:${index}`))).toBe(text(index));
    expect(warnings.map(codeOf)).toEqual(['ERR_SWAP_WORKER']);
  });
});
