/** AbortSignal: an aborted wait rejects with the signal's reason and leaves no trace. */
import { getEventListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { watch } from '../support/environment.js';
import { describeEachConfiguration } from '../support/matrix.js';
import {
  deferred,
  expectCode,
  failureOf,
  freshPath,
  mebi,
  openInWorld,
  openStore,
  SwapStore,
  swapOutSlow,
} from '../support/store.js';

const reason = new Error('changed my mind');

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (why: Error) => controller.abort(why) };
}

/** Every method that waits for something that goes on without it. */
const barriers: Record<string, (store: SwapStore, signal: AbortSignal) => Promise<unknown>> = {
  swapOut: (store, signal) => store.swapOut('a', { signal }),
  swapOne: (store, signal) => store.swapOne({ signal }),
  ready: (store, signal) => store.ready({ signal }),
  drain: (store, signal) => store.drain({ signal }),
  flush: (store, signal) => store.flush({ signal }),
};

/** Every method that waits for values. */
const waits: Record<string, (store: SwapStore, signal: AbortSignal) => Promise<unknown>> = {
  load: (store, signal) => store.load('a', { signal }),
  loadMany: (store, signal) => store.loadMany(['b', 'a'], { signal }),
  preload: (store, signal) => store.preload(['a', 'b'], { signal }),
  run: (store, signal) => store.run(['a', 'b'], () => 'ran', { signal }),
  fetch: (store, signal) => store.fetch('a', () => 'computed', { signal }),
};

describeEachConfiguration('a signal that is aborted already', (options) => {
  for (const [name, wait] of Object.entries({ ...waits, ...barriers })) {
    it(`rejects ${name} with its reason`, async () => {
      const store = openStore(options);
      store.set('a', 1);
      expect(await failureOf(() => wait(store, AbortSignal.abort(reason)))).toBe(reason);
      expect((await failureOf(() => wait(store, AbortSignal.abort()))) as Error).toMatchObject({
        name: 'AbortError',
      });
      expect(store.get('a')).toBe(1);
      expect(store.stats().blockedCallers).toBe(0);
    });
  }

  it('keeps fetch from computing and run from running', async () => {
    const store = openStore(options);
    const signal = AbortSignal.abort(reason);
    const called: string[] = [];
    await failureOf(() => store.fetch('a', () => called.push('compute'), { signal }));
    await failureOf(() => store.run(['a'], () => called.push('run'), { signal }));
    expect(called).toEqual([]);
    expect(store.has('a')).toBe(false);
  });
});

describe('a signal', () => {
  const openSlow = () => {
    const bench = openInWorld({ threads: 1 });
    bench.store.set('a', { n: 1 }).set('b', { n: 2 });
    swapOutSlow(bench.world, bench.store, 'a', 'b');
    return bench;
  };

  for (const [name, wait] of Object.entries(waits)) {
    it(`that aborts a waiting ${name} leaves no trace`, async () => {
      const { store, world } = openSlow();
      const controller = new AbortController();
      const waiting = watch(wait(store, controller.signal));
      await world.pump();
      expect(store.stats().blockedCallers).toBe(1);
      controller.abort(reason);
      await world.pump();
      expect(waiting).toMatchObject({ outcome: 'rejected', value: reason });
      expect(store.stats().blockedCallers).toBe(0);
      expect(store.state('a')).toBe('swapped');
      expect(store.state('b')).toBe('swapped');
      await world.settle();
      expect(store.state('a')).toBe('swapped');
      const { newJobs, processingJobs, processedJobs } = store.stats();
      expect([newJobs, processingJobs, processedJobs]).toEqual([0, 0, 0]);
      expect(store.get('a')).toEqual({ n: 1 });
    });
  }

  it('of one waiter leaves the others waiting', async () => {
    const { store, world } = openSlow();
    const controller = new AbortController();
    const aborted = watch(store.load('a', { signal: controller.signal }));
    const stays = watch(store.load('a'));
    await world.pump();
    controller.abort(reason);
    await world.pump();
    expect(aborted.value).toBe(reason);
    expect(stays.settled).toBe(false);
    await world.settle();
    expect(stays.value).toEqual({ n: 1 });
    expect(store.state('a')).toBe('resident');
  });

  it('that aborts once all is done changes nothing', async () => {
    const { store, world } = openSlow();
    const controller = new AbortController();
    const { signal } = controller;
    expect(await world.drive(store.load('a', { signal }))).toEqual({ n: 1 });
    expect(await world.drive(store.run(['a'], (a) => a, { signal }))).toEqual({ n: 1 });
    controller.abort(reason);
    await world.settle();
    expect(store.state('a')).toBe('resident');
    expect(store.get('a')).toEqual({ n: 1 });
  });

  it('lets a callback of run that has begun go on to its end', async () => {
    const { store, world } = openSlow();
    const controller = new AbortController();
    const end = deferred<string>();
    const ran = store.run(['a'], () => end.promise, { signal: controller.signal });
    for (let round = 0; round < 20; round++) await world.round();
    controller.abort(reason);
    await world.pump();
    expect(store.swapOutSync('a')).toBe(false);
    end.resolve('ended');
    await world.drive(ran.catch(() => {}));
    expect(store.swapOutSync('a')).toBe(true);
  });

  it('of one caller of a shared computation leaves it to the others', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    const computed = deferred<string>();
    const [first, second] = [new AbortController(), new AbortController()];
    let told: AbortSignal | undefined;
    const compute = (_: string, { signal }: { signal: AbortSignal }) => {
      told = signal;
      return computed.promise;
    };
    const leaves = watch(store.fetch('a', compute, { signal: first.signal }));
    const stays = watch(store.fetch('a', compute, { signal: second.signal }));
    await world.pump();
    first.abort(reason);
    await world.pump();
    expect(leaves.value).toBe(reason);
    expect(told?.aborted).toBe(false);
    expect(stays.settled).toBe(false);
    computed.resolve('computed');
    await world.pump();
    expect(stays.value).toBe('computed');
    expect(store.get('a')).toBe('computed');
  });

  it('of the last caller reaches the computation, and nothing is stored', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    const computed = deferred<string>();
    const controller = new AbortController();
    let told: AbortSignal | undefined;
    const waiting = watch(
      store.fetch(
        'a',
        (_, { signal }) => {
          told = signal;
          return computed.promise;
        },
        { signal: controller.signal },
      ),
    );
    await world.pump();
    controller.abort(reason);
    await world.pump();
    expect(waiting.value).toBe(reason);
    expect(told?.aborted).toBe(true);
    const anew = watch(store.fetch('a', () => 'computed anew'));
    await world.pump();
    expect(anew.value).toBe('computed anew');
    computed.resolve('too late');
    await world.pump();
    expect(store.get('a')).toBe('computed anew');
  });

  it('is left with no listener of ours when the wait is over', async () => {
    const { store, world } = openSlow();
    const signal = new AbortController().signal;
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...parameters: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, parameters);
    };
    for (const wait of Object.values(waits)) {
      await world.drive(wait(store, signal));
      store.swapOutSync('a');
      store.swapOutSync('b');
    }
    expect(listeners).toBe(0);
  });

  it('must be a signal', async () => {
    const { store } = openInWorld({ threads: 0 });
    const signal = {} as AbortSignal;
    for (const wait of Object.values(waits))
      await expectCode(async () => wait(store, signal), 'ERR_SWAP_OPTION');
  });
});

describe('a signal of who waits at a barrier', () => {
  for (const [name, wait] of Object.entries(barriers)) {
    it(`ends the wait for ${name}, which goes on without it`, async () => {
      const { store, world } = openInWorld({ threads: 1, maxMemory: mebi });
      store.set('a', 'x'.repeat(100));
      // Above the low-water mark, so that all of them have something to wait for.
      for (let index = 0; index < 15; index++) store.set(`b${index}`, 'y'.repeat(65_000));
      const controller = new AbortController();
      const waiting = watch(wait(store, controller.signal));
      await world.pump();
      expect(waiting.settled).toBe(false);
      controller.abort(reason);
      await world.pump();
      expect(waiting).toMatchObject({ outcome: 'rejected', value: reason });
      await world.settle();
      expect(store.stats().swapOuts).toBeGreaterThan(0);
      expect(store.get('a')).toBe('x'.repeat(100));
      await world.drive(store.drain());
    });
  }

  it('leaves nothing of a snapshot that is given up, and the path free', async () => {
    const { store, world, disk } = openInWorld({ path: freshPath(), persist: true, maxMemory: 16 * mebi });
    for (let index = 0; index < 40; index++) store.set(`k${index}`, 'x'.repeat(100_000));
    const path = freshPath();
    const controller = new AbortController();
    disk.during = (operation) => {
      if (operation === 'write' && disk.opened.includes(path)) controller.abort(reason);
    };
    const error = await failureOf(() => world.drive(store.snapshot(path, { signal: controller.signal })));
    expect(error).toBe(reason);
    disk.during = undefined;
    expect(existsSync(path)).toBe(false);
    expect(existsSync(`${path}.index`)).toBe(false);
    expect(existsSync(`${path}.index.new`)).toBe(false);
    await world.drive(store.snapshot(path));
    expect(existsSync(`${path}.index`)).toBe(true);
  });

  it('gives a store up that is being opened, and its lock', async () => {
    const path = freshPath();
    const options = { path, persist: true } as const;
    const first = await SwapStore.open(options);
    for (let index = 0; index < 20_000; index++) first.set(`key ${index}`, index);
    await first.close();
    const controller = new AbortController();
    const opening = SwapStore.open(options, { signal: controller.signal });
    controller.abort(reason);
    expect(await failureOf(() => opening)).toBe(reason);
    expect(await failureOf(() => SwapStore.open(options, { signal: controller.signal }))).toBe(reason);
    const again = openStore(options);
    expect(again.size).toBe(20_000);
  });
});

describe('a signal that many wait with', () => {
  it('has one listener of ours, which tells them all, and none once nobody waits', async () => {
    const { store, world } = openInWorld({ threads: 1 });
    const keys = Array.from({ length: 20 }, (_, index) => `key:${index}`);
    for (const key of keys) store.set(key, 1);
    swapOutSlow(world, store, ...keys);
    const { signal, abort } = abortable();
    const begin = () => keys.map((key) => watch(store.load(key, { signal })));
    const listeners = () => getEventListeners(signal, 'abort').length;
    const answered = begin();
    expect(listeners()).toBe(1);
    await world.settle();
    expect(answered.map((one) => one.outcome)).toEqual(keys.map(() => 'fulfilled'));
    expect(listeners()).toBe(0);
    swapOutSlow(world, store, ...keys);
    const aborted = begin();
    const computing = watch(store.fetch('none', () => new Promise(() => {}), { signal }));
    await world.pump(0);
    expect(listeners()).toBe(1);
    abort(reason);
    await world.pump();
    for (const one of [...aborted, computing])
      expect(one).toMatchObject({ outcome: 'rejected', value: reason });
  });
});
