/**
 * A driver for unstorage. Keys are unstorage's own, `a:b:c`, and values what it gives: text, or with the raw calls any
 * value that the store can hold, bytes as they are. Reads await, so that they do not block the event loop.
 *
 * A `base` is a prefix of keys: to list or clear one, all keys of the store are looked at.
 */
import type { Driver } from 'unstorage';
import type { SwapStoreOptions } from '../options.js';
import type { SwapStore } from '../swap-store.js';
import { AdaptedStore } from './adapted-store.js';
import { keyBatches } from './key-batches.js';

/** What a call of unstorage may bring for this driver. */
interface ItemOptions {
  /** Lifetime, seconds. */
  readonly ttl?: number;
}

/**
 * `createStorage({ driver: swapStoreDriver({ maxMemory }) })`.
 *
 * @param storeOrOptions A store, which stays open, or options for one that ends with `dispose`; it evicts when it is full,
 *   and a damaged record is a miss, unless they say otherwise.
 * @throws SwapError as the constructor of SwapStore.
 */
export default function swapStoreDriver(
  storeOrOptions: SwapStore | SwapStoreOptions = {},
): Driver<SwapStore | SwapStoreOptions, SwapStore> {
  const adapted = new AdaptedStore(storeOrOptions);
  const { store } = adapted;
  const load = async (key: string): Promise<unknown> => (await store.load(key)) ?? null;
  const set = async (key: string, value: unknown, options: ItemOptions | undefined): Promise<void> => {
    const ttl = options?.ttl;
    store.set(key, value, ttl === undefined ? undefined : { ttl: ttl * 1000 });
    await adapted.room();
  };
  return {
    name: 'swapstore',
    flags: { maxDepth: true, ttl: true },
    options: storeOrOptions,
    getInstance: () => store,
    hasItem: (key) => store.has(key),
    getItem: (key) => load(key) as Promise<string | null>,
    getItemRaw: load,
    getItems: async (items) => {
      const values = await store.loadMany(items.map(({ key }) => key));
      return items.map(({ key }, index) => ({ key, value: (values[index] ?? null) as string | null }));
    },
    setItem: set,
    setItemRaw: set,
    removeItem: (key) => {
      store.delete(key);
    },
    getKeys: async (base, { maxDepth = Number.POSITIVE_INFINITY } = {}) => {
      const found: string[] = [];
      for await (const keys of keyBatches(store, base || ''))
        for (const key of keys) if (depthOf(key) <= maxDepth) found.push(key);
      return found;
    },
    getMeta: async (key) => {
      const ttlMs = store.remainingTtl(key);
      if (ttlMs === undefined) return null;
      return Number.isFinite(ttlMs) ? { ttl: ttlMs / 1000 } : {};
    },
    clear: async (base) => {
      if (base) await clearPrefix(store, base);
      else store.clear();
    },
    dispose: () => adapted.close(),
  };
}

/** `a:b:c` is two deep. */
function depthOf(key: string): number {
  return key.split(':').length - 1;
}

async function clearPrefix(store: SwapStore, prefix: string): Promise<void> {
  for await (const keys of keyBatches(store, prefix)) for (const key of keys) store.delete(key);
}
