/** Writers that are faster than the disk: memory stays within its bound, `ready` waits, nothing spins. */
import { describe, expect, it } from 'vitest';
import { watch } from '../support/environment.js';
import { kibi, openInWorld, type SwapStore } from '../support/store.js';

const bound = 256 * kibi;
const text = (index: number) => `${index} `.repeat(200);

describe('a disk that is slower than its writers', () => {
  it('holds up who awaits ready, and nobody else', async () => {
    const { store, world } = openInWorld({ threads: 2, maxMemory: bound });
    for (let index = 0; index < 40; index++) store.set(`hot:${index}`, text(index));
    let written = 0;
    let gated = watch(Promise.resolve());
    // No thread gets anything done: only what the caller's thread does by itself.
    for (let index = 0; index < 2000 && written === index; index++) {
      await world.pump(1);
      if (!gated.settled) break;
      store.set(`key:${index}`, text(index));
      written++;
      gated = watch(store.ready());
    }
    await world.pump(20);
    expect(gated.settled).toBe(false);
    expect(written).toBeLessThan(2000);
    const { residentBytes, inFlightBytes, blockingWaits } = store.stats();
    expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(bound);
    // Who awaits is never made to write on its own thread.
    expect(blockingWaits).toBe(0);
    // A value that is in memory is had at once, and asks nothing of the disk.
    const { reads, writes } = world.disk;
    for (let index = 0; index < 40; index++)
      if (store.state(`hot:${index}`) === 'resident') expect(store.get(`hot:${index}`)).toBe(text(index));
    expect([world.disk.reads, world.disk.writes]).toEqual([reads, writes]);
    // The disk comes back, and all goes on.
    await world.settle();
    expect(gated.outcome).toBe('fulfilled');
    for (let index = 0; index < written; index++) expect(store.get(`key:${index}`)).toBe(text(index));
  });

  it('makes who does not await write for itself, within the bound', () => {
    const { store } = openInWorld({ threads: 2, maxMemory: bound });
    let most = 0;
    for (let index = 0; index < 1000; index++) {
      store.set(`key:${index}`, text(index));
      const { residentBytes, inFlightBytes } = store.stats();
      most = Math.max(most, residentBytes + inFlightBytes);
    }
    expect(most).toBeLessThanOrEqual(bound);
    expect(store.stats().blockingWaits).toBeGreaterThan(0);
    for (let index = 0; index < 1000; index++) expect(store.peek(`key:${index}`)).toBe(text(index));
  });

  it('does not spin while it waits for the threads', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: bound });
    let index = 0;
    let gated = watch(Promise.resolve());
    while (gated.settled && index < 2000) {
      store.set(`key:${index}`, text(index++));
      gated = watch(store.ready());
      await world.pump(1);
    }
    expect(gated.settled).toBe(false);
    await world.pump(5);
    // Nothing asks for another turn until a thread has something to say.
    expect(world.clock.pendingTurns).toBe(0);
    await world.pump(50);
    expect(world.clock.pendingTurns).toBe(0);
    await world.settle();
    expect(gated.outcome).toBe('fulfilled');
  });
});

describe('memory that a pause has left over its bound', () => {
  const size = 10_000;
  const usedBytes = (store: SwapStore) => store.stats().residentBytes + store.stats().inFlightBytes;

  it.each([0, 1])('shrinks once a disk that was full has room again, with %i threads', async (threads) => {
    const { store, world, disk } = openInWorld({ maxMemory: 10 * size, threads });
    store.pauseSwapping();
    for (let index = 0; index < 20; index++) store.set(`key:${index}`, { index }, { size });
    disk.failWrites('ENOSPC');
    store.resumeSwapping();
    await world.live(5_000);
    expect(usedBytes(store)).toBe(20 * size);
    disk.failWrites(undefined);
    await world.live(2_000);
    expect(usedBytes(store)).toBeLessThanOrEqual(10 * size);
    for (let index = 0; index < 20; index++) expect(store.peek(`key:${index}`)).toEqual({ index });
  });

  it('shrinks though all of it was handed out in the turn in which it should have', async () => {
    const { store, world } = openInWorld({ maxMemory: 10 * size, threads: 1 });
    // So many that a pass is due at the end of the turn.
    for (let index = 0; index < 9; index++) store.set(`key:${index}`, { index }, { size });
    store.pauseSwapping();
    for (let index = 9; index < 20; index++) store.set(`key:${index}`, { index }, { size });
    for (let index = 0; index < 20; index++) void store.load(`key:${index}`);
    store.resumeSwapping();
    await world.live(1_000);
    expect(usedBytes(store)).toBeLessThanOrEqual(10 * size);
  });

  it.each([0, 1])('shrinks to nothing where nothing may be in memory, with %i threads', async (threads) => {
    const { store, world } = openInWorld({ maxMemory: 0, threads });
    store.pauseSwapping();
    store.set('a', { n: 1 });
    void store.load('a');
    store.resumeSwapping();
    await world.live(1_000);
    expect(store.state('a')).toBe('swapped');
  });
});
