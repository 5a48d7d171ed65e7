/** A store that is there again when its path is opened again. */
import { existsSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { fingerprint } from '../../dist/codec/fingerprint.js';
import { readLogHeader, sumOfBlock } from '../../dist/disk/index-format.js';
import { Xorshift } from '../../dist/memory/xorshift.js';
import { MemoryDisk } from '../simulation/memory-disk.js';
import { World } from '../support/environment.js';
import {
  checkInvariants,
  closeStore,
  codeOf,
  expectCode,
  forget,
  freshPath,
  mebi,
  openInWorld,
  openStore,
  type SwapStore,
  type SwapStoreOptions,
  swapErrorOf,
  warningsOf,
} from '../support/store.js';

const persistent = (path: string, options: SwapStoreOptions = {}): SwapStoreOptions => ({
  path,
  persist: true,
  maxSwap: 4 * mebi,
  ...options,
});

async function reopened(store: SwapStore, options: SwapStoreOptions): Promise<SwapStore> {
  await closeStore(store);
  return openStore(options);
}

const values = {
  record: { a: 1, b: ['two', { c: null }] },
  buffer: Buffer.from('bytes'),
  map: new Map([['key', new Date(5)]]),
  nothing: undefined,
  text: 'ж'.repeat(500),
  large: 'large '.repeat(200_000),
};

describe('a persistent store', () => {
  it('keeps a lifetime that was changed after the value had been written', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const options = persistent(freshPath());
      const first = openStore(options);
      for (const key of ['clean', 'swapped', 'dirty']) first.set(key, key, { ttl: 1_000 });
      await first.flush();
      first.swapOutSync('swapped');
      first.set('dirty', 'dirty', { ttl: 1_000 });
      for (const key of first.keys()) first.expire(key, 9_000);
      await first.flush();
      await closeStore(first);
      const second = openStore(options);
      expect([...second.keys()].map((key) => second.remainingTtl(key))).toEqual([9_000, 9_000, 9_000]);
    } finally {
      vi.useRealTimers();
    }
  });

  const ways: ReadonlyArray<readonly [string, SwapStoreOptions]> = [
    ['plenty of memory', {}],
    ['little memory', { maxMemory: 65_536 }],
    ['no memory and no threads', { maxMemory: 0, threads: 0 }],
    ['compression', { maxMemory: 65_536, compression: 'deflate' }],
    ['large pages', { pageSize: 4096 }],
  ];
  it.each(ways)('has everything again when it is opened again, with %s', async (_way, more) => {
    const options = persistent(freshPath(), more);
    let store = openStore(options);
    for (const [key, value] of Object.entries(values)) store.set(key, value);
    store.set('lives', 1, { ttl: 1e9, size: 777 }).set('gone', 1).set('expired', 1, { ttl: 1 });
    store.delete('gone');
    for (let round = 0; round < 3; round++) {
      store = await reopened(store, options);
      for (const [key, value] of Object.entries(values)) expect(store.get(key), key).toEqual(value);
      expect(store.get('lives')).toBe(1);
      expect(store.has('gone')).toBe(false);
      store.set('record', values.record).set(`round ${round}`, { round });
    }
    expect(store.get('expired')).toBe(undefined);
    expect(store.get('round 1')).toEqual({ round: 1 });
    store.clear();
    store.set('after', 'clear');
    store = await reopened(store, options);
    expect([...store.keys()]).toEqual(['after']);
  });

  it('keeps what closeSync found, and needs no flush of its own', () => {
    const options = persistent(freshPath());
    const store = openStore(options);
    store.set('a', { n: 1 });
    forget(store);
    store.closeSync();
    expect(openStore(options).get('a')).toEqual({ n: 1 });
  });

  it('becomes durable by itself within its interval', async () => {
    const base = new MemoryDisk();
    const { store, world } = openInWorld(
      persistent('/store', { flushIntervalMs: 500 }),
      new World(1, 1000, base),
    );
    store.set('a', 1);
    await world.live(1000);
    const after = openInWorld(
      persistent('/store'),
      new World(
        2,
        1000,
        base.afterCrash(() => 0),
      ),
    );
    expect(after.store.get('a')).toBe(1);
  });

  it('uses the pages of what was overwritten again, though no flush is asked for', () => {
    const store = openStore(
      persistent(freshPath(), { maxSwap: 65_536, maxMemory: 0, threads: 0, flushIntervalMs: 0 }),
    );
    for (let round = 0; round < 500; round++) store.set(`key:${round % 10}`, `${round} `.repeat(300));
    for (let round = 490; round < 500; round++)
      expect(store.get(`key:${round % 10}`)).toBe(`${round} `.repeat(300));
    checkInvariants(store);
  });

  it('gives the end of its file back when most of it is deleted', async () => {
    const path = freshPath();
    const store = openStore(persistent(path));
    for (let index = 0; index < 500; index++) store.set(`key:${index}`, Buffer.alloc(4000, index));
    await store.flush();
    const before = statSync(path).size;
    for (let index = 20; index < 500; index++) store.delete(`key:${index}`);
    await store.flush();
    expect(statSync(path).size).toBeLessThan(before / 4);
    expect(store.get('key:7')).toEqual(Buffer.alloc(4000, 7));
  });

  it('has one owner', async () => {
    const options = persistent(freshPath());
    const store = openStore(options);
    swapErrorOf(() => openStore(options), 'ERR_SWAP_LOCKED');
    await closeStore(store);
    expect(openStore(options).size).toBe(0);
  });

  it.runIf(process.platform !== 'win32')(
    'is one store under its name and behind a symbolic link',
    async () => {
      const path = freshPath();
      const link = freshPath();
      const first = openStore(persistent(path));
      first.set('a', 1);
      symlinkSync(path, link);
      swapErrorOf(() => openStore(persistent(link)), 'ERR_SWAP_LOCKED');
      const second = await reopened(first, persistent(link));
      expect(second.get('a')).toBe(1);
      second.set('b', 2);
      expect([...(await reopened(second, persistent(path))).entries()]).toEqual([
        ['a', 1],
        ['b', 2],
      ]);
      expect(existsSync(`${link}.index`)).toBe(false);
    },
  );
});

describe('a flush', () => {
  it('names what cannot be encoded, and keeps the rest', async () => {
    const options = persistent(freshPath());
    const store = openStore(options);
    store.set('fn', () => {}).set('a', 1);
    const error = await expectCode(() => store.flush(), 'ERR_SWAP_UNSERIALIZABLE');
    expect(error.key).toBe('fn');
    store.delete('fn');
    await store.flush();
    expect((await reopened(store, options)).get('a')).toBe(1);
  });

  it('tells of a failed sync; the next one makes durable what that one could not', async () => {
    const base = new MemoryDisk();
    const { store, world, disk } = openInWorld(
      persistent('/store', { flushIntervalMs: 0, maxMemory: 0 }),
      new World(1, 1000, base),
    );
    store.set('a', 'first');
    await world.drive(store.flush());
    for (let k = 1; k <= 2; k++) {
      store.set('a', `later ${k}`).set(`b${k}`, 'new');
      disk.failSync('EIO', k);
      await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
      expect(store.get('a')).toBe(`later ${k}`);
      const crashed = openInWorld(
        persistent('/store'),
        new World(
          2,
          1000,
          base.afterCrash(() => 0),
        ),
      );
      expect(['first', 'later 1']).toContain(crashed.store.get('a'));
      await closeStore(crashed.store);
      await world.drive(store.flush());
      const after = openInWorld(
        persistent('/store'),
        new World(
          3,
          1000,
          base.afterCrash(() => 0),
        ),
      );
      expect([after.store.get('a'), after.store.get(`b${k}`)]).toEqual([`later ${k}`, 'new']);
      await closeStore(after.store);
      checkInvariants(store);
    }
  });

  it('goes on when the store is cleared while its index is written anew', async () => {
    const base = new MemoryDisk();
    const { store, world } = openInWorld(
      persistent('/store', { flushIntervalMs: 0, maxMemory: 2 ** 22 }),
      new World(1, 2 ** 20, base),
    );
    // So many that listing them takes several turns.
    for (let index = 0; index < 10_000; index++) store.set(`key:${index}`, index);
    await world.drive(store.flush());
    store.set('one', 'more');
    const flushed = store.flush();
    for (let round = 0; round < 12; round++) await world.round();
    store.clear();
    store.set('after', 'clear');
    await world.drive(flushed);
    await world.drive(store.flush());
    checkInvariants(store);
    const after = openInWorld(
      persistent('/store'),
      new World(
        2,
        1000,
        base.afterCrash(() => 0),
      ),
    );
    expect([...after.store]).toEqual([['after', 'clear']]);
  });

  it('tells of a failed write of what is set again and again while it is written', async () => {
    const base = new MemoryDisk();
    const { store, world } = openInWorld(
      persistent('/store', { flushIntervalMs: 0, threads: 0 }),
      new World(1, 1000, base),
    );
    let writes = 0;
    base.onCall = (call, path) => {
      if (call !== 'write' || path !== '/store') return undefined;
      // The last one is not made off the loop, so that nothing can come between.
      if (++writes === 4) return { kind: 'error', code: 'EIO' };
      store.set('key', writes);
      return undefined;
    };
    store.set('key', 0);
    await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
    base.onCall = undefined;
    expect(writes).toBe(4);
    expect(store.get('key')).toBe(3);
  });

  it('tells of a failed write, in the background by a warning, and loses nothing', async () => {
    const { store, world, disk } = openInWorld(
      persistent('/store', { flushIntervalMs: 100, maxMemory: 2 ** 20 }),
      new World(1, 1000, new MemoryDisk()),
    );
    const warnings = warningsOf(store);
    store.set('a', 1);
    disk.failWrite('EIO');
    await world.live(200);
    expect(warnings.map(codeOf)).toEqual(['ERR_SWAP_IO']);
    expect(store.get('a')).toBe(1);
    await world.live(500);
    expect(warnings.length).toBe(1);
    await world.drive(store.flush());
    checkInvariants(store);
  });
});

describe('closing at once', () => {
  it('makes durable what was set after a flush had begun that is still under way', async () => {
    const base = new MemoryDisk();
    const { store, world } = openInWorld(
      persistent('/store', { maxSwap: 2 ** 20 }),
      new World(1, 2 ** 20, base),
    );
    for (let index = 0; index < 100; index++) store.set(`key:${index}`, 'x'.repeat(1000));
    const flushed = store.flush();
    await world.clock.turn();
    store.set('last', 1);
    store.set('key:0', 'new');
    forget(store);
    store.closeSync();
    await world.drive(Promise.all([flushed, store.close()]));
    const crashed = base.afterCrash(() => 0);
    const again = openInWorld(persistent('/store', { maxSwap: 2 ** 20 }), new World(2, 2 ** 20, crashed));
    expect(again.store.get('last')).toBe(1);
    expect(again.store.get('key:0')).toBe('new');
    expect(again.store.size).toBe(101);
  });

  it('and all else that comes later finds the files where they were, whatever directory the process is in then', async () => {
    const home = process.cwd();
    const path = freshPath();
    try {
      process.chdir(dirname(path));
      const store = openStore(persistent(basename(path), { flushIntervalMs: 0 }));
      for (let index = 0; index < 100; index++) store.set(`key:${index}`, index);
      await store.flush();
      process.chdir(home);
      for (let round = 0; round < 20; round++) {
        for (let index = 0; index < 100; index++) store.set(`key:${index}`, round);
        await store.flush();
      }
      store.set('last', 1);
      await closeStore(store);
    } finally {
      process.chdir(home);
    }
    const again = openStore(persistent(path));
    expect(again.get('last')).toBe(1);
    expect(again.get('key:7')).toBe(19);
    expect(existsSync(join(home, `${basename(path)}.index`))).toBe(false);
  });
});

it('begins a flush when too much of the log waits in memory, however long the interval', async () => {
  const base = new MemoryDisk();
  let syncs = 0;
  base.onCall = (call) => {
    if (call === 'sync') syncs++;
    return undefined;
  };
  // With blocks of 1,000 bytes in place of 64 KiB.
  const { store, world } = openInWorld(
    persistent('/store', { threads: 0, maxMemory: 0, maxSwap: 2 ** 20, flushIntervalMs: 1e9 }),
    new World(1, 1000, base),
  );
  store.set('first', 1);
  await world.live(10, 10);
  const before = syncs;
  for (let index = 0; index < 10_000; index++) {
    store.set(`key:${index % 10}`, index);
    if (index % 100 === 0) await world.live(1, 1);
  }
  expect(syncs).toBeGreaterThan(before);
  expect(store.get('key:9')).toBe(9_999);
});

describe('a snapshot', () => {
  it('is the store of one instant, while everything goes on', async () => {
    const base = new MemoryDisk();
    const world = new World(1, 2 ** 20, base);
    const options = persistent('/store', { flushIntervalMs: 20, maxMemory: 16_384, maxSwap: 2 ** 20 });
    const { store } = openInWorld(options, world);
    const model = new Map<string, string>();
    const random = new Xorshift(5);
    const change = () => {
      const key = `key:${random.below(60)}`;
      if (random.below(5) === 0) {
        store.delete(key);
        model.delete(key);
      } else {
        const value = `${random.below(1e6)} `.repeat(1 + random.below(60));
        store.set(key, value);
        model.set(key, value);
      }
    };
    for (let round = 0; round < 8; round++) {
      for (let step = 0; step < 100; step++) change();
      const expected = new Map(model);
      const path = `/copy ${round}`;
      const copied = store.snapshot(path);
      for (let step = 0; step < 200; step++) {
        change();
        if (step % 5 === 0) await world.live(10);
      }
      await world.drive(copied);
      checkInvariants(store);
      const copy = openInWorld(
        persistent(path, { maxSwap: 2 ** 20 }),
        new World(
          2,
          2 ** 20,
          base.afterCrash(() => 0),
        ),
      );
      expect(new Map(copy.store)).toEqual(expected);
      await closeStore(copy.store);
    }
    for (const [key, value] of model) expect(store.get(key)).toBe(value);
  });

  it('has what was set before it, though one flush is under way and another follows at once', async () => {
    const base = new MemoryDisk();
    const { store, world } = openInWorld(
      persistent('/store', { maxSwap: 2 ** 20 }),
      new World(1, 2 ** 20, base),
    );
    store.set('a', 1);
    const flushed = store.flush();
    store.set('b', 2);
    const copied = store.snapshot('/copy');
    store.set('c', 3);
    await world.drive(Promise.all([flushed, copied, store.flush()]));
    checkInvariants(store);
    const crashed = base.afterCrash(() => 0);
    const copy = openInWorld(persistent('/copy', { maxSwap: 2 ** 20 }), new World(2, 2 ** 20, crashed));
    expect(copy.store.get('a')).toBe(1);
    expect(copy.store.get('b')).toBe(2);
  });

  it.each([
    ['open', 1, 'ERR_SWAP_IO'],
    ['syncDirectory', 1, 'ERR_SWAP_IO'],
    ['close', 1, undefined],
    ['close', 2, undefined],
    ['close', 3, undefined],
  ] as const)('is whole or leaves nothing behind where %s number %i fails', async (failing, k, code) => {
    const base = new MemoryDisk();
    const { store, world } = openInWorld(
      persistent('/store', { flushIntervalMs: 0, threads: 0 }),
      new World(1, 1000, base),
    );
    store.set('key', 'value');
    await world.drive(store.flush());
    let calls = 0;
    base.onCall = (call) => (call === failing && ++calls === k ? { kind: 'error', code: 'EIO' } : undefined);
    const error = await world.drive(store.snapshot('/copy')).catch((reason: unknown) => reason);
    base.onCall = undefined;
    expect(codeOf(error)).toBe(code);
    if (code !== undefined) await world.drive(store.snapshot('/copy'));
    const copy = openInWorld(persistent('/copy'), new World(2, 1000, base));
    expect(copy.store.get('key')).toBe('value');
    await closeStore(copy.store);
    await closeStore(store);
  });

  it('needs a path where no file is, and a store that persists', async () => {
    const path = freshPath();
    const store = openStore(persistent(path));
    store.set('a', 1);
    await expectCode(() => store.snapshot(path), 'ERR_SWAP_OPTION');
    await expectCode(() => store.snapshot(''), 'ERR_SWAP_OPTION');
    await expectCode(() => openStore().snapshot(freshPath()), 'ERR_SWAP_OPTION');
    const copy = freshPath();
    await store.snapshot(copy);
    await expectCode(() => store.snapshot(copy), 'ERR_SWAP_OPTION');
    expect(openStore(persistent(copy)).get('a')).toBe(1);
    expect(store.get('a')).toBe(1);
  });
});

describe('files that are not what they should be', () => {
  const filled = async () => {
    const path = freshPath();
    const store = openStore(persistent(path));
    for (let index = 0; index < 20; index++) store.set(`key:${index}`, { index });
    await closeStore(store);
    return path;
  };

  it('are refused, and left as they are', async () => {
    const path = await filled();
    const before = [readFileSync(path), readFileSync(`${path}.index`)];
    const serializer = { name: 'other', serialize: () => Buffer.alloc(1), deserialize: () => 1 };
    const others: SwapStoreOptions[] = [
      { path },
      persistent(path, { pageSize: 128 }),
      persistent(path, { serializer }),
    ];
    for (const options of others) swapErrorOf(() => openStore(options), 'ERR_SWAP_FORMAT');
    expect([readFileSync(path), readFileSync(`${path}.index`)]).toEqual(before);
    expect(openStore(persistent(path)).get('key:3')).toEqual({ index: 3 });
  });

  it('are new when they never were written', async () => {
    const path = freshPath();
    writeFileSync(path, Buffer.alloc(4096));
    const store = openStore(persistent(path));
    store.set('a', 1);
    expect((await reopened(store, persistent(path))).get('a')).toBe(1);
  });

  it('do not fit together, or are missing', async () => {
    const [one, other] = [await filled(), await filled()];
    const index = readFileSync(`${one}.index`);
    writeFileSync(`${one}.index`, readFileSync(`${other}.index`));
    swapErrorOf(() => openStore(persistent(one)), 'ERR_SWAP_FORMAT');
    writeFileSync(`${one}.index`, index);
    truncateSync(other, 0);
    swapErrorOf(() => openStore(persistent(other)), 'ERR_SWAP_FORMAT');
    const scratch = freshPath();
    writeFileSync(scratch, Buffer.alloc(8192, 'not ours'));
    swapErrorOf(() => openStore(persistent(scratch)), 'ERR_SWAP_FORMAT');
    expect(openStore(persistent(one)).size).toBe(20);
  });

  it.each([
    ['read', 'EIO', 'ERR_SWAP_IO'],
    ['write', 'EIO', 'ERR_SWAP_IO'],
    ['write', 'ENOSPC', 'ERR_SWAP_FULL'],
  ] as const)(
    'leave nothing in doubt when a sync fails, and then a %s with %s',
    async (call, errno, code) => {
      const base = new MemoryDisk();
      const world = new World(1, 1000, base);
      const options = persistent('/store', { flushIntervalMs: 0, maxMemory: 0, threads: 0 });
      const { store, disk } = openInWorld(options, world);
      for (let index = 0; index < 6; index++) store.set(`key:${index}`, { index });
      disk.failSync('EIO');
      await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
      // All six are to be written again: it fails in the middle of them.
      if (call === 'read') disk.failRead(errno, 3);
      else disk.failWrite(errno, 3);
      await expectCode(() => world.drive(store.flush()), code);
      await world.live(2000);
      await world.drive(store.flush());
      const after = openInWorld(
        options,
        new World(
          2,
          1000,
          base.afterCrash(() => 0),
        ),
      );
      for (let index = 0; index < 6; index++) expect(after.store.get(`key:${index}`)).toEqual({ index });
      expect(store.stats().corruptRecords).toBe(0);
    },
  );

  it('cost the keys of a damaged block, which is reported, and bring no old value back', async () => {
    const base = new MemoryDisk();
    const world = new World(1, 1000, base);
    const options = persistent('/store', { flushIntervalMs: 0 });
    const { store } = openInWorld(options, world);
    for (let index = 0; index < 50; index++) store.set(`key:${index}`, 'old');
    await world.drive(store.flush());
    // The second flush writes the index anew; what comes after it is added.
    store.set('key:0', 'old');
    await world.drive(store.flush());
    const from = base.contentOf('/store.index').length;
    for (let index = 10; index < 14; index++) store.set(`key:${index}`, 'new');
    await world.drive(store.flush());
    for (let index = 20; index < 22; index++) store.set(`key:${index}`, 'newer');
    await world.drive(store.flush());
    const broken = base.afterCrash(() => 0);
    const content = Buffer.from(broken.contentOf('/store.index'));
    content[from + 40]! ^= 1;
    broken.replaceContent('/store.index', content);
    const after = openInWorld(options, new World(2, 1000, broken));
    const warnings = warningsOf(after.store);
    await after.world.pump();
    expect(warnings.map(codeOf)).toEqual(['ERR_SWAP_CORRUPT']);
    expect(after.store.stats().corruptRecords).toBeGreaterThanOrEqual(4);
    for (let index = 0; index < 50; index++) {
      const expected = index >= 10 && index < 14 ? undefined : index >= 20 && index < 22 ? 'newer' : 'old';
      expect(after.store.get(`key:${index}`), `key:${index}`).toBe(expected);
    }
  });

  const manyShapes = (index: number, version: number) => ({ [`of ${index % 7}`]: index, version });
  const manyKeys = Array.from({ length: 200 }, (_, index) => `key:${index}`);

  /** A store whose index is a list, to which what is flushed from now on is added. */
  async function withList() {
    const options = persistent('/store', { flushIntervalMs: 0 });
    const base = new MemoryDisk();
    const { store, world } = openInWorld(options, new World(1, 1000, base));
    for (const [index, key] of manyKeys.entries()) store.set(key, manyShapes(index, 1));
    await world.drive(store.flush());
    // The second flush writes the index anew.
    store.set('key:0', manyShapes(0, 1));
    await world.drive(store.flush());
    return { options, base, store, world, listEnd: base.contentOf('/store.index').length };
  }

  /** Opens a copy of a store with a part of its index overwritten, and hands over what it says. */
  async function withDamage(
    disk: MemoryDisk,
    from: number,
    bytes: number,
    worldOf = (seed: number, over: MemoryDisk) => new World(seed, 1000, over),
  ) {
    const broken = disk.afterCrash(() => 0);
    const content = Buffer.from(broken.contentOf('/store.index'));
    for (let at = from; at < Math.min(from + bytes, content.length); at++) content[at]! ^= 0x55;
    broken.replaceContent('/store.index', content);
    const options = persistent('/store', { flushIntervalMs: 0, whenCorrupt: 'miss', maxSwap: 64 * mebi });
    const { store, world } = openInWorld(options, worldOf(3, broken));
    const warnings = warningsOf(store);
    await world.pump();
    const { corruptRecords } = store.stats();
    return { store, reported: warnings.length > 0 ? corruptRecords : 0 };
  }

  it('cost the keys of the block that is damaged and no others, which is reported, after a close', async () => {
    const options = persistent('/store', { flushIntervalMs: 0 });
    const base = new MemoryDisk();
    const { store } = openInWorld(options, new World(1, 1000, base));
    for (const [index, key] of manyKeys.entries()) store.set(key, manyShapes(index, 1));
    await closeStore(store);
    const offsets = blocksOf(base.contentOf('/store.index'));
    expect(offsets.length).toBeGreaterThan(20);
    let lostCount = 0;
    for (const offset of offsets) {
      const after = await withDamage(base, offset + 40, 1);
      const lost = manyKeys.filter((key, index) => {
        const value = after.store.get(key);
        if (value !== undefined) expect(value).toEqual(manyShapes(index, 1));
        return value === undefined;
      });
      expect(lost.length).toBeLessThan(20);
      expect(after.reported).toBeGreaterThanOrEqual(lost.length);
      lostCount += lost.length;
      await closeStore(after.store);
    }
    expect(lostCount).toBe(manyKeys.length);
  });

  it.each([512, 4096])(
    'cost the keys that were written in %i bytes that a disk has lost, and no others',
    async (bytes) => {
      const { options, base, store, world, listEnd: first } = await withList();
      // What is added comes from two processes, one after the other.
      const ends: number[] = [];
      const flushed = async (to: SwapStore, index: number, inWorld: World, disk: MemoryDisk) => {
        if (index % 10 === 9) to.delete(`key:${index}`);
        else to.set(`key:${index}`, { [`new ${index}`]: index, version: 2 });
        await inWorld.drive(to.flush());
        ends.push(disk.contentOf('/store.index').length);
      };
      for (let index = 0; index < 20; index++) await flushed(store, index, world, base);
      const disk = base.afterCrash(() => 0);
      const second = openInWorld(options, new World(2, 1000, disk));
      for (let index = 20; index < 40; index++) await flushed(second.store, index, second.world, disk);
      const latest = (index: number) =>
        index >= 40
          ? manyShapes(index, 1)
          : index % 10 === 9
            ? undefined
            : { [`new ${index}`]: index, version: 2 };
      // The last flush is left as it is: without it what comes before would look torn.
      for (let from = first; from + bytes <= ends[38]!; from += 256) {
        const after = await withDamage(disk, from, bytes);
        let lost = 0;
        for (const [index, key] of manyKeys.entries()) {
          const value = after.store.get(key);
          const isHit = index < 40 && ends[index]! > from && (ends[index - 1] ?? first) < from + bytes;
          if (isHit && value === undefined) lost++;
          else expect(value, `${key} with ${from} damaged`).toEqual(latest(index));
        }
        expect(after.reported).toBeGreaterThanOrEqual(lost > 0 ? 1 : 0);
        await closeStore(after.store);
      }
    },
  );

  it('cost no other keys where the last block of a process that died is damaged, however large it is', async () => {
    const options = persistent('/store', { flushIntervalMs: 0, maxSwap: 64 * mebi });
    const large = (seed: number, disk: MemoryDisk) => {
      const world = new World(seed, 100_000, disk);
      Object.assign(world.environment, { indexBytesMin: mebi, indexBlockBytes: 65_536 });
      return world;
    };
    const base = new MemoryDisk();
    const first = openInWorld(options, large(1, base));
    const count = 4600;
    for (const value of ['old', 'new']) {
      for (let index = 0; index < count; index++) first.store.set(`key:${index}`, value);
      await first.world.drive(first.store.flush());
    }
    const blocks = blocksOf(base.contentOf('/store.index'));
    const last = blocks[blocks.length - 1]!;
    expect(base.contentOf('/store.index').length - last).toBeGreaterThan(65_536);
    const disk = base.afterCrash(() => 0);
    const second = openInWorld(options, large(2, disk));
    second.store.set('another', 1);
    await second.world.drive(second.store.flush());
    const after = await withDamage(disk, last + 40, 1, large);
    expect(after.store.get('another')).toBe(1);
    let lost = 0;
    for (let index = 0; index < count; index++) {
      const value = after.store.get(`key:${index}`);
      if (value === undefined) lost++;
      else expect(value).toBe('new');
    }
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(count / 2 + 500);
    expect(after.reported).toBeGreaterThanOrEqual(lost);
  });

  it('cost the keys whose values would lie beyond the end, and no others that come to lie there', async () => {
    const path = freshPath();
    const options = persistent(path, { pageSize: 4096 });
    const first = openStore(options);
    for (const key of ['kept', 'cut']) first.set(key, key.repeat(500)).swapOutSync(key);
    await closeStore(first);
    truncateSync(path, 2 * 4096);
    for (let round = 0; round < 3; round++) {
      const store = openStore(options);
      expect(store.stats().corruptRecords).toBe(round === 0 ? 1 : 0);
      expect([...store.keys()].sort()).toEqual(['kept', ...(round === 0 ? [] : ['new'])]);
      expect(store.get('kept')).toBe('kept'.repeat(500));
      if (round > 0) expect(store.get('new')).toBe('new'.repeat(500));
      store.set('new', 'new'.repeat(500));
      await closeStore(store);
    }
  });

  it('may not make the store allocate what no file has', async () => {
    const path = freshPath();
    const options = persistent(path, { maxSwap: 4096 * mebi });
    const first = openStore(options);
    first.set('abcdefgh', 1);
    await closeStore(first);
    const index = readFileSync(`${path}.index`);
    const block = index.subarray(index.indexOf('SWJB'));
    block.writeUInt32LE(2 ** 31 - 1000, block.indexOf('abcdefgh') + 'abcdefgh'.length + 4);
    const { seedA, seedB } = readLogHeader(index)!;
    sumOfBlock(block, block.readUInt32LE(4), seedA, seedB);
    block.writeInt32LE(fingerprint.a, 16);
    block.writeInt32LE(fingerprint.b, 20);
    writeFileSync(`${path}.index`, index);
    const store = openStore(options);
    expect(store.stats()).toMatchObject({ corruptRecords: 1, usedPages: 0 });
    expect(store.get('abcdefgh')).toBeUndefined();
  });

  it('do not take long to open where much in the index looks like blocks and is none', async () => {
    const path = await filled();
    const index = readFileSync(`${path}.index`);
    // Each seems to be of a block that goes on to the end: to sum them all would be 128 GiB.
    const tail = Buffer.alloc(4 * mebi);
    for (let at = 0; at + 32 < tail.length; at += 32) {
      tail.write('SWJB', at);
      tail.writeUInt32LE(tail.length - at - 32, at + 4);
    }
    writeFileSync(`${path}.index`, Buffer.concat([index, tail]));
    const store = openStore(persistent(path));
    expect(store.size).toBe(20);
    expect(store.stats().corruptRecords).toBe(1);
    await closeStore(store);
    expect(openStore(persistent(path)).stats().corruptRecords).toBe(0);
  });

  it('bring nothing back that a clear has taken, though its block is damaged', async () => {
    const { base, store, world, listEnd: from } = await withList();
    store.clear();
    store.set('with the clear', 1);
    await world.drive(store.flush());
    store.set('after it', 2);
    await world.drive(store.flush());
    const blocks = blocksOf(base.contentOf('/store.index'));
    expect(blocks.filter((offset) => offset >= from).length).toBe(2);
    const after = await withDamage(base, from + 40, 1);
    expect([...after.store.keys()]).toEqual(['after it']);
    expect(after.reported).toBeGreaterThan(0);
  });

  it('never give a wrong value, wherever one of them is cut or a bit of it changed', async () => {
    const base = new MemoryDisk();
    const world = new World(1, 1000, base);
    const options = persistent('/store', {
      flushIntervalMs: 0,
      maxMemory: 0,
      threads: 0,
      whenCorrupt: 'miss',
    });
    const { store } = openInWorld(options, world);
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 4; index++) store.set(`key:${index}`, { round, index });
      if (round === 1) store.delete('key:3');
      await world.drive(store.flush());
    }
    const look = async (file: string, content: Buffer) => {
      const damaged = base.afterCrash(() => 0);
      damaged.replaceContent(file, content);
      const after = openInWorldOrRefused(options, damaged);
      if (after === undefined) return;
      for (let index = 0; index < 4; index++) {
        const value = after.store.get(`key:${index}`) as { round: number; index: number } | undefined;
        if (value !== undefined) expect(value.index).toBe(index);
      }
      checkInvariants(after.store);
      await closeStore(after.store);
    };
    for (const file of ['/store.index', '/store']) {
      const whole = Buffer.from(base.contentOf(file));
      for (let length = 0; length < whole.length; length += length < 4096 ? 97 : 1)
        await look(file, whole.subarray(0, length));
      // The first block ends with zeros that are of no meaning, and are looked at here and there.
      for (let bit = 0; bit < 8 * whole.length; bit += bit >= 8 * 256 && bit < 8 * 4096 ? 61 : 1) {
        const content = Buffer.from(whole);
        content[bit >> 3]! ^= 1 << (bit & 7);
        await look(file, content);
      }
    }
  });
});

/** Where the blocks of an index begin: each does with its magic letters. */
function blocksOf(index: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = index.indexOf('SWJB'); at !== -1; at = index.indexOf('SWJB', at + 1)) offsets.push(at);
  return offsets;
}

/** A store, or undefined where its files are refused, as may be with damaged ones. */
function openInWorldOrRefused(options: SwapStoreOptions, disk: MemoryDisk) {
  try {
    return openInWorld(options, new World(9, 1000, disk));
  } catch (error) {
    expect(codeOf(error)).toBe('ERR_SWAP_FORMAT');
    return undefined;
  }
}
