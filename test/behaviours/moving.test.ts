/** Swapping by hand, pins, pauses, barriers, and the bounds they are about. */
import { describe, expect, it } from 'vitest';
import { World } from '../support/environment.js';
import { describeEachConfiguration, describeEachWithMemory } from '../support/matrix.js';
import { keysOf, mebi, openInWorld, openStore, type SwapStore, swapErrorOf } from '../support/store.js';
import { sampleCount, sampleKey, sampleValue } from '../support/values.js';

const allKeys = Array.from({ length: sampleCount }, (_, index) => sampleKey(index));

const fill = (store: SwapStore) => {
  for (let index = 0; index < sampleCount; index++) store.set(sampleKey(index), sampleValue(index));
  return store;
};

describeEachConfiguration('moving values', (options) => {
  const openFilled = () => fill(openStore(options));

  it('keeps within its bounds after every set', () => {
    const store = openStore(options);
    const swapBytesMax = 64 * 1024 * 1024;
    for (let index = 0; index < sampleCount * 2; index++) {
      store.set(sampleKey(index), sampleValue(index));
      const stats = store.stats();
      expect(stats.residentBytes + stats.inFlightBytes).toBeLessThanOrEqual(stats.maxMemory);
      expect(stats.swapFileBytes).toBeLessThanOrEqual(swapBytesMax);
      expect(stats.pages * stats.pageSize).toBeLessThanOrEqual(swapBytesMax);
    }
  });

  it('keeps within its memory after every read', () => {
    const store = openFilled();
    for (let index = 0; index < sampleCount * 2; index++) {
      store.get(sampleKey((index * 7) % sampleCount));
      store.set('touch', index);
      const stats = store.stats();
      expect(stats.residentBytes + stats.inFlightBytes).toBeLessThanOrEqual(stats.maxMemory);
    }
  });

  it('swaps a resident key out, once, and in again at the next get', async () => {
    const store = openFilled();
    await store.drain();
    for (const [index, key] of allKeys.entries()) {
      const before = store.state(key);
      const left = index % 2 === 0 ? await store.swapOut(key) : store.swapOutSync(key);
      if (before !== 'swapping') expect(left, key).toBe(before === 'resident');
      if (left) expect(store.state(key)).toBe('swapped');
      expect(await store.swapOut(key)).toBe(false);
      expect(store.swapOutSync(key)).toBe(false);
      expect(store.get(key)).toEqual(sampleValue(index));
    }
    expect(await store.swapOut('absent')).toBe(false);
    expect(store.swapOutSync('absent')).toBe(false);
  });

  it('says where a swapped value lies', async () => {
    const store = openFilled();
    await store.drain();
    for (const key of allKeys) store.swapOutSync(key);
    const { pageSize, pages, usedPages } = store.stats();
    const usedBy = new Map<number, string>();
    for (const key of allKeys) {
      const pointer = store.pointer(key)!;
      expect(pointer.bytes).toBeGreaterThan(0);
      expect(pointer.pages).toBeGreaterThanOrEqual(Math.ceil(pointer.bytes / pageSize));
      for (let page = pointer.page; page < pointer.page + pointer.pages; page++) {
        expect(page).toBeGreaterThanOrEqual(0);
        expect(page).toBeLessThan(pages);
        expect(usedBy.get(page), `page ${page} of ${key}`).toBeUndefined();
        usedBy.set(page, key);
      }
    }
    expect(usedPages).toBe(usedBy.size);
  });

  it('swaps the best candidates out one by one until there is none', async () => {
    const store = openFilled();
    await store.ready();
    await store.drain();
    let residents = store.stats().residentObjects;
    while (residents > 0) {
      expect(residents % 2 === 0 ? await store.swapOne() : store.swapOneSync()).toBe(true);
      expect(store.stats().residentObjects).toBe(--residents);
    }
    expect(await store.swapOne()).toBe(false);
    expect(store.swapOneSync()).toBe(false);
    expect(store.stats().swappedObjects).toBe(sampleCount);
    expect(store.getMany(allKeys)).toEqual(allKeys.map((_, index) => sampleValue(index)));
  });

  it('swaps many out at once', async () => {
    const store = openFilled();
    await Promise.all(allKeys.map((key) => store.swapOut(key)));
    await store.drain();
    const stats = store.stats();
    expect(stats.swappedObjects + stats.residentObjects).toBe(sampleCount);
    expect(stats.inFlightBytes).toBe(0);
    expect(store.getMany(allKeys)).toEqual(allKeys.map((_, index) => sampleValue(index)));
  });

  it('keeps what is pinned, brings it in first if it must, and does not nest', async () => {
    const store = openFilled();
    const pinned = allKeys.slice(0, 5);
    for (const key of pinned) {
      store.swapOutSync(key);
      expect(store.pin(key)).toBe(true);
      expect(store.pin(key)).toBe(true);
      expect(store.state(key)).toBe('resident');
    }
    for (let index = 0; index < sampleCount; index++) store.set(`more:${index}`, sampleValue(index));
    await store.drain();
    for (const [index, key] of pinned.entries()) {
      expect(store.swapOutSync(key)).toBe(false);
      expect(await store.swapOut(key)).toBe(false);
      expect(store.state(key)).toBe('resident');
      expect(store.get(key)).toEqual(sampleValue(index));
    }
    for (const key of pinned) {
      expect(store.unpin(key)).toBe(true);
      if (store.state(key) === 'resident') expect(store.swapOutSync(key)).toBe(true);
    }
    expect(store.pin('absent')).toBe(false);
    expect(store.unpin('absent')).toBe(false);
    expect(store.getMany(pinned)).toEqual(pinned.map((_, index) => sampleValue(index)));
  });

  it('keeps what was set with a pin until it is unpinned, deleted or overwritten', () => {
    const store = openStore(options);
    for (const key of ['a', 'b', 'c']) {
      store.set(key, { key }, { pin: true });
      expect(store.state(key)).toBe('resident');
      expect(store.swapOutSync(key)).toBe(false);
    }
    store.unpin('a');
    store.delete('b');
    store.set('b', { key: 'b' });
    store.set('c', { key: 'c' });
    for (const key of ['a', 'b', 'c']) {
      if (store.state(key) === 'resident') expect(store.swapOutSync(key), key).toBe(true);
      expect(store.state(key)).toBe('swapped');
      expect(store.get(key)).toEqual({ key });
    }
  });

  it('lets nothing leave while swapping is paused, and pauses nest', async () => {
    const store = openStore(options);
    const left = keysOf(store, 'swapout');
    store.pauseSwapping();
    store.pauseSwapping();
    fill(store);
    for (const key of allKeys) expect(store.state(key)).toBe('resident');
    expect(store.swapOutSync('key:0')).toBe(false);
    expect(await store.swapOut('key:0')).toBe(false);
    expect(await store.swapOne()).toBe(false);
    expect(store.swapOneSync()).toBe(false);
    store.resumeSwapping();
    expect(store.swapOutSync('key:0')).toBe(false);
    expect(left).toEqual([]);
    store.resumeSwapping();
    store.set('last', 1);
    const { residentBytes, inFlightBytes, maxMemory } = store.stats();
    expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(maxMemory);
    if (store.state('key:0') === 'resident') expect(store.swapOutSync('key:0')).toBe(true);
    expect(store.getMany(allKeys)).toEqual(allKeys.map((_, index) => sampleValue(index)));
  });

  it('is at or below the low-water mark once ready resolves', async () => {
    const store = openFilled();
    await store.ready();
    const { residentBytes, inFlightBytes, maxMemory } = store.stats();
    const lowWater = options.threads === 0 ? maxMemory : Math.floor((maxMemory * 7) / 8);
    expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(lowWater);
  });

  it('has nothing in flight once drain, or flush, resolves', async () => {
    const store = openFilled();
    for (const barrier of [() => store.drain(), () => store.flush()]) {
      for (let index = 0; index < 40; index++) store.set(sampleKey(index), sampleValue(index));
      const loads = allKeys.slice(40).map((key) => store.load(key));
      await barrier();
      const stats = store.stats();
      expect([stats.newJobs, stats.processingJobs, stats.processedJobs]).toEqual([0, 0, 0]);
      expect(stats.inFlightBytes).toBe(0);
      for (const key of allKeys) expect(['resident', 'swapped']).toContain(store.state(key));
      await Promise.all(loads);
    }
  });

  it('counts what it holds', async () => {
    const store = openFilled();
    await store.drain();
    const stats = store.stats();
    expect(stats.enabled).toBe(true);
    expect(stats.entries).toBe(sampleCount);
    expect(stats.residentObjects + stats.swappedObjects).toBe(sampleCount);
    expect(stats.maxMemory).toBe(options.maxMemory);
    expect(stats.pageSize).toBe(options.pageSize);
    expect(stats.usedPages).toBeLessThanOrEqual(stats.pages);
    expect(stats.largestFreeRun).toBeLessThanOrEqual(stats.pages - stats.usedPages);
    expect(stats.fragmentation).toBeCloseTo(1 - stats.largestFreeRun / (stats.pages - stats.usedPages), 9);
    expect(stats.activeThreads).toBeLessThanOrEqual(options.threads!);
    expect(stats.indexBytes).toBeGreaterThan(0);
    for (const [name, figure] of Object.entries(stats)) {
      if (typeof figure === 'number') expect(figure, name).toBeGreaterThanOrEqual(0);
    }
  });
});

describeEachWithMemory('values that are resident', (options) => {
  it('come back by reference', () => {
    const store = openStore(options);
    const value = { n: 1 };
    store.set('a', value);
    expect(store.get('a')).toBe(value);
    expect(store.peek('a')).toBe(value);
    store.swapOutSync('a');
    const copy = store.get('a');
    expect(copy).toEqual(value);
    expect(copy).not.toBe(value);
    expect(store.get('a')).toBe(copy);
  });

  it('tell their listeners after each move', async () => {
    const store = openStore(options);
    const moves: string[] = [];
    store.on('swapout', (key) => moves.push(`out ${key} ${store.state(key)}`));
    store.on('swapin', (key) => moves.push(`in ${key} ${store.state(key)}`));
    store.set('a', { n: 1 });
    store.swapOutSync('a');
    store.get('a');
    await store.swapOut('a');
    await store.load('a');
    expect(moves).toEqual(['out a swapped', 'in a resident', 'out a swapped', 'in a resident']);
  });

  it('may be touched, deleted and swapped by listeners', async () => {
    const store = openStore(options);
    store.on('swapout', (key) => {
      if (key.endsWith('3')) store.delete(key);
      else if (key.endsWith('5')) store.get(key);
      else if (key.endsWith('7')) store.set(key, 'set by a listener');
    });
    fill(store);
    for (const key of allKeys) store.swapOutSync(key);
    await store.drain();
    for (const [index, key] of allKeys.entries()) {
      if (key.endsWith('3')) expect(store.has(key)).toBe(false);
      else expect(['set by a listener', sampleValue(index)]).toContainEqual(store.get(key));
    }
  });

  it('tell no listener that was taken off', () => {
    const store = openStore(options);
    const heard: string[] = [];
    const listener = (key: string) => heard.push(key);
    expect(store.on('swapout', listener)).toBe(store);
    expect(store.off('swapout', listener)).toBe(store);
    store.set('a', 1);
    store.swapOutSync('a');
    expect(heard).toEqual([]);
  });
});

describe('as many values in memory as there can be', () => {
  const few = 50;
  const key = (index: number) => `key:${index}`;

  it.each([0, 1])('makes the others leave, though their bytes are few, with %d threads', async (threads) => {
    const { store, world } = openInWorld({ threads, maxMemory: 64 * mebi }, new World(1, few));
    for (let index = 0; index < 500; index++) {
      store.set(key(index), index);
      expect(store.stats().residentObjects).toBeLessThanOrEqual(few);
    }
    for (let index = 0; index < 500; index++) expect(store.get(key(index))).toBe(index);
    expect(await world.drive(store.load(key(3)))).toBe(3);
    expect(store.stats().residentObjects).toBeLessThanOrEqual(few);
  });

  it('puts what comes while none may leave into the file, and refuses what must stay', () => {
    const { store } = openInWorld({ threads: 0, maxMemory: 64 * mebi }, new World(1, few));
    store.pauseSwapping();
    for (let index = 0; index < 2 * few; index++) store.set(key(index), index);
    expect(store.state(key(2 * few - 1))).toBe('swapped');
    swapErrorOf(() => store.set('pinned', 1, { pin: true }), 'ERR_SWAP_FULL');
    expect(store.has('pinned')).toBe(false);
    swapErrorOf(() => store.pin(key(2 * few - 1)), 'ERR_SWAP_FULL');
    store.set(key(0), 'anew', { pin: true });
    store.resumeSwapping();
    expect(store.pin(key(2 * few - 1))).toBe(true);
    for (let index = 1; index < 2 * few; index++) expect(store.get(key(index))).toBe(index);
    expect(store.get(key(0))).toBe('anew');
  });
});
