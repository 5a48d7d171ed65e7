/**
 * A first layer for Bentocache that is larger than memory: hot entries are in memory, the others are read back from the
 * file in microseconds, synchronously, as Bentocache wants it.
 *
 * A namespace of Bentocache is a prefix of keys, as its contract has it. To clear the cache is cheap; to clear a namespace
 * looks at all keys.
 */
import type { bentostore } from 'bentocache';
import { checkNamespaceName } from '../call-options.js';
import { ttlMsMax } from '../checks.js';
import type { Keyspace } from '../keyspace.js';
import type { SwapStoreOptions } from '../options.js';
import type { SwapStore } from '../swap-store.js';
import { AdaptedStore } from './adapted-store.js';

type CreateL1Driver = Parameters<ReturnType<typeof bentostore>['useL1Layer']>[0];
type L1Driver = ReturnType<CreateL1Driver['factory']>;

/** What is not the store's business. */
export interface SwapStoreDriverOptions {
  /**
   * false: entries are stored as they are, and not as Bentocache's JSON. A Date stays a Date; what is got while it is in
   * memory is the object itself, and must not be changed. Default true.
   */
  serialize?: boolean;
}

/**
 * `bentostore().useL1Layer(swapStoreDriver({ maxMemory }))`.
 *
 * @param storeOrOptions A store, which stays open, or options for one that ends with `disconnect`; it evicts when it is
 *   full, and a damaged record is a miss, unless they say otherwise. SwapErrors of options come from `factory`, which
 *   Bentocache calls.
 */
export default function swapStoreDriver(
  storeOrOptions: SwapStore | SwapStoreOptions = {},
  { serialize = true }: SwapStoreDriverOptions = {},
): Omit<CreateL1Driver, 'factory'> & { factory(config?: { prefix?: string }): SwapStoreDriver } {
  return {
    options: { serialize },
    factory: ({ prefix = '' }: { prefix?: string } = {}) => {
      const name = `bentocache:${prefix}`;
      // Before a store is open that nobody could close.
      checkNamespaceName(name);
      const adapted = new AdaptedStore(storeOrOptions);
      return new SwapStoreDriver(adapted, adapted.store.namespace<string>(name), '');
    },
  };
}

/** The driver itself. */
export class SwapStoreDriver implements L1Driver {
  readonly type = 'l1';
  readonly #adapted: AdaptedStore;
  readonly #keys: Keyspace<string>;
  /** Of the namespace that this is, and those it is in. */
  readonly #path: string;

  /** @internal */
  constructor(adapted: AdaptedStore, keys: Keyspace<string>, path: string) {
    this.#adapted = adapted;
    this.#keys = keys;
    this.#path = path;
  }

  /** The store behind it. */
  get store(): SwapStore {
    return this.#adapted.store;
  }

  namespace(name: string): SwapStoreDriver {
    return new SwapStoreDriver(this.#adapted, this.#keys, `${this.#path}${name}:`);
  }

  /** What was set: text, as Bentocache's contract has it, or an entry where `serialize` is false. */
  get(key: string): string | undefined {
    return this.#keys.get(this.#path + key);
  }

  /** Gets a value and deletes it. */
  pull(key: string): string | undefined {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  /** @param ttl ms; for ever without it. */
  set(key: string, value: string, ttl?: number): boolean {
    const isForEver = ttl === undefined || ttl === null || !(ttl <= ttlMsMax);
    this.#keys.set(this.#path + key, value, isForEver ? undefined : { ttl: Math.max(1, ttl) });
    return true;
  }

  /** ms; undefined where there is no end, or no such key. */
  getRemainingTtl(key: string): number | undefined {
    const ttlMs = this.#keys.remainingTtl(this.#path + key);
    return ttlMs !== undefined && Number.isFinite(ttlMs) ? ttlMs : undefined;
  }

  /** True where the key was there. */
  delete(key: string): boolean {
    return this.#keys.delete(this.#path + key);
  }

  deleteMany(keys: string[]): boolean {
    for (const key of keys) this.delete(key);
    return true;
  }

  /** Removes the keys of this namespace, and of those in it. */
  clear(): void {
    if (this.#path === '') this.#keys.clear();
    else for (const key of this.#keys.keys({ prefix: this.#path })) this.#keys.delete(key);
  }

  /** Closes a store that it has opened. */
  async disconnect(): Promise<void> {
    await this.#adapted.close();
  }
}
