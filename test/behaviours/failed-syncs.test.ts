/** After a sync that failed nothing is taken for durable that was written before, and the next flush makes it so. */
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../simulation/memory-disk.js';
import { World } from '../support/environment.js';
import {
  checkInvariants,
  closeStore,
  expectCode,
  forget,
  learnReadCost,
  mebi,
  openInWorld,
  type SwapStore,
  type SwapStoreOptions,
  swapErrorOf,
} from '../support/store.js';

/** A store of which nothing is flushed that the test does not flush. */
function scene(options: SwapStoreOptions) {
  const base = new MemoryDisk();
  const terms = { path: '/store', persist: true, flushIntervalMs: 0, ...options };
  return { base, terms, ...openInWorld(terms, new World(1, 1000, base)) };
}

/** The next sync fails, and forgets what it could not write. */
function failNextSync(base: MemoryDisk): void {
  base.onCall = (call) => {
    if (call !== 'sync') return undefined;
    base.onCall = undefined;
    return { kind: 'error', code: 'EIO' };
  };
}

/** The store as it is found when the power has failed, and nothing was kept that was not synced. */
function afterPowerCut(base: MemoryDisk, options: SwapStoreOptions): SwapStore {
  const disk = base.afterCrash(() => 0);
  return openInWorld(options, new World(2, 1000, disk)).store;
}

async function expectAfterPowerCut(
  { base, terms }: { base: MemoryDisk; terms: SwapStoreOptions },
  expected: Record<string, unknown>,
): Promise<void> {
  const after = afterPowerCut(base, terms);
  for (const [key, value] of Object.entries(expected)) expect(after.get(key), key).toEqual(value);
  await closeStore(after);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a sync that fails', () => {
  it('as a file is made leaves none that passes for a store, and is gone after a crash', async () => {
    const base = new MemoryDisk();
    const terms = { path: '/store', persist: true };
    failNextSync(base);
    swapErrorOf(() => openInWorld(terms, new World(1, 1000, base)), 'ERR_SWAP_IO');
    const { store, world } = openInWorld(terms, new World(2, 1000, base));
    store.set('key', 'value');
    await world.drive(store.flush());
    await expectAfterPowerCut({ base, terms }, { key: 'value' });
  });

  /** Two keys, of which the index in the file knows, but not the one on the disk. */
  async function expectKept(base: MemoryDisk, terms: SwapStoreOptions): Promise<void> {
    const { store, world } = openInWorld(terms, new World(2, 1000, base));
    expect(store.get('second')).toBe(2);
    store.set('third', 3);
    await world.drive(store.flush());
    await expectAfterPowerCut({ base, terms }, { first: 1, second: 2, third: 3 });
  }

  it('of an index that could not be cut back either costs nothing that the next owner finds', async () => {
    const { base, terms, store, world } = scene({ maxMemory: 0, threads: 0 });
    store.set('first', 1);
    await world.drive(store.flush());
    store.set('second', 2);
    let syncs = 0;
    base.onCall = (call) =>
      call === 'truncate' || (call === 'sync' && ++syncs === 2) ? { kind: 'error', code: 'EIO' } : undefined;
    await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
    base.onCall = undefined;
    forget(store);
    await expectKept(base.afterKill(), terms);
  });

  it('on opening costs nothing that the next one finds', async () => {
    const { base, terms, store, world, disk } = scene({ maxMemory: 0, threads: 0 });
    store.set('first', 1);
    await world.drive(store.flush());
    store.set('second', 2);
    let isWritten = false;
    base.onCall = (call, path) => {
      isWritten ||= call === 'write' && path === '/store.index';
      return undefined;
    };
    store.flush();
    while (!isWritten) {
      disk.stepAsynchronous();
      await nextTurn();
    }
    forget(store);
    const killed = base.afterKill();
    let syncs = 0;
    killed.onCall = (call) => (call === 'sync' && ++syncs === 2 ? { kind: 'error', code: 'EIO' } : undefined);
    swapErrorOf(() => openInWorld(terms, new World(3, 1000, killed)), 'ERR_SWAP_IO');
    killed.onCall = undefined;
    await expectKept(killed, terms);
  });

  it('leaves in doubt what was written while it ran', async () => {
    const one = scene({ maxMemory: 0, threads: 0 });
    const { base, store, world } = one;
    store.set('before', 'before');
    failNextSync(base);
    const flushed = store.flush();
    store.set('meanwhile', 'meanwhile');
    await expectCode(() => world.drive(flushed), 'ERR_SWAP_IO');
    await world.drive(store.flush());
    await expectAfterPowerCut(one, { before: 'before', meanwhile: 'meanwhile' });
  });

  it('leaves in doubt what its value gave up to leave memory, and did not leave', async () => {
    const one = scene({ maxMemory: 2 ** 16, threads: 1 });
    const { base, store, world } = one;
    store.set('key', { a: 1 });
    failNextSync(base);
    await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
    (store.get('key') as { a: number }).a = 2;
    await world.pump();
    const out = store.swapOut('key');
    expect(store.state('key')).toBe('swapping');
    store.get('key');
    expect(await world.drive(out)).toBe(false);
    await world.drive(store.flush());
    await expectAfterPowerCut(one, { key: { a: 2 } });
  });

  it.each(['throw', 'miss'] as const)(
    'takes nothing from who awaits a value while it is written again, with whenCorrupt %s',
    async (whenCorrupt) => {
      const one = scene({ maxMemory: 8192, threads: 1, whenCorrupt });
      const { base, store, world } = one;
      const values = { loaded: 'l'.repeat(500), run: { a: 'r'.repeat(500) } };
      store.set('read', 'r'.repeat(500));
      for (const [key, value] of Object.entries(values)) store.set(key, value);
      for (const key of ['read', ...Object.keys(values)]) store.swapOutSync(key);
      learnReadCost(world, store, 'read', 50);
      failNextSync(base);
      await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
      const loading = store.load('loaded');
      const running = store.run(['run'], (value) => value);
      for (const key of Object.keys(values)) expect(store.state(key)).toBe('loading');
      await world.drive(store.flush());
      expect(await world.drive(loading)).toBe(values.loaded);
      expect(await world.drive(running)).toEqual(values.run);
      checkInvariants(store);
      await expectAfterPowerCut(one, values);
    },
  );

  it.each([
    ['a thread', 'short'],
    ['the runtime', 'long '.repeat(400_000)],
  ])('does not count what %s wrote before it, and is heard of after it', async (_by, value) => {
    const one = scene({ maxMemory: 2 ** 24, threads: 1 });
    const { base, store, world, disk, threads } = one;
    // The long one takes several calls, some before the sync and some after it.
    disk.bytesPerCallMax = mebi;
    store.set('flushed', 'flushed');
    failNextSync(base);
    const flushed = store.flush();
    flushed.catch(() => {});
    store.set('key', value);
    const out = store.swapOut('key');
    await world.pump(3);
    threads.stepWithoutBell();
    while (disk.stepAsynchronous()) await nextTurn();
    await expectCode(() => flushed, 'ERR_SWAP_IO');
    threads.ring();
    await world.drive(out);
    expect(store.get('key')).toBe(value);
    await world.drive(store.flush());
    await expectAfterPowerCut(one, { flushed: 'flushed', key: value });
  });
});
