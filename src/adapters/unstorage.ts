/**
 * A driver for unstorage. Keys are unstorage's own, `a:b:c`, and values what it gives: text, or with the raw calls any
 * value that the store can hold, bytes as they are. Reads await, so that they do not block the event loop.
 *
 * A `base` is a prefix of keys: to list or clear one, all keys of the store are looked at.
 */
import type { Driver } from 'unstorage';
import { checkNamespaceName } from '../call-options.js';
import { checkObject, refuse, ttlMsMax } from '../checks.js';
import type { Keyspace } from '../keyspace.js';
import type { SwapStoreOptions } from '../options.js';
import type { SwapStore } from '../swap-store.js';
import { AdaptedStore } from './adapted-store.js';
import { keyBatches } from './key-batches.js';

const secondMs = 1000;
const driverNames = new Set(['namespace']);

/** What several drivers on one store need. */
export interface SwapStoreDriverOptions {
  /** The namespace of the store that the items are in, so that mounts share no keys. Default: none, the store itself. */
  namespace?: string;
}

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
 * @throws SwapError as the constructor of SwapStore; ERR_SWAP_OPTION.
 */
export default function swapStoreDriver(
  storeOrOptions: SwapStore | SwapStoreOptions = {},
  driverOptions: SwapStoreDriverOptions = {},
): Driver<SwapStore | SwapStoreOptions, SwapStore> {
  checkDriverOptions(driverOptions);
  const adapted = new AdaptedStore(storeOrOptions);
  const { store } = adapted;
  const { namespace } = driverOptions;
  const items: Keyspace = namespace === undefined ? store : store.namespace(namespace);
  const load = async (key: string): Promise<unknown> => (await items.load(key)) ?? null;
  const set = async (key: string, value: unknown, options: ItemOptions | undefined): Promise<void> => {
    const ttl = options?.ttl;
    items.set(key, value, ttl === undefined ? undefined : { ttl: ttlMsOf(ttl) });
    await adapted.room();
  };
  return {
    name: 'swapstore',
    flags: { maxDepth: true, ttl: true },
    options: storeOrOptions,
    getInstance: () => store,
    hasItem: (key) => items.has(key),
    getItem: (key) => load(key) as Promise<string | null>,
    getItemRaw: load,
    getItems: async (wanted) => {
      const values = await items.loadMany(wanted.map(({ key }) => key));
      return wanted.map(({ key }, index) => ({ key, value: (values[index] ?? null) as string | null }));
    },
    setItem: set,
    setItemRaw: set,
    removeItem: (key) => {
      items.delete(key);
    },
    getKeys: async (base, { maxDepth = Number.POSITIVE_INFINITY } = {}) => {
      const found: string[] = [];
      for await (const keys of keyBatches(items, base || ''))
        for (const key of keys) if (depthOf(key) <= maxDepth) found.push(key);
      return found;
    },
    getMeta: async (key) => {
      const ttlMs = items.remainingTtl(key);
      if (ttlMs === undefined) return null;
      return Number.isFinite(ttlMs) ? { ttl: ttlMs / secondMs } : {};
    },
    clear: async (base) => {
      if (base) await clearPrefix(items, base);
      else items.clear();
    },
    dispose: () => adapted.close(),
  };
}

/** In milliseconds; refused in seconds, as it was given. */
function ttlMsOf(ttl: unknown): number {
  if (typeof ttl !== 'number' || !(ttl >= 0 && ttl * secondMs <= ttlMsMax))
    throw refuse('ttl', `seconds from 0 (no limit) to ${ttlMsMax / secondMs}`, ttl);
  return ttl * secondMs;
}

/** Before a store is opened, which nobody could close then. */
function checkDriverOptions(options: SwapStoreDriverOptions): void {
  checkObject(options, driverNames, 'driver option');
  if (options.namespace !== undefined) checkNamespaceName(options.namespace);
}

/** `a:b:c` is two deep. */
function depthOf(key: string): number {
  return key.split(':').length - 1;
}

async function clearPrefix(items: Keyspace, prefix: string): Promise<void> {
  for await (const keys of keyBatches(items, prefix)) for (const key of keys) items.delete(key);
}
