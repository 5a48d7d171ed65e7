/** The adapter for Keyv, under Keyv 5 and 6, cache-manager 7 and cacheable 2. */
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import Keyv5 from 'keyv';
import Keyv6 from 'keyv6';
import { afterEach, describe, expect, it, vi } from 'vitest';
import KeyvSwapStore from '../../dist/adapters/keyv.js';
import { closeStore, freshPath, openStore, type SwapStoreOptions, swapErrorOf } from '../support/store.js';
import { turnsDuring } from '../support/turns.js';

const adapters: KeyvSwapStore[] = [];

function adapterOf(storeOrOptions: ConstructorParameters<typeof KeyvSwapStore>[0]): KeyvSwapStore {
  const adapter = new KeyvSwapStore(storeOrOptions);
  adapters.push(adapter);
  return adapter;
}

afterEach(async () => {
  vi.useRealTimers();
  for (const adapter of adapters.splice(0)) await adapter.disconnect();
});

/** Values leave at once. */
const tight: SwapStoreOptions = { maxMemory: 0, maxSwap: 2 ** 26 };

/** What the two majors have in common. */
interface AnyKeyv {
  get(key: string): Promise<unknown>;
  get(keys: string[]): Promise<unknown[]>;
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  clear(): Promise<void>;
  disconnect(): Promise<void>;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

const majors: Record<string, (store: KeyvSwapStore, namespace?: string) => AnyKeyv> = {
  'Keyv 5': (store, namespace) =>
    new Keyv5({ store, ...(namespace === undefined ? {} : { namespace }) }) as unknown as AnyKeyv,
  'Keyv 6': (store, namespace) =>
    new Keyv6({ store, ...(namespace === undefined ? {} : { namespace }) }) as unknown as AnyKeyv,
};

describe.each(Object.entries(majors))('%s', (_, open) => {
  it('gets back what it has set, one by one and many at once', async () => {
    const keyv = open(adapterOf(tight), 'space');
    const value = { text: 'é', list: [1, null, { deep: true }] };
    expect(await keyv.set('a', value)).toBe(true);
    expect(await keyv.get('a')).toEqual(value);
    expect(await keyv.has('a')).toBe(true);
    await keyv.set('b', 0);
    expect(await keyv.get(['a', 'absent', 'b'])).toEqual([value, undefined, 0]);
    expect(await keyv.delete('a')).toBe(true);
    expect(await keyv.delete('a')).toBe(false);
    expect(await keyv.get('a')).toBeUndefined();
  });

  it('keeps a ttl, and the store lets go of what has ended', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const adapter = adapterOf(tight);
    const keyv = open(adapter, 'space');
    await keyv.set('brief', 1, 100);
    await keyv.set('lasting', 2);
    const space = adapter.store.namespace('space');
    expect([...space.keys()].map((key) => space.remainingTtl(key)).sort()).toEqual([
      100,
      Number.POSITIVE_INFINITY,
    ]);
    vi.setSystemTime(Date.now() + 101);
    expect(await keyv.get('brief')).toBeUndefined();
    expect(await keyv.get('lasting')).toBe(2);
    expect([...space.keys()]).toHaveLength(1);
  });

  it('does not see or clear the keys of another namespace of the same store', async () => {
    const store = openStore(tight);
    const [a, b, none] = [
      open(adapterOf(store), 'a'),
      open(adapterOf(store), 'b'),
      open(adapterOf(store), ''),
    ];
    for (const [index, keyv] of [a, b, none].entries()) await keyv.set('k', index);
    expect(await Promise.all([a, b, none].map((keyv) => keyv.get('k')))).toEqual([0, 1, 2]);
    await a.clear();
    expect(await Promise.all([a, b, none].map((keyv) => keyv.get('k')))).toEqual([undefined, 1, 2]);
    await none.clear();
    expect(await Promise.all([a, b, none].map((keyv) => keyv.get('k')))).toEqual([undefined, 1, undefined]);
  });

  it('walks over its own keys', async () => {
    const store = openStore(tight);
    const adapter = adapterOf(store);
    const keyv = open(adapter, 'space');
    const other = open(adapterOf(store), 'other');
    const expected = new Map<string, number>();
    for (let index = 0; index < 150; index++) {
      await keyv.set(`k${index}`, index);
      await other.set(`k${index}`, -index);
      expected.set(`k${index}`, index);
    }
    const seen = new Map<string, number>();
    const { iterator } = keyv as unknown as { iterator(): AsyncIterable<[string, number]> };
    for await (const [key, value] of iterator.call(keyv)) seen.set(key, value);
    expect(seen).toEqual(expected);
  });

  it('keeps for ever what has a ttl without end, as the memory of Keyv does', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const keyv = open(adapterOf(tight), 'space');
    for (const [index, ttl] of [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER].entries())
      expect(await keyv.set(`for ever ${index}`, index, ttl)).toBe(true);
    vi.setSystemTime(Date.now() + 1_000_000);
    expect(await keyv.get(['for ever 0', 'for ever 1'])).toEqual([0, 1]);
  });

  it('lets the event loop turn while it walks over values in memory', async () => {
    const adapter = adapterOf({});
    const keyv = open(adapter, 'space');
    for (let index = 0; index < 1_000; index++) await keyv.set(`k${index}`, index);
    const { iterator } = keyv as unknown as { iterator(): AsyncIterable<[string, number]> };
    const turns = await turnsDuring(async () => {
      for await (const _ of iterator.call(keyv));
    });
    expect(turns).toBeGreaterThan(10);
  });

  it('emits no error, which could end the process, for a warning of the store', async () => {
    const adapter = adapterOf({ maxMemory: 16_384 });
    const warnings: string[] = [];
    const errors: unknown[] = [];
    adapter.store.on('warning', (warning) => warnings.push(warning.code));
    adapter.on('error', (error) => errors.push(error));
    const keyv = open(adapter);
    keyv.on('error', (error) => errors.push(error));
    await adapter.set('f', () => 'cannot be encoded');
    for (let index = 0; warnings.length === 0 && index < 200; index++) {
      await keyv.set(`k${index}`, 'x'.repeat(1_000));
      // Sets alone would be a bulk load, which leaves what is in memory where it is.
      await keyv.get(`k${index}`);
    }
    expect(warnings).toEqual(['ERR_SWAP_UNSERIALIZABLE']);
    expect(errors).toEqual([]);
  });

  it('finds everything again in a persistent store', async () => {
    const options = { path: freshPath(), persist: true };
    const first = open(adapterOf(options), 'space');
    await first.set('k', { n: 1 });
    await first.disconnect();
    const second = open(adapterOf(options), 'space');
    expect(await second.get('k')).toEqual({ n: 1 });
  });
});

describe('the adapter', () => {
  it('closes a store that it has opened, and no other', async () => {
    const given = openStore();
    await new KeyvSwapStore(given).disconnect();
    expect(given.set('k', 1).get('k')).toBe(1);
    const adapter = new KeyvSwapStore({ maxMemory: 0 });
    await adapter.disconnect();
    swapErrorOf(() => adapter.store.get('k'), 'ERR_SWAP_CLOSED');
    await closeStore(given);
  });

  it('opens a cache: what is full evicts', async () => {
    const adapter = adapterOf({ maxMemory: 0, maxSwap: 2 ** 17, threads: 0 });
    const keyv = new Keyv5({ store: adapter });
    for (let index = 0; index < 400; index++)
      expect(await keyv.set(`k${index}`, 'x'.repeat(1_000))).toBe(true);
    expect(await keyv.get('k399')).toBe('x'.repeat(1_000));
    expect(adapter.store.stats().evictions).toBeGreaterThan(100);
  });

  it('says false where none of many keys was there, and true where one was', async () => {
    const adapter = adapterOf(tight);
    await adapter.set('a', 1);
    expect(await adapter.deleteMany(['x', 'y'])).toBe(false);
    expect(await adapter.deleteMany(['a', 'y'])).toBe(true);
    expect(await adapter.hasMany(['a', 'y'])).toEqual([false, false]);
  });

  it('tells two Keyvs of version 5 apart that share it', async () => {
    const adapter = adapterOf(tight);
    const first = new Keyv5({ store: adapter, namespace: 'first' });
    await first.set('k', 1);
    const second = new Keyv5({ store: adapter, namespace: 'second' });
    await second.set('k', 2);
    expect([await first.get('k'), await second.get('k')]).toEqual([1, 2]);
    expect(await first.get(['k', 'l'])).toEqual([1, undefined]);
    expect(await adapter.hasMany(['first:k', 'second:k', 'third:k'])).toEqual([true, true, false]);
    expect(await adapter.getMany(['first:k', 'second:k', 'third:k'])).toEqual([
      await adapter.get('first:k'),
      await adapter.get('second:k'),
      undefined,
    ]);
    expect(await adapter.get('first:k')).toBeDefined();
  });

  it('tells a Keyv of version 5 without a namespace from one that came before it', async () => {
    const adapter = adapterOf(tight);
    const named = new Keyv5({ store: adapter, namespace: 'named' });
    await named.set('k', 1);
    const plain = new Keyv5({ store: adapter, namespace: '' });
    await plain.set('k', 2);
    expect([await named.get('k'), await plain.get('k')]).toEqual([1, 2]);
  });

  it('keeps apart the namespaces that one Keyv of version 6 goes through, whatever its keys look like', async () => {
    const keyv = new Keyv6({ store: adapterOf(tight), namespace: 'a' });
    await keyv.set('mine', 1);
    keyv.namespace = 'b';
    await keyv.set('a:secret', 2);
    expect(await keyv.get(['a:secret', 'mine'])).toEqual([2, undefined]);
    keyv.namespace = 'a';
    expect(await keyv.get(['a:secret', 'mine'])).toEqual([undefined, 1]);
    keyv.namespace = 'b';
    await keyv.clear();
    expect(await keyv.get('a:secret')).toBeUndefined();
    keyv.namespace = 'a';
    expect(await keyv.get('mine')).toBe(1);
  });

  it('keeps nothing, not even the old value, where a ttl has ended before it began', async () => {
    const adapter = adapterOf(tight);
    const keyv = new Keyv5({ store: adapter });
    await keyv.set('k', 'old');
    expect(await keyv.set('k', 'new', -5)).toBe(true);
    expect(await keyv.get('k')).toBeUndefined();
    await keyv.set('k', 'old');
    expect(await keyv.setMany([{ key: 'k', value: 'new', ttl: -5 }])).toEqual([true]);
    expect(await keyv.has('k')).toBe(false);
  });

  it('has an error for a bad option, and rejects where the store does', async () => {
    for (const options of [{ maxMemory: -1 }, { maxmemory: 1 }, null, 42, [], 'path'])
      swapErrorOf(() => new KeyvSwapStore(options as object), 'ERR_SWAP_OPTION');
    const adapter = adapterOf(tight);
    await expect(adapter.set('', 1)).rejects.toMatchObject({ code: 'ERR_SWAP_KEY' });
    swapErrorOf(() => {
      adapter.namespace = 'a\0b';
    }, 'ERR_SWAP_OPTION');
    await adapter.set('k', 1);
    expect(await adapter.get('k')).toBe(1);
    const keyv = new Keyv5({ store: adapter, throwOnErrors: true });
    await adapter.disconnect();
    await expect(keyv.get('k')).rejects.toMatchObject({ code: 'ERR_SWAP_CLOSED' });
  });
});

describe('cache-manager 7 on the adapter', () => {
  it('sets, gets, wraps, ends and clears', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const cache = createCache({ stores: [new Keyv5({ store: adapterOf(tight) })] });
    await cache.set('a', { n: 1 }, 1_000);
    await cache.mset([
      { key: 'b', value: 2 },
      { key: 'c', value: 3, ttl: 5_000 },
    ]);
    expect(await cache.get('a')).toEqual({ n: 1 });
    expect(await cache.ttl('a')).toBe(Date.now() + 1_000);
    expect(await cache.ttl('b')).toBeUndefined();
    expect(await cache.mget(['a', 'b', 'c', 'd'])).toEqual([{ n: 1 }, 2, 3, undefined]);
    let calls = 0;
    const compute = () => cache.wrap('w', () => ++calls, { ttl: 1_000 });
    expect([await compute(), await compute(), calls]).toEqual([1, 1, 1]);
    vi.setSystemTime(Date.now() + 1_001);
    expect(await cache.get('a')).toBeUndefined();
    expect(await compute()).toBe(2);
    await cache.del('b');
    expect(await cache.get('b')).toBeUndefined();
    expect(await cache.get('c')).toBe(3);
    await cache.clear();
    expect(await cache.get('c')).toBeUndefined();
    await cache.disconnect();
  });
});

describe('cacheable 2 on the adapter', () => {
  it('has it as its first tier, larger than memory', async () => {
    const adapter = adapterOf({ maxMemory: 32_768 });
    const cacheable = new Cacheable({ primary: new Keyv5({ store: adapter }) });
    for (let index = 0; index < 300; index++) await cacheable.set(`k${index}`, `${index}`.repeat(300));
    for (let index = 0; index < 300; index += 7)
      expect(await cacheable.get(`k${index}`)).toBe(`${index}`.repeat(300));
    expect(adapter.store.stats().swapIns).toBeGreaterThan(0);
    expect(await cacheable.delete('k7')).toBe(true);
    expect(await cacheable.get('k7')).toBeUndefined();
    await cacheable.disconnect();
  });

  it('has it as its second tier, which fills the first', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const adapter = adapterOf(tight);
    const cacheable = new Cacheable({ secondary: new Keyv5({ store: adapter }) });
    await cacheable.set('a', { n: 1 }, 1_000);
    await cacheable.set('b', 2);
    await cacheable.primary.clear();
    expect(await cacheable.get('a')).toEqual({ n: 1 });
    expect(await cacheable.getMany(['a', 'b', 'c'])).toEqual([{ n: 1 }, 2, undefined]);
    expect(await cacheable.primary.get('a')).toEqual({ n: 1 });
    vi.setSystemTime(Date.now() + 1_001);
    expect(await cacheable.get('a')).toBeUndefined();
    await cacheable.clear();
    expect(adapter.store.size).toBe(0);
    await cacheable.disconnect();
  });

  it('has it as both', async () => {
    const store = openStore(tight);
    const cacheable = new Cacheable({
      primary: new Keyv5({ store: adapterOf(store), namespace: 'first' }),
      secondary: new Keyv5({ store: adapterOf(store), namespace: 'second' }),
    });
    await cacheable.set('a', 1);
    expect([store.namespace('first').size, store.namespace('second').size]).toEqual([1, 1]);
    await cacheable.primary.clear();
    expect(await cacheable.get('a')).toBe(1);
    await cacheable.clear();
    expect([store.namespace('first').size, store.namespace('second').size]).toEqual([0, 0]);
  });
});
