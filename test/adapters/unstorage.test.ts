/** The driver for unstorage, through unstorage. */
import { createStorage, prefixStorage, restoreSnapshot, snapshot } from 'unstorage';
import { afterEach, describe, expect, it, vi } from 'vitest';
import swapStoreDriver from '../../dist/adapters/unstorage.js';
import { closeStore, freshPath, openStore, swapErrorOf } from '../support/store.js';
import { turnsDuring } from '../support/turns.js';

const storages: Array<{ dispose(): Promise<void> }> = [];

function storageOf(storeOrOptions: Parameters<typeof swapStoreDriver>[0]) {
  const storage = createStorage({ driver: swapStoreDriver(storeOrOptions) });
  storages.push(storage);
  return storage;
}

afterEach(async () => {
  vi.useRealTimers();
  for (const storage of storages.splice(0)) await storage.dispose();
});

describe.each([
  ['in memory', {}],
  ['in the file', { maxMemory: 0 }],
  ['on one thread', { maxMemory: 0, threads: 0 }],
])('the driver with values %s', (_, options) => {
  it('gives back values of every type, the falsy ones, too', async () => {
    const storage = storageOf(options);
    const values = [0, false, '', null, 'text', 1.5, { a: [1, { b: null }] }, [], 'true', '"quoted"'];
    for (const [index, value] of values.entries()) await storage.setItem(`v:${index}`, value);
    for (const [index, value] of values.entries()) {
      expect(await storage.hasItem(`v:${index}`)).toBe(true);
      // Text that reads as JSON is read as that by unstorage itself.
      const expected = value === 'true' ? true : value === '"quoted"' ? 'quoted' : value;
      expect(await storage.getItem(`v:${index}`)).toEqual(expected);
    }
    expect(await storage.getItem('absent')).toBeNull();
    expect(await storage.getItemRaw('absent')).toBeNull();
    expect(await storage.hasItem('absent')).toBe(false);
  });

  it('gives back bytes as they were', async () => {
    const storage = storageOf(options);
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index * 7);
    await storage.setItemRaw('bytes', bytes);
    expect(await storage.getItemRaw('bytes')).toEqual(bytes);
    await storage.setItemRaw('none', new Uint8Array(0));
    expect(await storage.getItemRaw('none')).toEqual(new Uint8Array(0));
  });

  it('sets and gets many at once', async () => {
    const storage = storageOf(options);
    await storage.setItems([
      { key: 'a', value: '1' },
      { key: 'b:c', value: 'two' },
    ]);
    expect(await storage.getItems(['a', 'b:c', 'd'])).toEqual([
      { key: 'a', value: 1 },
      { key: 'b:c', value: 'two' },
      { key: 'd', value: null },
    ]);
  });

  it('lists keys by base and depth', async () => {
    const storage = storageOf(options);
    for (const key of ['a', 'a:b', 'a:b:c', 'a:d', 'ab:c', 'x:y:z']) await storage.setItem(key, key);
    const keys = async (...args: Parameters<typeof storage.getKeys>) =>
      (await storage.getKeys(...args)).sort();
    expect(await keys()).toEqual(['a', 'a:b', 'a:b:c', 'a:d', 'ab:c', 'x:y:z']);
    expect(await keys('a')).toEqual(['a:b', 'a:b:c', 'a:d']);
    expect(await keys(undefined, { maxDepth: 0 })).toEqual(['a']);
    expect(await keys('a', { maxDepth: 1 })).toEqual(['a:b', 'a:d']);
    await storage.removeItem('a:b');
    expect(await keys('a')).toEqual(['a:b:c', 'a:d']);
  });

  it('clears a mount and nothing else, and an empty store without complaint', async () => {
    const storage = storageOf(options);
    const mounted = openStore(options);
    storage.mount('a', swapStoreDriver(mounted));
    await storage.clear();
    expect(await storage.getKeys()).toEqual([]);
    await storage.setItem('a:1', 1);
    await storage.setItem('b:1', 'stays');
    await storage.clear('a');
    expect(mounted.size).toBe(0);
    expect(await storage.getKeys()).toEqual(['b:1']);
    await storage.clear();
    expect(await storage.hasItem('b:1')).toBe(false);
  });

  it('clears a base of its own where it is asked to', async () => {
    const store = openStore(options);
    for (let index = 0; index < 1_500; index++) store.set(`a:${index}`, index);
    store.set('ab', 'stays');
    await swapStoreDriver(store).clear?.('a:', {});
    expect([...store.keys()]).toEqual(['ab']);
  });

  it('ends items after their ttl, and says how long they have', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const storage = storageOf(options);
    await storage.setItem('brief', 1, { ttl: 2 });
    await storage.setItemRaw('raw', 'bytes', { ttl: 1.5 });
    await storage.setItem('lasting', 3);
    expect(await storage.getMeta('brief')).toEqual({ ttl: 2 });
    expect(await storage.getMeta('lasting')).toEqual({});
    expect(await storage.getMeta('absent')).toEqual({});
    vi.setSystemTime(Date.now() + 1_500);
    expect(await storage.getItemRaw('raw')).toBeNull();
    expect(await storage.getItem('brief')).toBe(1);
    vi.setSystemTime(Date.now() + 500);
    expect(await storage.getItem('brief')).toBeNull();
    expect(await storage.getKeys()).toEqual(['lasting']);
  });

  it('keeps metadata of the user’s', async () => {
    const storage = storageOf(options);
    await storage.setItem('a', 1);
    await storage.setMeta('a', { note: 'mine' });
    expect(await storage.getMeta('a')).toEqual({ note: 'mine' });
    expect(await storage.getKeys()).toEqual(['a']);
    await storage.removeItem('a', { removeMeta: true });
    expect(await storage.getMeta('a')).toEqual({});
  });
});

describe('the driver', () => {
  it('is mounted beside others, and prefixed', async () => {
    const storage = storageOf({ maxMemory: 0 });
    const mounted = swapStoreDriver({ maxMemory: 0 });
    storage.mount('cache', mounted);
    await storage.setItem('cache:a', 'mounted');
    await storage.setItem('a', 'own');
    expect(mounted.getInstance?.().get('a')).toBe('mounted');
    const prefixed = prefixStorage(storage, 'cache');
    expect(await prefixed.getItem('a')).toBe('mounted');
    await prefixed.setItem('b', 2);
    expect((await prefixed.getKeys()).sort()).toEqual(['a', 'b']);
    expect((await storage.getKeys()).sort()).toEqual(['a', 'cache:a', 'cache:b']);
    await prefixed.clear();
    expect(await storage.getKeys()).toEqual(['a']);
  });

  it('keeps mounts on one store apart, each in a namespace of its own', async () => {
    const store = openStore({ maxMemory: 0 });
    const storage = storageOf(store);
    storage.mount('pages', swapStoreDriver(store, { namespace: 'pages' }));
    storage.mount('pages:drafts', swapStoreDriver(store, { namespace: 'drafts' }));
    for (const key of ['k', 'pages:k', 'pages:drafts:k']) await storage.setItem(key, key);
    for (const key of ['k', 'pages:k', 'pages:drafts:k']) expect(await storage.getItem(key)).toBe(key);
    expect((await storage.getKeys()).sort()).toEqual(['k', 'pages:drafts:k', 'pages:k']);
    expect([...store.namespace('drafts').keys()]).toEqual(['k']);
    await storage.clear('pages:drafts');
    expect((await storage.getKeys()).sort()).toEqual(['k', 'pages:k']);
    await storage.clear('pages');
    expect(await storage.getKeys()).toEqual(['k']);
  });

  it('lets the event loop turn while it lists keys', async () => {
    const driver = swapStoreDriver({});
    for (let index = 0; index < 1_000; index++) await driver.setItem?.(`a:${index}`, 'x', {});
    let keys: string[] = [];
    const turns = await turnsDuring(async () => {
      keys = await driver.getKeys('a:', {});
    });
    expect(keys).toHaveLength(1_000);
    expect(turns).toBeGreaterThan(10);
    await driver.dispose?.();
  });

  it('refuses a lifetime that is none, and a bad namespace, by the name and the unit that were given', async () => {
    const storage = storageOf({});
    await storage.setItem('k', 'old');
    for (const ttl of [-1, Number.POSITIVE_INFINITY, Number.NaN, '3'])
      await expect(storage.setItem('k', 'new', { ttl })).rejects.toMatchObject({
        code: 'ERR_SWAP_OPTION',
        message: expect.stringMatching(`^ttl must be seconds .* but ${ttl === '3' ? '"3"' : ttl} was given`),
      });
    expect(await storage.getItem('k')).toBe('old');
    await storage.setItem('k', 'lasting', { ttl: 0 });
    expect(await storage.getMeta('k')).toEqual({});
    const path = freshPath();
    for (const options of [{ namespace: '' }, { namespace: 5 }, { nameSpace: 'x' }, null, 'x'])
      swapErrorOf(() => swapStoreDriver({ path }, options as object), 'ERR_SWAP_OPTION');
    // No store was left open by that, which would hold the lock of its file.
    expect(await storageOf({ path }).getKeys()).toEqual([]);
  });

  it('tells watchers', async () => {
    const storage = storageOf({});
    const seen: string[] = [];
    await storage.watch((event, key) => {
      seen.push(`${event} ${key}`);
    });
    await storage.setItem('a', 1);
    await storage.removeItem('a');
    expect(seen).toEqual(['update a', 'remove a']);
  });

  it('takes a snapshot and brings it back', async () => {
    const storage = storageOf({ maxMemory: 0 });
    await storage.setItem('a:b', 'one');
    await storage.setItem('a:c', 2);
    const taken = await snapshot(storage, 'a');
    await storage.clear();
    await restoreSnapshot(storage, taken, 'a');
    expect(await storage.getItem('a:b')).toBe('one');
    expect(await storage.getItem('a:c')).toBe(2);
  });

  it('finds everything again in a persistent store', async () => {
    const options = { path: freshPath(), persist: true };
    const first = createStorage({ driver: swapStoreDriver(options) });
    await first.setItem('a', { n: 1 });
    await first.dispose();
    expect(await storageOf(options).getItem('a')).toEqual({ n: 1 });
  });

  it('closes a store that it has opened, and no other', async () => {
    const given = openStore();
    await createStorage({ driver: swapStoreDriver(given) }).dispose();
    expect(given.set('k', 1).get('k')).toBe(1);
    await closeStore(given);
    const driver = swapStoreDriver({});
    await driver.dispose?.();
    swapErrorOf(() => driver.getInstance?.().get('k'), 'ERR_SWAP_CLOSED');
    swapErrorOf(() => swapStoreDriver({ threads: -1 }), 'ERR_SWAP_OPTION');
  });
});
