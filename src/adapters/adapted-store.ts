/**
 * What every adapter is given: a store that somebody else opened and closes, or options to open one of its own. A store
 * of its own is a cache: when it is full the coldest values go, and a damaged record is a miss, unless the options say
 * otherwise.
 */
import type { SwapStoreOptions } from '../options.js';
import { SwapStore } from '../swap-store.js';

const cacheDefaults: SwapStoreOptions = { whenFull: 'evict', whenCorrupt: 'miss' };

export class AdaptedStore {
  readonly store: SwapStore;
  readonly #isOwn: boolean;

  /** @throws SwapError as the constructor of SwapStore does. */
  constructor(storeOrOptions: SwapStore | SwapStoreOptions = {}) {
    this.#isOwn = !(storeOrOptions instanceof SwapStore);
    this.store = storeOrOptions instanceof SwapStore ? storeOrOptions : openCache(storeOrOptions);
  }

  /**
   * For who sets and can wait: resolves when the threads have kept up, so that the next `set` need not write on this thread.
   * Where nothing can leave, that `set` says so.
   */
  async room(): Promise<void> {
    await this.store.ready().catch(() => {});
  }

  /** Closes a store of its own; one that was given stays open. */
  async close(): Promise<void> {
    if (this.#isOwn) await this.store.close();
  }
}

function openCache(options: SwapStoreOptions): SwapStore {
  // What is no object is refused by the store itself; to spread it would make one of it.
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  return new SwapStore(isObject ? { ...cacheDefaults, ...options } : options);
}
