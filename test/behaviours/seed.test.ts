/**
 * What the seed (vm.c) does, by number, where no other suite has it: the blocking side, the threaded side in a world
 * where the test is the scheduler, and who waits.
 */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../dist/memory/size-of.js';
import { watch } from '../support/environment.js';
import {
  freshPath,
  keysOf,
  kibi,
  mebi,
  openInWorld,
  openStore,
  swapOutSlow,
  warningsOf,
} from '../support/store.js';

const text = (index: number) => `${index} `.repeat(200);

describe('the swap file', () => {
  it('behaviour 3: is sized up front, sparsely, and the counters begin at zero', () => {
    const { store, disk } = openInWorld({ maxSwap: 8 * mebi, pageSize: 4096 });
    if (process.platform !== 'win32') expect(disk.truncations.at(-1)).toBe(8 * mebi);
    expect(store.stats()).toMatchObject({
      pages: 2047,
      usedPages: 0,
      swappedObjects: 0,
      swapIns: 0,
      swapOuts: 0,
    });
  });

  it('behaviour 9: is removed on an orderly end', async () => {
    const path = freshPath();
    const store = openStore({ path });
    expect(existsSync(path)).toBe(true);
    await store.close();
    expect([existsSync(path), existsSync(`${path}.lock`)]).toEqual([false, false]);
  });
});

describe('states and pointers', () => {
  it('behaviours 11, 16, 25: a value goes resident, swapping, swapped, loading, resident', async () => {
    const { store, world, threads } = openInWorld({ threads: 1 });
    store.set('a', { n: 1 }).set('b', { n: 2 }).set('c', { n: 3 });
    expect(store.state('a')).toBe('resident');
    const leaving = store.swapOut('a');
    expect(store.state('a')).toBe('swapping');
    expect(store.pointer('a')).toBe(undefined);
    expect(threads.step()).toBe(true);
    expect(store.state('a')).toBe('swapped');
    expect(await leaving).toBe(true);
    expect(store.pointer('a')).toMatchObject({ page: 0, pages: 1 });
    swapOutSlow(world, store, 'b', 'c');
    const coming = watch(store.load('b'));
    expect(store.state('b')).toBe('loading');
    await world.settle();
    expect(coming.value).toEqual({ n: 2 });
    expect(store.state('b')).toBe('resident');
    expect(store.state('nobody')).toBe(undefined);
  });

  it('behaviour 12: what is pinned, or held by run, is never swapped', async () => {
    const store = openStore({ threads: 0, maxMemory: 32 * kibi });
    store.set('pinned', text(0), { pin: true });
    await store.run(['held'], () => {
      store.set('held', text(1));
    });
    store.set('held', text(1));
    await store.run(['held'], () => {
      for (let index = 0; index < 300; index++) store.set(`key:${index}`, text(index));
      expect([store.state('pinned'), store.state('held')]).toEqual(['resident', 'resident']);
      expect([store.swapOutSync('pinned'), store.swapOutSync('held')]).toEqual([false, false]);
    });
  });
});

describe('out', () => {
  it('behaviours 13, 14, defect 8: large idle values leave first; keys and values are each counted once', () => {
    // A few are sampled for each victim: with randomness of its own it would be another choice each time.
    const { store } = openInWorld({ threads: 0, policy: 'swappability', maxMemory: 2 * mebi });
    for (let index = 0; index < 4; index++)
      store.set(`large:${index}`, 'x'.repeat(20_000)).set(`small:${index}`, index);
    for (let round = 0; round < 50; round++)
      for (let index = 0; index < 4; index++) store.get(`small:${index}`);
    const left = keysOf(store, 'swapout');
    for (let index = 0; index < 4; index++) expect(store.swapOneSync()).toBe(true);
    expect(left.filter((key) => key.startsWith('large')).length).toBeGreaterThanOrEqual(3);
    const record = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`field${index}`, 'y'.repeat(1000)]),
    );
    expect(sizeOf(record) / 20_000).toBeGreaterThan(0.9);
    expect(sizeOf(record) / 20_000).toBeLessThan(1.3);
  });

  it('behaviours 7, 15: the blocking side swaps one value out, or says that there is no space', () => {
    const store = openStore({ threads: 0, pageSize: 64, maxSwap: 4096 + 64 * 8 });
    store.set('a', 'x'.repeat(300)).set('b', 'x'.repeat(300));
    expect(store.swapOutSync('a')).toBe(true);
    expect(store.pointer('a')!.pages).toBe(Math.ceil(store.pointer('a')!.bytes / 64));
    expect(store.swapOutSync('b')).toBe(false);
    expect(store.state('b')).toBe('resident');
    expect(store.swapOutSync('nobody')).toBe(false);
  });

  it('behaviours 16, 7: with compression PREPARE goes first, then the pages are found, then WRITE', async () => {
    const { store, world, threads } = openInWorld({ threads: 1, compression: 'deflate' });
    store.set('a', 'x'.repeat(10_000));
    const leaving = store.swapOut('a');
    expect(store.stats().usedPages).toBe(0);
    expect(threads.step()).toBe(true);
    expect(store.state('a')).toBe('swapping');
    expect(store.stats().usedPages).toBeGreaterThan(0);
    await world.drive(leaving);
    expect(store.pointer('a')!.bytes).toBeLessThan(1000);
    expect(store.get('a')).toBe('x'.repeat(10_000));
  });

  it('behaviour 18: nothing leaves while swapping is paused, and a job that was under way does', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: 64 * kibi });
    store.pauseSwapping();
    for (let index = 0; index < 100; index++) store.set(`key:${index}`, text(index));
    await world.settle();
    expect(store.stats().swapOuts).toBe(0);
    expect(store.stats().residentBytes).toBeGreaterThan(64 * kibi);
    store.resumeSwapping();
    expect(store.stats().residentBytes + store.stats().inFlightBytes).toBeLessThanOrEqual(64 * kibi);
  });

  it('behaviours 19, 20, 21: a bulk load swaps as it goes, goes on while over the mark, and stops below it', async () => {
    const { store, world } = openInWorld({ threads: 2, maxMemory: 128 * kibi });
    for (let index = 0; index < 400; index++) {
      store.set(`key:${index}`, text(index));
      const { residentBytes, inFlightBytes } = store.stats();
      expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(128 * kibi);
    }
    await world.drive(store.ready());
    await world.settle();
    const { residentBytes, swapOuts } = store.stats();
    expect(residentBytes).toBeLessThanOrEqual(112 * kibi);
    expect(residentBytes).toBeGreaterThan(80 * kibi);
    await world.live(5_000);
    expect(store.stats().swapOuts).toBe(swapOuts);
  });

  it('behaviour 20: warns, at a limited rate, while memory stays over its bound by more than a tenth', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: 32 * kibi });
    const warnings = warningsOf(store);
    for (let index = 0; index < 100; index++) store.set(`key:${index}`, text(index), { pin: true });
    await world.live(40_000, 1_000);
    expect(warnings.length).toBe(2);
    expect(warnings[0]!.message).toMatch(/over its bound/);
  });

  it('behaviour 22: with maxMemory 0 only keys are in memory', () => {
    const store = openStore({ threads: 0, maxMemory: 0 });
    for (let index = 0; index < 50; index++) store.set(`key:${index}`, text(index));
    expect(store.stats()).toMatchObject({ residentObjects: 0, residentBytes: 0, swappedObjects: 50 });
    for (let index = 0; index < 50; index++) expect(store.get(`key:${index}`)).toBe(text(index));
  });

  it('defect 9: an overwrite never reads the old value, an unchanged value is not written again', () => {
    const { store, disk } = openInWorld({ threads: 0 });
    store.set('a', { n: 1 });
    store.swapOutSync('a');
    store.set('a', { n: 2 });
    expect(disk.reads).toBe(0);
    store.swapOutSync('a');
    store.get('a');
    const { writes } = disk;
    expect(store.swapOutSync('a')).toBe(true);
    expect(disk.writes).toBe(writes);
    expect(store.stats().cleanDrops).toBe(1);
  });

  it('defect 7: a value is encoded once for each time that it leaves', async () => {
    let encoded = 0;
    const { store, world } = openInWorld({
      threads: 1,
      serializer: {
        name: 'counting',
        serialize: (value) => {
          encoded++;
          return Buffer.from(JSON.stringify(value));
        },
        deserialize: (bytes) => JSON.parse(Buffer.from(bytes).toString()),
      },
    });
    store.set('a', 1);
    await world.drive(store.swapOut('a'));
    expect(encoded).toBe(1);
  });

  it('defects 10, 12: nothing leaves below the mark, and what has expired is not swapped', async () => {
    const { store, world, clock } = openInWorld({ threads: 1, maxMemory: 256 * kibi });
    const left = keysOf(store, 'swapout');
    for (let index = 0; index < 20; index++) store.set(`key:${index}`, text(index), { ttl: 50 });
    await world.settle();
    expect(store.stats().swapOuts).toBe(0);
    await clock.advance(60);
    expect(await world.drive(store.swapOne())).toBe(false);
    for (let index = 0; index < 400; index++) store.set(`more:${index}`, text(index));
    await world.settle();
    expect(left.length).toBeGreaterThan(100);
    expect(left.filter((key) => key.startsWith('key:'))).toEqual([]);
    expect(store.has('key:1')).toBe(false);
  });
});

describe('in', () => {
  it('behaviours 23, 24: a look-up loads; a preview leaves pages, pointer and state as they are', () => {
    const store = openStore({ threads: 0 });
    store.set('a', text(1));
    store.swapOutSync('a');
    const pointer = store.pointer('a');
    expect(store.peek('a')).toBe(text(1));
    expect(store.pointer('a')).toEqual(pointer);
    expect(store.state('a')).toBe('swapped');
    expect(store.get('a')).toBe(text(1));
    expect(store.state('a')).toBe('resident');
  });

  it('behaviours 26, 28: one LOAD a key, which others join; a blocking look-up serves itself and them', async () => {
    const { store, world, disk } = openInWorld({ threads: 2 });
    store.set('a', { n: 1 }).set('b', { n: 2 });
    swapOutSlow(world, store, 'a', 'b');
    const { reads } = disk;
    const loads = [store.load('a'), store.load('a'), store.loadMany(['a', 'a'])].map(watch);
    expect(store.stats()).toMatchObject({ blockedCallers: 3, newJobs: 1 });
    await world.settle();
    expect(disk.reads - reads).toBe(1);
    expect(loads.map((load) => load.value)).toEqual([{ n: 1 }, { n: 1 }, [{ n: 1 }, { n: 1 }]]);
    const joined = watch(store.load('b'));
    expect(store.get('b')).toEqual({ n: 2 });
    await world.pump(1);
    expect(joined.value).toEqual({ n: 2 });
    await world.settle();
    expect(store.stats()).toMatchObject({ processedJobs: 0, newJobs: 0 });
  });

  it('behaviour 27, defect 4: touching a value on its way out cancels that at once', async () => {
    const { store, world } = openInWorld({ threads: 1 });
    const value = { n: 1 };
    store.set('a', value);
    const leaving = store.swapOut('a');
    expect(store.get('a')).toBe(value);
    expect(store.state('a')).toBe('resident');
    expect(await world.drive(leaving)).toBe(false);
    expect(store.stats()).toMatchObject({ usedPages: 0, canceledJobs: 1 });
  });
});

describe('jobs', () => {
  it('behaviours 29, 31: jobs are new, processing, processed; one doorbell rings for many', async () => {
    const { store, world, threads, disk } = openInWorld({ threads: 1 });
    for (const key of ['a', 'b', 'c']) store.set(key, { key });
    const leaving = ['a', 'b', 'c'].map((key) => watch(store.swapOut(key)));
    expect(store.stats()).toMatchObject({
      newJobs: 3,
      processingJobs: 0,
      processedJobs: 0,
      activeThreads: 1,
    });
    disk.during = () => expect(store.stats()).toMatchObject({ newJobs: 2, processingJobs: 1 });
    threads.stepWithoutBell();
    disk.during = undefined;
    threads.stepWithoutBell();
    expect(store.stats()).toMatchObject({ newJobs: 1, processedJobs: 2 });
    threads.ring();
    await world.pump(1);
    expect(leaving.map((one) => one.settled)).toEqual([true, true, false]);
    await world.settle();
    expect(store.state('c')).toBe('swapped');
  });

  it('behaviour 30: threads start on demand, up to the most allowed, leave, and come back', async () => {
    const { store, world, threads } = openInWorld({ threads: 2 });
    expect(threads.spawnedCount).toBe(0);
    for (const key of ['a', 'b', 'c', 'd']) store.set(key, { key });
    for (const key of ['a', 'b', 'c']) void store.swapOut(key);
    expect(threads.aliveCount).toBe(2);
    await world.settle();
    threads.leave();
    threads.leave();
    expect(store.stats().activeThreads).toBe(0);
    expect(await world.drive(store.swapOut('d'))).toBe(true);
    expect(threads.spawnedCount).toBe(3);
  });

  it('behaviours 32, 33: a job is cancelled while it is new, processing or processed; its pages come back', async () => {
    const { store, world, threads, disk } = openInWorld({ threads: 1 });
    for (const when of ['new', 'processing', 'processed']) {
      store.set('a', { when });
      const leaving = watch(store.swapOut('a'));
      if (when === 'new') store.get('a');
      if (when === 'processing') disk.during = () => void store.get('a');
      threads.stepWithoutBell();
      disk.during = undefined;
      if (when === 'processed') store.get('a');
      threads.ring();
      await world.settle();
      expect(leaving.value).toBe(false);
      expect(store.get('a')).toEqual({ when });
      expect(store.state('a')).toBe('resident');
      expect(store.stats().usedPages).toBe(0);
    }
  });

  it('behaviour 34: drain ends with nothing under way, and swaps nothing new meanwhile', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: 64 * kibi });
    for (let index = 0; index < 60; index++) store.set(`key:${index}`, text(index));
    const draining = store.drain();
    await world.drive(draining);
    expect(store.stats()).toMatchObject({
      newJobs: 0,
      processingJobs: 0,
      processedJobs: 0,
      inFlightBytes: 0,
    });
  });

  it('behaviour 35: a job outlives the deletion of its key, whose pages it gives back', async () => {
    const { store, world, threads, disk } = openInWorld({ threads: 1 });
    store.set('a', { n: 1 });
    const leaving = watch(store.swapOut('a'));
    disk.during = () => {
      store.delete('a');
      store.set('a', 'another');
    };
    threads.step();
    disk.during = undefined;
    await world.settle();
    expect(leaving.value).toBe(false);
    expect(store.get('a')).toBe('another');
    expect(store.stats().usedPages).toBe(0);
  });
});

describe('waiting', () => {
  it('behaviour 36: a caller goes on with the last of its keys; what was not foreseen blocks', async () => {
    const { store, world, threads } = openInWorld({ threads: 1 });
    store.set('a', 1).set('b', 2).set('c', 3);
    swapOutSlow(world, store, 'a', 'b', 'c');
    const seen: unknown[] = [];
    const running = watch(store.run(['a', 'b'], (...values) => seen.push(...values, store.get('c'))));
    expect(store.stats().blockedCallers).toBe(1);
    threads.step();
    await world.pump(1);
    expect(seen).toEqual([]);
    await world.settle();
    expect(seen).toEqual([1, 2, 3]);
    expect(running.outcome).toBe('fulfilled');
    expect(store.stats().blockedCallers).toBe(0);
  });

  it('behaviour 37, defect 13: deleting or overwriting a key wakes who waits for it', async () => {
    const { store, world } = openInWorld({ threads: 1 });
    store.set('a', 1).set('b', 2);
    swapOutSlow(world, store, 'a', 'b');
    const waits = [store.load('a'), store.load('b'), store.loadMany(['a', 'b'])].map(watch);
    store.delete('a');
    store.set('b', 'new');
    await world.pump(1);
    expect(waits.map((wait) => wait.value)).toEqual([undefined, 'new', [undefined, 'new']]);
    await world.settle();
    expect(store.get('b')).toBe('new');
  });
});
