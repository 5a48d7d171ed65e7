/** Loads whose reads are cheap are made on the thread of their callers, a slice of each turn of the event loop. */
import { describe, expect, it } from 'vitest';
import { microtasks } from '../support/clock.js';
import { openInWorld } from '../support/store.js';

describe('loads that are read on the thread of their callers', () => {
  const count = 200;

  /** A store of values that are read in 0.02 ms each, and none of which is in memory. */
  function openCheap() {
    const bench = openInWorld({ threads: 2, maxMemory: 0 });
    const keys = Array.from({ length: count }, (_, index) => `key:${index}`);
    for (const key of keys) bench.store.set(key, { key });
    bench.world.disk.readCostMs = 0.02;
    return { ...bench, keys };
  }

  it('take turns: one loop of them does not keep others waiting', async () => {
    const { store, world, keys } = openCheap();
    const order: string[] = [];
    const loop = async () => {
      for (const key of keys.slice(0, count - 3)) {
        await store.load(key);
        order.push('loop');
      }
    };
    const looping = loop();
    await microtasks();
    const others = keys.slice(-3).map(async (key) => {
      expect(await store.load(key)).toEqual({ key });
      order.push('other');
    });
    const before = order.length;
    expect(before).toBeLessThan(count - 3);
    await world.clock.turn();
    await Promise.all(others);
    expect(order.lastIndexOf('other')).toBeLessThanOrEqual(before + 4);
    await world.drive(looping);
    expect(order.length).toBe(count);
  });

  it('come in the order in which they were asked for, though some ask as soon as each turn begins', async () => {
    const { store, world, keys } = openCheap();
    let isOver = false;
    let asked = 0;
    const first = new Set<Promise<unknown>>();
    const ask = () => first.add(store.load(keys[asked++ % (count - 1)]!));
    // More than a turn has time for. The next turn gives time back, calls this, and then whoever had to wait.
    const askFirst = (): void => {
      if (isOver) return;
      ask();
      world.clock.nextTurn(askFirst);
      for (let index = 1; index < 60; index++) ask();
    };
    askFirst();
    let turns = 0;
    const other = store.load(keys[count - 1]!).then(() => {
      isOver = true;
    });
    for (; !isOver && turns < 20; turns++) await world.clock.turn();
    expect(turns).toBeLessThan(4);
    await world.drive(Promise.all([other, ...first]));
  });

  it('are answered though each turn has spent its time before they ask', async () => {
    const { store, world, keys } = openCheap();
    let isOver = false;
    const readFirst = (): void => {
      if (isOver) return;
      store.peek(keys[0]!);
      world.clock.nextTurn(readFirst);
      for (let index = 1; index < 60; index++) store.peek(keys[index]!);
    };
    readFirst();
    const loads = Promise.all(keys.slice(-5).map((key) => store.load(key))).then(() => {
      isOver = true;
    });
    let turns = 0;
    for (; !isOver && turns < 20; turns++) await world.clock.turn();
    expect(turns).toBeLessThan(8);
    await loads;
  });

  it('leave the rest of a turn to others, whatever its time went to', async () => {
    const { store, world, keys } = openCheap();
    world.disk.readCostMs = 0;
    let done = 0;
    const loop = async () => {
      for (const key of keys) {
        await store.load(key);
        done++;
        world.clock.spend(0.3);
      }
    };
    const looping = loop();
    await microtasks();
    expect(done).toBeGreaterThan(3);
    expect(done).toBeLessThan(20);
    await world.drive(looping);
  });

  it('are forgotten when they are aborted while they wait for their turn', async () => {
    const { store, world, keys } = openCheap();
    const reason = new Error('no more');
    const controller = new AbortController();
    const loads = keys.map((key) => store.load(key, { signal: controller.signal }));
    const outcomes = Promise.allSettled(loads);
    controller.abort(reason);
    await world.drive(outcomes);
    const rejected = (await outcomes).filter((outcome) => outcome.status === 'rejected');
    expect(rejected.length).toBeGreaterThan(100);
    expect(store.stats().blockedCallers).toBe(0);
    await world.settle();
    expect(await world.drive(store.load(keys[count - 1]!))).toEqual({ key: keys[count - 1] });
  });
});
