/** close, closeSync and dispose: idempotent, orderly, and final. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { watch } from '../support/environment.js';
import { describeEachConfiguration } from '../support/matrix.js';
import {
  codeOf,
  deferred,
  expectCode,
  failureOf,
  forget,
  freshPath,
  openInWorld,
  openStore,
  privateDirectory,
  type SwapStore,
  swapOutSlow,
} from '../support/store.js';
import { sampleCount, sampleKey, sampleValue } from '../support/values.js';

/** Every method that a closed store must refuse. */
const refused: Record<string, (store: SwapStore) => unknown> = {
  get: (store) => store.get('a'),
  set: (store) => store.set('a', 1),
  has: (store) => store.has('a'),
  delete: (store) => store.delete('a'),
  clear: (store) => store.clear(),
  keys: (store) => [...store.keys()],
  values: (store) => [...store.values()],
  entries: (store) => [...store.entries()],
  iteration: (store) => [...store],
  forEach: (store) => store.forEach(() => {}),
  peek: (store) => store.peek('a'),
  getMany: (store) => store.getMany(['a']),
  load: (store) => store.load('a'),
  loadMany: (store) => store.loadMany(['a']),
  preload: (store) => store.preload(['a']),
  run: (store) => store.run(['a'], () => 1),
  fetch: (store) => store.fetch('a', () => 1),
  swapOut: (store) => store.swapOut('a'),
  swapOutSync: (store) => store.swapOutSync('a'),
  swapOne: (store) => store.swapOne(),
  swapOneSync: (store) => store.swapOneSync(),
  pin: (store) => store.pin('a'),
  unpin: (store) => store.unpin('a'),
  pauseSwapping: (store) => store.pauseSwapping(),
  resumeSwapping: (store) => store.resumeSwapping(),
  ready: (store) => store.ready(),
  drain: (store) => store.drain(),
  flush: (store) => store.flush(),
  snapshot: (store) => store.snapshot('nowhere'),
  state: (store) => store.state('a'),
  pointer: (store) => store.pointer('a'),
};

describe('a closed store', () => {
  for (const [name, act] of Object.entries(refused)) {
    it(`refuses ${name}`, async () => {
      const store = openStore({ threads: 0 });
      store.set('a', 1);
      store.closeSync();
      await expectCode(async () => act(store), 'ERR_SWAP_CLOSED');
    });
  }

  it('still answers stats, takes listeners, and closes again', async () => {
    const store = openStore({ threads: 0 });
    const listener = () => {};
    await store.close();
    expect(store.stats().residentBytes).toBe(0);
    store.on('swapout', listener).off('swapout', listener);
    await store.close();
    store.closeSync();
    await store[Symbol.asyncDispose]();
    store[Symbol.dispose]();
  });

  it('stops the iterators that were under way', async () => {
    const store = openStore({ threads: 0 });
    store.set('a', 1).set('b', 2);
    const iterators = [store.keys(), store.values(), store.entries()];
    for (const iterator of iterators) iterator.next();
    store.closeSync();
    for (const iterator of iterators) await expectCode(() => iterator.next(), 'ERR_SWAP_CLOSED');
  });
});

describeEachConfiguration('closing', (options) => {
  const openBusy = (path: string) => {
    const store = openStore({ ...options, path });
    for (let index = 0; index < sampleCount; index++) store.set(sampleKey(index), sampleValue(index));
    return store;
  };

  it('with values on their way leaves no file behind, and the path is free again', async () => {
    const path = freshPath();
    const store = openBusy(path);
    for (let index = 0; index < sampleCount; index += 2) void store.swapOut(sampleKey(index)).catch(() => {});
    const loads = Array.from({ length: sampleCount }, (_, index) => store.load(sampleKey(index)));
    const outcomes = Promise.allSettled(loads);
    await Promise.all([store.close(), store.close()]);
    for (const [index, outcome] of (await outcomes).entries()) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toEqual(sampleValue(index));
      else expect(codeOf(outcome.reason)).toBe('ERR_SWAP_CLOSED');
    }
    expect(existsSync(path)).toBe(false);
    const next = openBusy(path);
    expect(next.size).toBe(sampleCount);
  });

  it('at once leaves no file behind either', async () => {
    const path = freshPath();
    const store = openBusy(path);
    const waits = [store.swapOut('key:1'), store.load('key:2'), store.drain(), store.ready()];
    const outcomes = Promise.allSettled(waits);
    store.closeSync();
    for (const outcome of await outcomes) {
      if (outcome.status === 'rejected') expect(codeOf(outcome.reason)).toBe('ERR_SWAP_CLOSED');
    }
    expect(existsSync(path)).toBe(false);
    expect(openBusy(path).get('key:3')).toEqual(sampleValue(3));
  });
});

describe('close', () => {
  it('lets running callbacks of run end, then rejects who waits', async () => {
    const { store, world } = openInWorld({ threads: 1 });
    store.set('a', 1).set('b', 2);
    swapOutSlow(world, store, 'b');
    const end = deferred<string>();
    const running = watch(store.run(['a'], () => end.promise));
    await world.pump();
    const waits = [store.load('b'), store.loadMany(['b']), store.run(['b'], () => 1), store.preload(['b'])];
    const waiting = waits.map((wait) => watch(wait));
    const closing = watch(store.close());
    await world.pump();
    expect(closing.settled).toBe(false);
    expect(running.settled).toBe(false);
    end.resolve('ended');
    await world.pump();
    expect(running).toMatchObject({ outcome: 'fulfilled', value: 'ended' });
    for (const wait of waiting) {
      expect(wait.outcome).toBe('rejected');
      expect(codeOf(wait.value)).toBe('ERR_SWAP_CLOSED');
    }
    await world.drive(store.close());
    expect(closing.outcome).toBe('fulfilled');
  });

  it('takes no new work while it waits for a callback', async () => {
    const { store, world } = openInWorld({ threads: 1 });
    store.set('a', 1);
    const end = deferred();
    const running = store.run(['a'], () => end.promise);
    await world.pump();
    const closing = store.close();
    await expectCode(async () => store.run(['a'], () => 1), 'ERR_SWAP_CLOSED');
    for (const call of Object.values(refused)) await expectCode(async () => call(store), 'ERR_SWAP_CLOSED');
    end.resolve();
    await world.drive(running);
    await world.drive(closing);
  });

  it('rejects a fetch whose value is still being computed, and tells compute', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    let told: AbortSignal | undefined;
    const fetching = watch(
      store.fetch('a', (_, { signal }) => {
        told = signal;
        return new Promise(() => {});
      }),
    );
    await world.pump();
    await world.drive(store.close());
    expect(codeOf(fetching.value)).toBe('ERR_SWAP_CLOSED');
    expect(told?.aborted).toBe(true);
  });

  it('with jobs queued for threads that never run ends all the same', async () => {
    const { store, world } = openInWorld({ threads: 2 });
    for (let index = 0; index < 20; index++) store.set(`key:${index}`, { index });
    swapOutSlow(world, store, 'key:0', 'key:1');
    const waits = [store.load('key:0'), store.load('key:1'), store.swapOut('key:2'), store.drain()].map(
      watch,
    );
    forget(store);
    store.closeSync();
    await world.pump();
    for (const wait of waits) expect(wait.settled).toBe(true);
    await world.settle();
    expect(world.threads.aliveCount).toBe(0);
  });

  it('ends all threads and cancels all timers', async () => {
    const { store, world } = openInWorld({ threads: 2 });
    store.set('a', { n: 1 });
    await world.drive(store.swapOut('a'));
    await world.drive(store.close());
    expect(world.threads.aliveCount).toBe(0);
    await world.live(120_000, 10_000);
    expect(world.threads.aliveCount).toBe(0);
  });
});

describe('disposing', () => {
  it('closes, awaiting or at once', async () => {
    const first = openStore({ threads: 0, path: freshPath() });
    await first[Symbol.asyncDispose]();
    await expectCode(() => first.get('a'), 'ERR_SWAP_CLOSED');
    const second = openStore({ threads: 0, path: freshPath() });
    second[Symbol.dispose]();
    await expectCode(() => second.get('a'), 'ERR_SWAP_CLOSED');
  });
});

it('an anonymous store leaves nothing in the temporary directory', async () => {
  const directory = privateDirectory();
  const before = process.env.TMPDIR;
  process.env.TMPDIR = directory;
  try {
    const store = openStore({ threads: 1, maxMemory: 0 });
    for (let index = 0; index < 20; index++) store.set(sampleKey(index), sampleValue(index));
    if (process.platform !== 'win32') expect(readdirSync(directory)).toEqual([]);
    await store.close();
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

it('a failure to open leaves no file and no lock behind', async () => {
  const path = freshPath();
  const error = await failureOf(() => openStore({ path, pageSize: 100 }));
  expect(codeOf(error)).toBe('ERR_SWAP_OPTION');
  expect(existsSync(path)).toBe(false);
});
