/** A flush in a swap file that has little space left, or has it in small pieces. */
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../simulation/memory-disk.js';
import { World } from '../support/environment.js';
import { openInWorld, type SwapStoreOptions } from '../support/store.js';

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
});
