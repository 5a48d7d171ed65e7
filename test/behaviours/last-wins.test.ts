/** Whoever comes last wins. Loads are slow here and threads run only when told, so that something can come in between. */
import { describe, expect, it } from 'vitest';
import { watch } from '../support/environment.js';
import { checkInvariants, learnReadCost, openInWorld, swapOutSlow, untilState } from '../support/store.js';

/** A store with 'a' and 'b' swapped out, where a load waits until a thread runs it. */
function openSlow() {
  const bench = openInWorld({ threads: 2 });
  bench.store.set('a', { old: 'a' }).set('b', { old: 'b' }).set('c', { old: 'c' });
  swapOutSlow(bench.world, bench.store, 'a', 'b', 'c');
  return bench;
}

describe('a load that waits', () => {
  it('is settled with the value of the first set', async () => {
    const { store, world } = openSlow();
    const load = store.load('a');
    await untilState(world, store, 'a', 'loading');
    store.set('a', 'first').set('a', 'second');
    expect(await world.drive(load)).toBe('first');
    expect(store.get('a')).toBe('second');
    await world.settle();
    expect(store.get('a')).toBe('second');
  });

  it('is settled at once, without a thread', async () => {
    const { store, world } = openSlow();
    const loads = [store.load('a'), store.load('b'), store.load('c'), store.load('a')].map(watch);
    store.set('a', 'new');
    store.delete('b');
    await world.pump();
    expect(loads.map((load) => [load.outcome, load.value])).toEqual([
      ['fulfilled', 'new'],
      ['fulfilled', undefined],
      ['pending', undefined],
      ['fulfilled', 'new'],
    ]);
    store.clear();
    await world.pump();
    expect(loads[2]).toMatchObject({ outcome: 'fulfilled', value: undefined });
    expect(store.stats().blockedCallers).toBe(0);
  });

  it('is settled with undefined by a delete, whatever is set after it', async () => {
    const { store, world } = openSlow();
    const load = store.load('a');
    expect(store.delete('a')).toBe(true);
    store.set('a', 'again');
    expect(await world.drive(load)).toBeUndefined();
    await world.settle();
    expect(store.get('a')).toBe('again');
  });

  it('is settled with undefined by clear, whatever is set after it', async () => {
    const { store, world } = openSlow();
    const load = store.load('a');
    store.clear();
    store.set('a', 'again');
    expect(await world.drive(load)).toBeUndefined();
    expect(store.get('a')).toBe('again');
  });

  it('that begins after a set sees that set, though an older one was settled before', async () => {
    const { store, world } = openSlow();
    const older = store.load('a');
    store.delete('a');
    store.set('a', { new: 'a' });
    const younger = store.load('a');
    expect(await world.drive(older)).toBeUndefined();
    expect(await world.drive(younger)).toEqual({ new: 'a' });
  });

  it('never brings the old value back over a new one', async () => {
    const { store, world, threads } = openSlow();
    store.load('a');
    while (threads.stepWithoutBell());
    store.set('a', 'new');
    threads.ring();
    await world.settle();
    expect(store.get('a')).toBe('new');
    expect(store.swapOutSync('a')).toBe(true);
    expect(store.get('a')).toBe('new');
  });

  it('never brings a deleted value back', async () => {
    const { store, world, threads } = openSlow();
    store.load('a');
    while (threads.stepWithoutBell());
    store.delete('a');
    threads.ring();
    await world.settle();
    expect(store.has('a')).toBe(false);
    expect(store.size).toBe(2);
  });

  it('of several keys takes each as it was settled', async () => {
    const { store, world } = openSlow();
    const loads = store.loadMany(['a', 'b', 'absent', 'c', 'a']);
    store.set('a', 'new');
    store.delete('b');
    expect(await world.drive(loads)).toEqual(['new', undefined, undefined, { old: 'c' }, 'new']);
  });

  it('takes part in what a set or delete inside a listener does', async () => {
    const { store, world } = openSlow();
    store.on('swapin', (key) => {
      if (key === 'a') store.set('b', 'set by a listener');
    });
    const loads = Promise.all([store.load('a'), store.load('b')]);
    const [a, b] = await world.drive(loads);
    expect(a).toEqual({ old: 'a' });
    expect([{ old: 'b' }, 'set by a listener']).toContainEqual(b);
    expect(store.get('b')).toBe('set by a listener');
  });
});

describe('what is set, deleted or cleared during a fetch', () => {
  const cases = {
    set: { act: 'set', left: 'mine', has: true },
    delete: { act: 'delete', left: undefined, has: false },
    clear: { act: 'clear', left: undefined, has: false },
  } as const;
  for (const { act, left, has } of Object.values(cases)) {
    it(`${act} wins, and the callers get what was computed`, async () => {
      const { store, world } = openInWorld({ threads: 1 });
      let finish: (value: string) => void = () => {};
      const computed = new Promise<string>((resolve) => {
        finish = resolve;
      });
      const callers = Promise.all([store.fetch('a', () => computed), store.fetch('a', () => computed)]);
      await world.pump();
      if (act === 'set') store.set('a', 'mine');
      else if (act === 'delete') store.delete('a');
      else store.clear();
      finish('computed');
      expect(await world.drive(callers)).toEqual(['computed', 'computed']);
      expect(store.has('a')).toBe(has);
      expect(store.get('a')).toBe(left);
    });
  }

  it('wins over the fetch, and a fetch after it starts anew', async () => {
    const { store, world } = openInWorld({ threads: 1 });
    let finish: (value: string) => void = () => {};
    const first = store.fetch('a', () => new Promise<string>((resolve) => (finish = resolve)));
    await world.pump();
    store.set('a', 'mine');
    expect(await world.drive(store.fetch('a', () => 'not asked'))).toBe('mine');
    finish('computed');
    expect(await world.drive(first)).toBe('computed');
    expect(store.get('a')).toBe('mine');
  });

  it('wins inside compute as well', async () => {
    const { store, world } = openInWorld({ threads: 1 });
    const fetched = store.fetch('a', (key) => {
      store.set(key, 'set inside');
      return 'computed';
    });
    expect(await world.drive(fetched)).toBe('computed');
    expect(store.get('a')).toBe('set inside');
  });
});

describe('inside run', () => {
  it('set and delete act at once and leave the arguments as they are', async () => {
    const { store, world } = openSlow();
    const ran = store.run(['a', 'b'], async (a, b) => {
      store.set('a', 'new');
      expect(store.get('a')).toBe('new');
      expect(store.delete('b')).toBe(true);
      expect(store.has('b')).toBe(false);
      expect(store.get('b')).toBeUndefined();
      await Promise.resolve();
      expect([a, b]).toEqual([{ old: 'a' }, { old: 'b' }]);
    });
    await world.drive(ran);
    expect(store.get('a')).toBe('new');
    expect(store.has('b')).toBe(false);
    expect(store.swapOutSync('a')).toBe(true);
    expect(store.get('a')).toBe('new');
  });

  it('clear acts at once', async () => {
    const { store, world } = openSlow();
    const ran = store.run(['a'], (a) => {
      store.clear();
      expect(store.size).toBe(0);
      return a;
    });
    expect(await world.drive(ran)).toEqual({ old: 'a' });
    expect(store.size).toBe(0);
    expect(store.stats().usedPages).toBe(0);
  });

  it('a deleted key that is set again is not held by the old run', async () => {
    const { store, world } = openSlow();
    let end: () => void = () => {};
    const ran = store.run(['a'], () => new Promise<void>((resolve) => (end = resolve)));
    for (let round = 0; round < 20; round++) await world.round();
    store.delete('a');
    store.set('a', 'again');
    end();
    await world.drive(ran);
    expect(store.swapOutSync('a')).toBe(true);
    expect(store.get('a')).toBe('again');
  });

  it('waits for its keys, and takes what was set while it waited', async () => {
    const { store, world } = openSlow();
    const ran = store.run(['a', 'b'], (a, b) => [a, b]);
    store.set('a', 'new');
    expect(await world.drive(ran)).toEqual(['new', { old: 'b' }]);
  });

  it('takes undefined for a key that was deleted while it waited', async () => {
    const { store, world } = openSlow();
    const ran = store.run(['a', 'b'], (a, b) => [a, b]);
    store.delete('b');
    expect(await world.drive(ran)).toEqual([{ old: 'a' }, undefined]);
  });
});

describe('an overwrite', () => {
  it('keeps no pin of the old entry', () => {
    const { store } = openInWorld({ threads: 0 });
    store.set('a', 1, { pin: true });
    store.set('a', 2);
    expect(store.swapOutSync('a')).toBe(true);
    store.pin('a');
    store.set('a', 3);
    expect(store.swapOutSync('a')).toBe(true);
    expect(store.get('a')).toBe(3);
  });

  it('keeps no size of the old entry', () => {
    const { store } = openInWorld({ threads: 0 });
    store.set('a', 'x', { size: 1_000_000 });
    expect(store.stats().residentBytes).toBe(1_000_000);
    store.set('a', 'x');
    expect(store.stats().residentBytes).toBeLessThan(1_000);
  });

  it('keeps no ttl of the old entry', async () => {
    const { store, clock } = openInWorld({ threads: 0 });
    store.set('a', 1, { ttl: 100 });
    store.set('a', 2);
    await clock.advance(1_000);
    expect(store.get('a')).toBe(2);
  });
});

describe('a size of its own', () => {
  it('stands in place of the whole estimate and stays with the entry through every swap', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: 100_000 });
    store.set('a', { text: 'x'.repeat(5_000) }, { size: 777 });
    expect(store.stats().residentBytes).toBe(777);
    store.swapOutSync('a');
    expect(store.stats().residentBytes).toBe(0);
    store.get('a');
    expect(store.stats().residentBytes).toBe(777);
    // Unchanged it would leave at once, without a flight.
    (store.get('a') as { text: string }).text = 'y'.repeat(5_000);
    const leaving = store.swapOut('a');
    const { residentBytes, inFlightBytes } = store.stats();
    expect(residentBytes + inFlightBytes).toBe(777);
    await world.drive(leaving);
    expect(await world.drive(store.load('a'))).toEqual({ text: 'y'.repeat(5_000) });
    expect(store.stats().residentBytes).toBe(777);
  });

  it('bounds what is resident', () => {
    const { store } = openInWorld({ threads: 0, maxMemory: 10_000 });
    for (let index = 0; index < 50; index++) store.set(`key:${index}`, index, { size: 1_000 });
    expect(store.stats().residentObjects).toBeLessThanOrEqual(10);
    expect(store.stats().residentBytes).toBeLessThanOrEqual(10_000);
  });
});

describe('a load that has been read, and not delivered, when its key is set and memory is full', () => {
  const size = 100;

  /** 'k' is loading, and read; memory is full, and what leaves it is on its way. */
  async function openFull(count: number) {
    const bench = openInWorld({ threads: 1, maxMemory: 10 * size, compression: 'deflate' });
    const { store, world, threads } = bench;
    store.set('k', 'old', { size });
    await world.drive(store.swapOut('k'));
    // Until no slab has it any more.
    for (let index = 0; index < 300; index++) {
      store.set('filling', 'x'.repeat(60_000), { size });
      await world.drive(store.swapOut('filling'));
    }
    store.delete('filling');
    learnReadCost(world, store, 'k', 5);
    for (let index = 0; index < count; index++) store.set(`full:${index}`, index, { size });
    const load = store.load('k');
    expect(store.state('k')).toBe('loading');
    while (threads.stepWithoutBell());
    return { ...bench, load };
  }

  it.each([6, 9, 10, 11, 13])('is settled with what was set, with %i others in memory', async (count) => {
    const { store, world, load } = await openFull(count);
    store.set('k', 'new', { size });
    checkInvariants(store);
    expect(await world.drive(load)).toBe('new');
    await world.settle();
    checkInvariants(store);
    expect(store.get('k')).toBe('new');
  });

  it('is not in the way of a pin', async () => {
    const { store, world, load } = await openFull(11);
    expect(store.pin('k')).toBe(true);
    checkInvariants(store);
    expect(await world.drive(load)).toBe('old');
    expect(store.state('k')).toBe('resident');
  });

  it('has no listener called before the set is over', async () => {
    const { store, world, load } = await openFull(11);
    const seen: unknown[] = [];
    store.on('swapout', () => seen.push(store.get('k')));
    store.set('k', 'new', { size });
    checkInvariants(store);
    await world.drive(load);
    await world.settle();
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set(['new']));
  });
});
