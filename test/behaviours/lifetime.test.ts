/** ttl: reads of an expired entry find nothing, at once. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeEachConfiguration } from '../support/matrix.js';
import { keysOf, openInWorld, openStore, swapErrorOf } from '../support/store.js';

describeEachConfiguration('lifetimes', (options) => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

  it('end on the millisecond, whoever asks', async () => {
    const store = openStore(options);
    const open = (key: string) => store.set(key, { key }, { ttl: 1_000 });
    for (const key of ['get', 'peek', 'has', 'load', 'getMany', 'loadMany', 'run', 'state', 'pin']) open(key);
    store.set('stays', { key: 'stays' });
    pass(999);
    expect(store.peek('get')).toEqual({ key: 'get' });
    expect(store.has('has')).toBe(true);
    pass(2);
    expect(store.get('get')).toBeUndefined();
    expect(store.peek('peek')).toBeUndefined();
    expect(store.has('has')).toBe(false);
    expect(store.state('state')).toBeUndefined();
    expect(store.pointer('state')).toBeUndefined();
    expect(store.pin('pin')).toBe(false);
    expect(store.getMany(['getMany', 'stays'])).toEqual([undefined, { key: 'stays' }]);
    expect(await store.load('load')).toBeUndefined();
    expect(await store.loadMany(['stays', 'loadMany'])).toEqual([{ key: 'stays' }, undefined]);
    expect(await store.run(['run', 'stays'], (...values) => values)).toEqual([undefined, { key: 'stays' }]);
    expect(store.get('stays')).toEqual({ key: 'stays' });
  });

  it('can be changed without a look at the value, in memory or not', async () => {
    const store = openStore(options);
    for (const key of ['longer', 'shorter', 'never', 'swapped']) store.set(key, { key }, { ttl: 1_000 });
    await store.swapOut('swapped');
    const { bytesRead, swapIns } = store.stats();
    expect(store.expire('longer', 5_000)).toBe(true);
    expect(store.expire('shorter', 10)).toBe(true);
    expect(store.expire('never', 0)).toBe(true);
    expect(store.expire('swapped', 2_000)).toBe(true);
    expect(store.expire('absent', 10)).toBe(false);
    expect(store.stats()).toMatchObject({ bytesRead, swapIns });
    expect(store.remainingTtl('longer')).toBe(5_000);
    expect(store.remainingTtl('swapped')).toBe(2_000);
    expect(store.remainingTtl('never')).toBe(Number.POSITIVE_INFINITY);
    pass(10);
    expect(store.has('shorter')).toBe(false);
    expect(store.expire('shorter', 10)).toBe(false);
    expect(store.remainingTtl('swapped')).toBe(1_990);
    pass(1_500);
    expect(store.get('swapped')).toEqual({ key: 'swapped' });
    pass(1_000);
    expect(store.has('swapped')).toBe(false);
    expect(store.get('longer')).toEqual({ key: 'longer' });
    pass(1e9);
    expect([...store.keys()]).toEqual(['never']);
    for (const ttlMs of [-1, Number.NaN, '5', null])
      swapErrorOf(() => store.expire('never', ttlMs as number), 'ERR_SWAP_OPTION');
  });

  it('hide expired entries from iteration', () => {
    const store = openStore(options);
    for (let index = 0; index < 20; index++) {
      store.set(`short:${index}`, index, { ttl: 50 });
      store.set(`long:${index}`, index);
    }
    pass(51);
    const keys = [...store.keys()];
    expect(keys).toHaveLength(20);
    for (const key of keys) expect(key).toMatch(/^long/);
    expect([...store.values()]).toHaveLength(20);
    expect([...store]).toHaveLength(20);
    let visits = 0;
    store.forEach(() => {
      visits++;
    });
    expect(visits).toBe(20);
  });

  it('survive a swap', async () => {
    const store = openStore(options);
    store.set('a', { n: 1 }, { ttl: 1_000 });
    await store.swapOut('a');
    pass(600);
    expect(store.get('a')).toEqual({ n: 1 });
    store.swapOutSync('a');
    pass(600);
    expect(store.get('a')).toBeUndefined();
    expect(await store.load('a')).toBeUndefined();
  });

  it('end with the entry: an overwrite has its own or the default', () => {
    const store = openStore({ ...options, ttl: 500 });
    store.set('default', 1);
    store.set('own', 1, { ttl: 2_000 });
    store.set('none', 1, { ttl: 0 });
    store.set('again', 1, { ttl: 100 });
    store.set('again', 2);
    store.set('longer', 1);
    store.set('longer', 2, { ttl: 5_000 });
    pass(400);
    expect(store.get('again')).toBe(2);
    pass(200);
    expect(store.has('default')).toBe(false);
    expect(store.has('again')).toBe(false);
    expect(store.get('own')).toBe(1);
    expect(store.get('none')).toBe(1);
    expect(store.get('longer')).toBe(2);
    pass(1_500);
    expect(store.has('own')).toBe(false);
    expect(store.get('longer')).toBe(2);
    pass(1e9);
    expect(store.get('none')).toBe(1);
    expect(store.has('longer')).toBe(false);
  });

  it('leave nothing of an overwritten entry behind', () => {
    const store = openStore(options);
    store.set('a', 1, { ttl: 100 });
    store.set('a', 2);
    store.set('b', 1, { ttl: 100 });
    store.delete('b');
    store.set('b', 2);
    pass(1e6);
    expect(store.get('a')).toBe(2);
    expect(store.get('b')).toBe(2);
  });

  it('let a key be set anew once it has expired', () => {
    const store = openStore(options);
    store.set('a', { old: true }, { ttl: 10 });
    pass(11);
    store.set('a', { old: false });
    pass(1e6);
    expect(store.get('a')).toEqual({ old: false });
    expect(store.size).toBe(1);
  });

  it('make fetch compute anew', async () => {
    const store = openStore(options);
    const compute = vi.fn((key: string) => ({ of: key }));
    await store.fetch('a', compute, { ttl: 100 });
    pass(50);
    await store.fetch('a', compute, { ttl: 100 });
    expect(compute).toHaveBeenCalledTimes(1);
    pass(60);
    expect(await store.fetch('a', compute, { ttl: 100 })).toEqual({ of: 'a' });
    expect(compute).toHaveBeenCalledTimes(2);
  });

  it('end for pinned entries too', () => {
    const store = openStore(options);
    store.set('a', { n: 1 }, { ttl: 10, pin: true });
    pass(11);
    expect(store.get('a')).toBeUndefined();
    expect(store.unpin('a')).toBe(false);
  });

  it('are reported once for each key that is found expired', () => {
    const store = openStore(options);
    const expired = keysOf(store, 'expire');
    store.set('a', 1, { ttl: 10 });
    store.set('b', 1, { ttl: 10 });
    store.on('expire', (key) => expect(store.has(key)).toBe(false));
    pass(11);
    for (let time = 0; time < 3; time++) {
      store.get('a');
      store.get('b');
    }
    expect(expired.sort()).toEqual(['a', 'b']);
    expect(store.stats().expirations).toBe(2);
    expect(store.size).toBe(0);
  });
});

it('dead entries go by themselves, with their pages, though nobody asks for them', async () => {
  const { store, world } = openInWorld({ threads: 1 });
  const expired = keysOf(store, 'expire');
  for (let index = 0; index < 300; index++) {
    store.set(`key:${index}`, { index, payload: 'x'.repeat(200) }, { ttl: 1_000 + index });
    if (index % 2 === 0) store.swapOutSync(`key:${index}`);
  }
  store.set('stays', 1);
  await world.live(10 * 60_000, 1_000);
  expect(store.size).toBe(1);
  expect(expired).toHaveLength(300);
  expect(store.stats().usedPages).toBe(0);
  expect(store.stats().expirations).toBe(300);
});

it('a value that expires while it is on its way is not found', async () => {
  const { store, world, clock } = openInWorld({ threads: 1 });
  store.set('a', { n: 1 }, { ttl: 1_000 });
  const leaving = store.swapOut('a');
  await clock.advance(2_000);
  expect(store.get('a')).toBeUndefined();
  await world.drive(leaving);
  expect(store.get('a')).toBeUndefined();
  expect(await world.drive(store.load('a'))).toBeUndefined();
  await world.settle();
  expect(store.stats().usedPages).toBe(0);
});
