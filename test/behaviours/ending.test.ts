/** What is under way as a store closes, or has just been answered: it ends, as what it was, and nothing goes on after it. */
import { describe, expect, it } from 'vitest';
import { watch } from '../support/environment.js';
import {
  closeStore,
  deferred,
  expectCode,
  forget,
  freshPath,
  openInWorld,
  openStore,
  swapOutSlow,
} from '../support/store.js';

const isClosed = { outcome: 'rejected', value: expect.objectContaining({ code: 'ERR_SWAP_CLOSED' }) };

/** Every call that is answered at once and goes on a moment later. */
const calls: Record<string, (store: ReturnType<typeof openStore>, act: () => void) => Promise<unknown>> = {
  run: (store, act) => store.run(['a'], act),
  fetch: (store, act) => store.fetch('not there', act),
  preload: (store, act) => store.preload(Array.from({ length: 64 }, () => 'a')).then(act),
};

describe('what goes on a moment after it was answered', () => {
  it.each(Object.entries(calls))('does not when the store is closed meanwhile: %s', async (_name, call) => {
    const { store, world } = openInWorld({ threads: 0 });
    store.set('a', 1);
    let calledBack = 0;
    const waiting = watch(call(store, () => calledBack++));
    forget(store);
    store.closeSync();
    await world.pump();
    expect(waiting).toMatchObject(isClosed);
    expect(calledBack).toBe(0);
  });

  it('is rejected though what it computes never comes', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    const fetching = watch(store.fetch('a', () => new Promise(() => {})));
    forget(store);
    store.closeSync();
    await world.pump();
    expect(fetching).toMatchObject(isClosed);
  });
});

describe('close', () => {
  it('ends though who waited for two keys lets go of one when all is over', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: 2 ** 20 });
    for (const key of ['a', 'b']) {
      store.set(key, Buffer.alloc(950_000));
      store.swapOutSync(key);
    }
    const running = watch(store.run(['a', 'b'], () => 1));
    await closeStore(store);
    expect(world.threads.aliveCount).toBe(0);
    expect(running.settled).toBe(true);
  });

  it.each([false, true])('lets a run end that begins just after it (persist: %s)', async (persist) => {
    const { store, world } = openInWorld({ threads: 0, ...(persist && { persist, path: freshPath() }) });
    store.set('a', 1);
    const end = deferred<string>();
    const running = watch(store.run(['a'], () => end.promise));
    forget(store);
    const closing = watch(store.close());
    await world.pump();
    expect(closing.settled).toBe(false);
    end.resolve('ended');
    await world.settle();
    expect(running).toMatchObject({ outcome: 'fulfilled', value: 'ended' });
    expect(closing).toMatchObject({ outcome: 'fulfilled' });
  });

  it('is over once closeSync was called, though a run never ends', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    store.set('a', 1);
    void store.run(['a'], () => new Promise(() => {}));
    await world.pump();
    forget(store);
    const closing = watch(store.close());
    await world.pump();
    store.closeSync();
    await world.pump();
    expect(closing).toMatchObject({ outcome: 'fulfilled' });
  });

  it('after closeSync waits for whoever still has the file', async () => {
    const path = freshPath();
    const store = openStore({ path });
    store.set('a', Buffer.alloc(30_000_000));
    const leaving = watch(store.swapOut('a'));
    forget(store);
    store.closeSync();
    await store.close();
    await openStore({ path }).close();
    expect(leaving.settled).toBe(true);
  });

  it('at once is refused in the middle of a call', () => {
    const { store } = openInWorld({ threads: 0 });
    let failure: unknown;
    const value = {
      get closing() {
        try {
          store.closeSync();
        } catch (error) {
          failure = error;
        }
        return 1;
      },
    };
    store.set('a', value);
    expect(failure).toMatchObject({ code: 'ERR_SWAP_UNSERIALIZABLE' });
    expect(store.has('a')).toBe(true);
  });
});

describe('a fetch', () => {
  it('computes nothing for a key that is set before it goes on', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    let computed = 0;
    const fetching = store.fetch('a', () => ++computed);
    store.set('a', 'set');
    expect(await world.drive(fetching)).toBe('set');
    expect(computed).toBe(0);
    expect(store.get('a')).toBe('set');
  });

  it('returns what is fresh, and not what had expired before that was set', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    const terms = { ttl: 5, staleIfError: 60_000 };
    await world.drive(store.fetch('a', () => 'old', terms));
    await world.live(20);
    const fetching = store.fetch('a', () => 'computed', terms);
    store.set('a', 'new');
    expect(await world.drive(fetching)).toBe('new');
    expect(store.get('a')).toBe('new');
  });

  it('stores nothing where its keyspace was cleared as it began, whatever comes after that', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    const other = store.namespace('other');
    other.set('x', 1);
    store.set('y', 1);
    const computed = deferred<string>();
    const fetching = store.fetch('a', () => computed.promise);
    store.clear();
    await world.settle();
    store.set('a', 'mine');
    store.delete('a');
    other.delete('x');
    store.set('z', 1);
    store.clear();
    computed.resolve('computed');
    expect(await world.drive(fetching)).toBe('computed');
    expect(store.has('a')).toBe(false);
  });

  it('stores what it computes though a set has failed meanwhile', async () => {
    const { store, world } = openInWorld({ threads: 0, maxMemory: 0, maxSwap: 64 * 1024 });
    const computed = deferred<number>();
    const fetching = store.fetch('a', () => computed.promise);
    await world.pump();
    const large = 'x'.repeat(10_000);
    await expectCode(() => {
      for (let index = 0; index < 20; index++) store.set(`key:${index}`, large);
    }, 'ERR_SWAP_FULL');
    await expectCode(() => store.set('a', large), 'ERR_SWAP_FULL');
    store.delete('key:0');
    computed.resolve(1);
    expect(await world.drive(fetching)).toBe(1);
    expect(store.peek('a')).toBe(1);
  });
});

describe('a load', () => {
  it('is answered though others fill all hands in each turn', async () => {
    const { store, world } = openInWorld({ threads: 0, maxMemory: 0 });
    store.set('pinned', 1, { pin: true });
    store.set('a', 'here');
    let isOver = false;
    const hog = () => {
      if (isOver) return;
      void store.load('pinned');
      world.clock.nextTurn(hog);
    };
    hog();
    const loading = watch(store.load('a'));
    for (let turn = 0; turn < 10; turn++) await world.clock.turn();
    expect(loading).toMatchObject({ outcome: 'fulfilled', value: 'here' });
    isOver = true;
  });
});

describe('a preload', () => {
  it('sees that it is aborted between two batches', async () => {
    const { store, world } = openInWorld({ threads: 0 });
    const keys = Array.from({ length: 64 }, (_, index) => `key:${index}`);
    for (const key of keys) store.set(key, 1);
    const controller = new AbortController();
    const preloading = watch(store.preload(keys, { signal: controller.signal }));
    controller.abort(new Error('enough'));
    await world.pump();
    expect(preloading).toMatchObject({ outcome: 'rejected', value: new Error('enough') });
  });

  it('stops before the first would have to leave, though values are far larger than their records', async () => {
    const { store, world } = openInWorld({
      threads: 1,
      maxMemory: 65_536,
      policy: 'lru',
      compression: 'deflate',
    });
    const keys = Array.from({ length: 20 }, (_, index) => `key:${index}`);
    for (const key of keys) {
      store.set(key, 'x'.repeat(8_000));
      store.swapOutSync(key);
    }
    await world.drive(store.drain());
    await world.drive(store.preload(keys));
    await world.settle();
    const resident = keys.filter((key) => store.state(key) === 'resident');
    expect(resident).toEqual(keys.slice(0, resident.length));
    expect(resident.length).toBeGreaterThan(4);
  });

  it('counts a key once that it is given often', async () => {
    const { store, world } = openInWorld({ threads: 0, maxMemory: 2 ** 20 });
    for (const key of ['a', 'b']) store.set(key, Buffer.alloc(100_000)).swapOutSync(key);
    await world.drive(store.preload([...Array.from({ length: 20 }, () => 'a'), 'b']));
    expect(store.state('b')).toBe('resident');
  });
});

describe('ready', () => {
  it('waits for who drains, and does not take that for the end of all space', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: 8 * 2 ** 20 });
    store.set('a', 1);
    swapOutSlow(world, store, 'a');
    const loading = store.load('a');
    const draining = store.drain();
    for (let index = 0; index < 75; index++) store.set(`key:${index}`, Buffer.alloc(100_000));
    const ready = watch(store.ready());
    for (let turn = 0; turn < 3; turn++) await world.clock.turn();
    await world.drive(Promise.all([loading, draining]));
    await world.settle();
    expect(ready).toMatchObject({ outcome: 'fulfilled' });
  });
});
