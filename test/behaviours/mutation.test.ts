/** When a mutation in place is kept, clause by clause. */
import { expect, it } from 'vitest';
import { describeEachConfiguration, describeEachWithMemory } from '../support/matrix.js';
import { freshPath, openInWorld, openStore, type SwapStore } from '../support/store.js';

interface Counter {
  n: number;
  filling?: string;
}
const counterOf = (value: unknown) => value as Counter;

/** Sets enough else to push out everything that may leave the little memory of the matrix. */
function pushOut(store: SwapStore): void {
  for (let index = 0; index < 120; index++) store.set(`pushing:${index}`, 'x'.repeat(1_000));
}

describeEachWithMemory('a mutation in place', (options) => {
  it('is kept when it is made right after get', () => {
    const store = openStore(options);
    store.set('a', { n: 0 });
    for (let n = 1; n <= 5; n++) {
      counterOf(store.get('a')).n = n;
      store.swapOutSync('a');
      expect(store.peek('a')).toEqual({ n });
    }
  });

  it('is kept when it is made right after get, though memory pressure follows', () => {
    const store = openStore(options);
    store.set('a', { n: 0 });
    for (let n = 1; n <= 3; n++) {
      pushOut(store);
      counterOf(store.get('a')).n = n;
      pushOut(store);
      expect(store.get('a')).toEqual({ n });
    }
  });

  it('is kept when it is made right after a later get, though the value had been found to be clean', async () => {
    const store = openStore(options);
    for (const key of ['a', 'b', 'c']) store.set(key, { n: 0 }).swapOutSync(key);
    const ways: Array<() => unknown> = [
      () => store.get('a'),
      () => store.peek('a'),
      () => store.getMany(['b', 'a', 'c'])[1],
      () => [...store.entries()].find(([key]) => key === 'a')![1],
      () => store.load('a'),
      () => store.loadMany(['a', 'b']).then(([value]) => value),
      () => store.run(['a'], (value) => value),
      () => store.fetch('a', () => ({ n: -1 })),
    ];
    for (const [index, way] of ways.entries()) {
      pushOut(store);
      await store.swapOut('a');
      store.get('a');
      // Other reads, by which the first is known to have been left as it was.
      for (const key of ['b', 'c']) {
        store.swapOutSync(key);
        store.get(key);
      }
      const isThere = store.state('a') === 'resident';
      counterOf(await way()).n = index + 1;
      // What is only looked at, and is not in memory, is a copy.
      const keeps = isThere || (index !== 1 && index !== 3);
      if (store.state('a') !== 'resident') store.set('a', { n: index + 1 });
      store.swapOutSync('a');
      pushOut(store);
      if (keeps) expect(store.peek('a')).toEqual({ n: index + 1 });
      store.set('a', { n: 0 });
    }
  });

  it('is kept while the entry is pinned, of a value that was got before', () => {
    const store = openStore(options);
    for (const key of ['a', 'b']) store.set(key, { n: 0 }).swapOutSync(key);
    const value = counterOf(store.get('a'));
    store.get('b');
    expect(store.state('a')).toBe('resident');
    store.pin('a');
    store.get('b');
    value.n = 1;
    store.unpin('a');
    store.swapOutSync('a');
    expect(store.peek('a')).toEqual({ n: 1 });
  });

  it('is kept of a value that a batch met in memory, and that had been got just before', () => {
    const store = openStore(options);
    for (const way of ['getMany', 'entries'] as const) {
      for (const key of ['a', 'b']) store.set(key, { n: 0 }).swapOutSync(key);
      store.get('a');
      const value = way === 'getMany' ? store.getMany(['a', 'b'])[0] : new Map(store.entries()).get('a');
      expect(store.state('a')).toBe('resident');
      counterOf(value).n = 1;
      store.swapOutSync('a');
      expect(store.peek('a')).toEqual({ n: 1 });
    }
  });

  it('is kept when it is made right after get, though a listener has read meanwhile', () => {
    const store = openStore(options);
    for (const key of ['a', 'b']) store.set(key, { n: 0 }).swapOutSync(key);
    store.on('swapin', (key) => {
      if (key === 'a') store.peek('b');
    });
    counterOf(store.get('a')).n = 1;
    store.swapOutSync('a');
    expect(store.peek('a')).toEqual({ n: 1 });
  });

  it('is kept by everybody for whom a value was computed', async () => {
    const store = openStore(options);
    pushOut(store);
    await store.drain();
    const keys = Array.from({ length: 60 }, (_, index) => `fetched:${index}`);
    const change = async (key: string) => {
      const value = counterOf(await store.fetch(key, () => ({ n: 0 })));
      value.n = 1;
    };
    await Promise.all(keys.map(change));
    for (const key of keys) expect(store.peek(key)).toEqual({ n: 1 });
  });

  it('is kept when each value of a batch is changed after the batch', () => {
    const store = openStore(options);
    const keys = Array.from({ length: 10 }, (_, index) => `key:${index}`);
    for (const key of keys) store.set(key, { n: 0 }).swapOutSync(key);
    const values = store.getMany(keys);
    const kept = keys.filter((key) => store.state(key) === 'resident');
    expect(kept.length).toBeGreaterThan(0);
    for (const value of values) counterOf(value).n = 1;
    for (const key of keys) store.swapOutSync(key);
    for (const key of kept) expect(store.peek(key)).toEqual({ n: 1 });
  });

  it('is kept when it is made right after set', () => {
    const store = openStore(options);
    for (let index = 0; index < 300; index++) {
      const value: Counter = { n: index, filling: 'x'.repeat(500) };
      store.set(`key:${index}`, value);
      value.n = -index;
    }
    for (let index = 0; index < 300; index++) {
      expect(counterOf(store.get(`key:${index}`)).n).toBe(-index);
    }
  });

  it('is kept when it is made right after load', async () => {
    const store = openStore(options);
    store.set('a', { n: 0 });
    await store.swapOut('a');
    const value = counterOf(await store.load('a'));
    value.n = 1;
    pushOut(store);
    await store.swapOut('a');
    expect(store.get('a')).toEqual({ n: 1 });
  });

  it('is not lost to the copy in the file: what came in, changed and goes out is written again', async () => {
    const store = openStore(options);
    store.set('a', { n: 1, filling: 'same length' });
    store.swapOutSync('a');
    counterOf(store.get('a')).n = 2;
    await store.swapOut('a');
    expect(store.peek('a')).toEqual({ n: 2, filling: 'same length' });
    counterOf(store.get('a')).n = 3;
    store.swapOutSync('a');
    expect(store.peek('a')).toEqual({ n: 3, filling: 'same length' });
  });

  it('of a part deep inside is kept as well', () => {
    const store = openStore(options);
    store.set('a', { list: [{ deep: new Map([['n', [0]]]) }] });
    store.swapOutSync('a');
    const value = store.get('a') as { list: Array<{ deep: Map<string, number[]> }> };
    value.list[0]!.deep.get('n')!.push(1);
    store.swapOutSync('a');
    expect(store.get('a')).toEqual({ list: [{ deep: new Map([['n', [0, 1]]]) }] });
  });

  it('of bytes in place is kept as well', () => {
    const store = openStore(options);
    store.set('a', Buffer.alloc(400, 1));
    store.swapOutSync('a');
    (store.get('a') as Buffer)[399] = 2;
    store.swapOutSync('a');
    expect((store.get('a') as Buffer)[399]).toBe(2);
  });
});

describeEachConfiguration('a mutation in place', (options) => {
  it('is kept at any time while the entry is pinned', async () => {
    const store = openStore(options);
    store.set('a', { n: 0 });
    store.swapOutSync('a');
    store.pin('a');
    const value = counterOf(store.get('a'));
    pushOut(store);
    value.n = 1;
    await store.drain();
    value.n = 2;
    pushOut(store);
    value.n = 3;
    store.unpin('a');
    pushOut(store);
    await store.drain();
    store.swapOutSync('a');
    expect(store.get('a')).toEqual({ n: 3 });
  });

  it('is kept at any time while run holds the entry', async () => {
    const store = openStore(options);
    store.set('a', { n: 0 });
    await store.swapOut('a');
    await store.run(['a'], async (a) => {
      counterOf(a).n = 1;
      pushOut(store);
      await store.drain();
      counterOf(a).n = 2;
      pushOut(store);
      counterOf(a).n = 3;
    });
    pushOut(store);
    await store.drain();
    store.swapOutSync('a');
    expect(store.get('a')).toEqual({ n: 3 });
  });

  it('of what peek shows of a swapped value changes nothing', () => {
    const store = openStore(options);
    store.set('a', { n: 0 });
    store.swapOutSync('a');
    counterOf(store.peek('a')).n = 1;
    for (const [, value] of store) counterOf(value).n = 2;
    expect(store.get('a')).toEqual({ n: 0 });
  });

  it('does not reach back: what swapped out is a copy of its own', () => {
    const store = openStore(options);
    const original: Counter = { n: 0 };
    store.set('a', original);
    store.swapOutSync('a');
    original.n = 1;
    expect(store.get('a')).toEqual({ n: 0 });
  });
});

it('without memory every set has written before it returns, so that a later mutation is lost', () => {
  const store = openStore({ maxMemory: 0, threads: 0 });
  const value: Counter = { n: 0 };
  store.set('a', value);
  value.n = 1;
  expect(store.get('a')).toEqual({ n: 0 });
  counterOf(store.get('a')).n = 2;
  expect(store.get('a')).toEqual({ n: 0 });
});

it('a mutation of a value on its way out is kept when get was called in between', async () => {
  const { store, world } = openInWorld({ threads: 1 });
  store.set('a', { n: 0 });
  const leaving = store.swapOut('a');
  counterOf(store.get('a')).n = 1;
  expect(await world.drive(leaving)).toBe(false);
  expect(store.get('a')).toEqual({ n: 1 });
  expect(await world.drive(store.swapOut('a'))).toBe(true);
  expect(store.get('a')).toEqual({ n: 1 });
});

it('a mutation after load, before the next await, is kept though the store was over its bound', async () => {
  const { store, world } = openInWorld({ threads: 1, maxMemory: 64 * 1024 });
  for (let index = 0; index < 120; index++) store.set(`key:${index}`, { n: 0, filling: 'x'.repeat(1_000) });
  await world.settle();
  const mutations = Array.from({ length: 120 }, (_, index) =>
    store.load(`key:${index}`).then((value) => {
      counterOf(value).n = index;
    }),
  );
  await world.drive(Promise.all(mutations));
  await world.settle();
  for (let index = 0; index < 120; index++) expect(counterOf(store.get(`key:${index}`)).n).toBe(index);
});

it('with immutable a clean value leaves with no encoding and no write, mutated or not', () => {
  const { store } = openInWorld({ threads: 0, immutable: true });
  store.set('a', { n: 0 });
  store.swapOutSync('a');
  counterOf(store.get('a')).n = 1;
  const { bytesWritten } = store.stats();
  expect(store.swapOutSync('a')).toBe(true);
  expect(store.stats().bytesWritten).toBe(bytesWritten);
  expect(store.get('a')).toEqual({ n: 0 });
});

it('a mutation in place is kept of a value that was set and made durable after it had been got', async () => {
  const { store, world } = openInWorld({ threads: 0, maxMemory: 2 ** 20, persist: true, path: freshPath() });
  for (const key of ['a', 'b']) store.set(key, { n: 1 }).swapOutSync(key);
  store.get('a');
  store.set('a', { n: 2 });
  await world.drive(store.flush());
  counterOf(store.get('a')).n = 1;
  store.get('b');
  store.swapOutSync('a');
  expect(store.peek('a')).toEqual({ n: 1 });
});

it('a mutation in place is kept of a value that a batch still awaits while it is got', async () => {
  const { store, world, disk } = openInWorld({ threads: 1, maxMemory: 2 ** 20 });
  for (const key of ['a', 'b', 'c']) store.set(key, { n: 0 }).swapOutSync(key);
  // Reads are slow, so that a batch is the threads'.
  disk.readCostMs = 1;
  for (let read = 0; read < 20; read++) store.peek('a');
  disk.readCostMs = 0;
  const batch = store.loadMany(['b']);
  store.get('b');
  store.get('c');
  const [value] = await world.drive(batch);
  counterOf(value).n = 1;
  store.swapOutSync('b');
  expect(store.peek('b')).toEqual({ n: 1 });
});

it('a value that has grown in place is weighed when it comes back', () => {
  const { store } = openInWorld({ threads: 0, maxMemory: 2 ** 24 });
  store.set('a', [0]);
  (store.get('a') as number[]).push(...Array.from({ length: 10_000 }, (_, index) => index));
  store.swapOutSync('a');
  const before = store.stats().residentBytes;
  store.get('a');
  expect(store.stats().residentBytes - before).toBeGreaterThan(50_000);
});
