/** A flush in a swap file that has little space left, or has it in small pieces. */
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../simulation/memory-disk.js';
import { World } from '../support/environment.js';
import {
  checkInvariants,
  expectCode,
  openInWorld,
  type SwapStore,
  type SwapStoreOptions,
} from '../support/store.js';

const pageSize = 4096;

/** A store with so many pages, each of which holds one value of `onePage`. */
function scene(pages: number, options: SwapStoreOptions = {}) {
  const terms = {
    path: '/store',
    persist: true,
    flushIntervalMs: 0,
    threads: 0,
    pageSize,
    maxSwap: 4096 + pages * pageSize,
    ...options,
  };
  const base = new MemoryDisk();
  return { base, terms, ...openInWorld(terms, new World(1, 1000, base)) };
}

const onePage = (number: number): Buffer => Buffer.alloc(3000, number);

function afterPowerCut({ base, terms }: ReturnType<typeof scene>): SwapStore {
  const disk = base.afterCrash(() => 0);
  return openInWorld(terms, new World(2, 1000, disk)).store;
}

describe('a flush in a file with little space', () => {
  it.each(['throw', 'evict'] as const)(
    'needs no run for several values, with whenFull %s',
    async (whenFull) => {
      const { store, world } = scene(200, { whenFull });
      for (let index = 0; index < 200; index++) store.set(`key:${index}`, onePage(index));
      await world.drive(store.flush());
      for (let index = 0; index < 200; index++) store.swapOutSync(`key:${index}`);
      for (let index = 0; index < 200; index += 2) store.delete(`key:${index}`);
      await world.drive(store.flush());
      expect(store.stats().largestFreeRun).toBe(1);
      for (let index = 0; index < 20; index++) store.set(`new:${index}`, onePage(index));
      await world.drive(store.flush());
      expect(store.stats().evictions).toBe(0);
      expect(store.size).toBe(120);
    },
  );

  it('has the new values of keys take the pages of the old ones, a part of them after another', async () => {
    const one = scene(100);
    const { store, world } = one;
    for (const round of [1, 2]) {
      for (let index = 0; index < 60; index++) store.set(`key:${index}`, onePage(round));
      await world.drive(store.flush());
    }
    const after = afterPowerCut(one);
    for (let index = 0; index < 60; index++) expect(after.get(`key:${index}`)).toEqual(onePage(2));
  });

  it('frees nothing for it while what takes its place is in doubt', async () => {
    const one = scene(100);
    const { store, world, base } = one;
    for (let index = 0; index < 60; index++) store.set(`key:${index}`, onePage(1));
    await world.drive(store.flush());
    for (let index = 0; index < 30; index++) store.set(`key:${index}`, onePage(2));
    base.onCall = (call) => (call === 'sync' ? { kind: 'error', code: 'EIO' } : undefined);
    await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_IO');
    base.onCall = undefined;
    // There is space for ten, and these thirty may not be on the disk.
    await expectCode(() => world.drive(store.flush()), 'ERR_SWAP_FULL');
    const after = afterPowerCut(one);
    for (let index = 0; index < 60; index++) expect(after.get(`key:${index}`)).toEqual(onePage(1));
    checkInvariants(store);
    // Ten have been written again; with the others gone there is nothing in doubt.
    for (let index = 0; index < 20; index++) store.delete(`key:${index}`);
    await world.drive(store.flush());
    const last = afterPowerCut(one);
    for (let index = 20; index < 60; index++)
      expect(last.get(`key:${index}`)).toEqual(onePage(index < 30 ? 2 : 1));
  });
});
