/**
 * SwapStore: the public face. It checks what it is given, counts what it answers, and leaves every move of an entry to
 * the pager; it holds no state but whether it is open. The one thing done here for speed is a hit of `get`: one look-up
 * and one touch, before anything else is asked.
 */
import { buildPager, buildPagerSoon } from './build-pager.js';
import type { SwapError } from './errors.js';
import { checkKey, checkKeys } from './keys.js';
import { none } from './memory/pointer-table.js';
import { Place } from './memory/resident.js';
import type { ResidentSet } from './memory/resident-set.js';
import {
  checkFunction,
  checkSetOptions,
  checkSnapshotPath,
  checkWaitOptions,
  type SetOptions,
  type SwapStoreOptions,
  unavailable,
  type WaitOptions,
} from './options.js';
import { Awaiting } from './pager/awaiting.js';
import { Closing, closedError } from './pager/closing.js';
import { Computations } from './pager/computations.js';
import type { Entry } from './pager/entry.js';
import type { StoreEvent } from './pager/notices.js';
import { type EntryTerms, Pager } from './pager/pager.js';
import { notePager } from './pager/pager-of.js';
import { snapshotStats } from './pager/snapshot-stats.js';
import type { SwapStoreStats } from './stats.js';
import { Stay } from './wait/waiter.js';

/** Where a swapped value lies. */
export interface VmPointer {
  /** First page. */
  readonly page: number;
  /** How many pages from there on are its own. */
  readonly pages: number;
  /** Bytes of the record, header and key included. */
  readonly bytes: number;
}

/** What the seed calls MEMORY, SWAPPING, SWAPPED, LOADING. */
export type EntryState = 'resident' | 'swapping' | 'swapped' | 'loading';

const noOptions = {};

export class SwapStore<V = unknown> implements Iterable<[string, V]>, AsyncDisposable, Disposable {
  readonly #pager: Pager;
  readonly #residents: ResidentSet<Entry>;
  readonly #awaiting: Awaiting;
  readonly #computations: Computations;
  readonly #closing: Closing;
  readonly #plainTerms: EntryTerms;

  /**
   * Opens (or creates) and locks the swap file.
   *
   * @throws SwapError ERR_SWAP_OPTION, ERR_SWAP_LOCKED, ERR_SWAP_FORMAT, ERR_SWAP_IO.
   */
  constructor(options?: SwapStoreOptions);
  /** @internal The rooms are built already. */
  constructor(pager: Pager);
  constructor(options: SwapStoreOptions | Pager = noOptions) {
    const pager = options instanceof Pager ? options : buildPager(options);
    this.#pager = pager;
    this.#residents = pager.core.residents;
    this.#awaiting = new Awaiting(pager);
    this.#computations = new Computations(pager, this.#awaiting);
    this.#closing = new Closing(pager, this.#awaiting, this.#computations);
    this.#plainTerms = { ttlMs: pager.core.options.ttl, pin: false, size: 0 };
    notePager(this, pager);
  }

  /** The same as the constructor, but the index of a persistent store is read off the event loop. */
  static async open<V = unknown>(options: SwapStoreOptions = noOptions): Promise<SwapStore<V>> {
    return new SwapStore<V>(await buildPagerSoon(options));
  }

  // ── Map-like; these block, and only when they touch a swapped value ──

  /** Entries, whether in memory or not; those that have expired and were not touched since are still counted. */
  get size(): number {
    return this.#pager.core.table.size;
  }

  /**
   * The value of a key, or undefined. A swapped value is read on this thread, and stays in memory if there is room.
   *
   * @throws SwapError ERR_SWAP_KEY, ERR_SWAP_CLOSED, ERR_SWAP_IO, ERR_SWAP_CORRUPT.
   */
  get(key: string): V | undefined {
    const entry = this.#residents.get(key);
    if (entry === undefined || entry.batch !== undefined || entry.expiresAtMs !== 0)
      return this.#getSlowly(key, Stay.IfRoom);
    this.#pager.core.counters.hits++;
    if (entry.place !== Place.Aside) this.#residents.policy.touch(entry);
    return entry.value as V;
  }

  #getSlowly(key: string, stay: Stay): V | undefined {
    const pager = this.#open(key);
    const { counters, table } = pager.core;
    try {
      const entry = pager.resident(key);
      if (entry !== undefined) {
        counters.hits++;
        pager.touch(entry);
        return entry.value as V;
      }
      const slot = pager.find(key);
      if (slot !== none && pager.swapIn.fault(slot, key, table.hashAt(slot), stay)) {
        counters.faults++;
        return pager.swapIn.value as V;
      }
      counters.misses++;
      return undefined;
    } finally {
      pager.core.notices.tell();
    }
  }

  /**
   * Stores a value. When memory has no room, others are swapped out first, on this thread if they must; when it cannot
   * have room at all, the value goes straight to the file. If it throws, the old value is still there.
   *
   * @throws SwapError ERR_SWAP_KEY, ERR_SWAP_OPTION, ERR_SWAP_CLOSED, ERR_SWAP_FULL, ERR_SWAP_IO,
   *   ERR_SWAP_UNSERIALIZABLE.
   */
  set(key: string, value: V, options?: SetOptions): this {
    const pager = this.#open(key);
    const terms = options === undefined ? this.#plainTerms : this.#termsOf(options);
    try {
      pager.set(key, value, terms);
    } finally {
      this.#computations.supersede(key);
      pager.core.notices.tell();
    }
    return this;
  }

  /** True when the key is there and has not expired. No I/O. */
  has(key: string): boolean {
    const pager = this.#open(key);
    const found = pager.find(key) !== none;
    pager.core.notices.tell();
    return found;
  }

  /** Removes a key; false when it was not there. No I/O on the value. */
  delete(key: string): boolean {
    const pager = this.#open(key);
    this.#computations.supersede(key);
    const deleted = pager.delete(key);
    pager.core.notices.tell();
    return deleted;
  }

  /** Removes all keys. Loads that wait are settled with undefined. No I/O. */
  clear(): void {
    const pager = this.#openStore();
    this.#computations.supersedeAll();
    pager.clear();
    pager.core.notices.tell();
  }

  /** All keys, in no particular order; each that is there for the whole iteration is visited once. */
  *keys(): IterableIterator<string> {
    for (const slot of this.#slots()) yield this.#pager.core.table.keyAt(slot);
  }

  /** All values, previewed: nothing is promoted. */
  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  /** All keys with their values, previewed. A record that is damaged, where that counts as a miss, is left out. */
  *entries(): IterableIterator<[string, V]> {
    for (const slot of this.#slots()) {
      const key = this.#pager.core.table.keyAt(slot);
      const found = this.#preview(key);
      if (found) yield [key, this.#pager.swapIn.value as V];
    }
  }

  /** The same as `entries`. */
  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.entries();
  }

  /** Calls `fn` for each entry; values are previewed. */
  forEach(fn: (value: V, key: string, store: this) => void, thisArg?: unknown): void {
    checkFunction('the callback of forEach', fn);
    for (const [key, value] of this.entries()) fn.call(thisArg, value, key, this);
  }

  /** Reads a value without promoting it, without recency, without giving up its pages. */
  peek(key: string): V | undefined {
    const pager = this.#open(key);
    try {
      return this.#preview(key) ? (pager.swapIn.value as V) : undefined;
    } finally {
      pager.core.notices.tell();
    }
  }

  /** The values of many keys, in their order. Blocks for those that are swapped; where reads are slow, threads share them. */
  getMany(keys: Iterable<string>): Array<V | undefined> {
    const pager = this.#openStore();
    const checked = checkKeys(keys);
    try {
      const values = this.#awaiting.waitForMany(checked) as Array<V | undefined> | undefined;
      if (values !== undefined) return values;
      // What is in memory comes the short way, for which it makes no difference.
      return checked.map((key) =>
        this.#residents.get(key) === undefined ? this.#getSlowly(key, Stay.IfWorth) : this.get(key),
      );
    } finally {
      pager.core.notices.tell();
    }
  }

  // ── Awaiting; the event loop keeps turning ──

  /** The value of a key, or undefined; a swapped one is read by a thread, or here while that is cheaper. */
  async load(key: string, options: WaitOptions = noOptions): Promise<V | undefined> {
    this.#open(key);
    return (await this.#awaiting.load(key, this.#signalOf(options))) as V | undefined;
  }

  /** The values of many keys, in their order. */
  async loadMany(keys: Iterable<string>, options: WaitOptions = noOptions): Promise<Array<V | undefined>> {
    this.#openStore();
    return (await this.#awaiting.loadMany(checkKeys(keys), this.#signalOf(options))) as Array<V | undefined>;
  }

  /** Brings keys into memory, in order, as far as it holds them. */
  async preload(keys: Iterable<string>, options: WaitOptions = noOptions): Promise<void> {
    this.#openStore();
    await this.#awaiting.preload(checkKeys(keys), this.#signalOf(options));
  }

  /**
   * Calls `fn` with the values of `keys` once all of them are in memory, where they stay until what it returns has
   * settled, past maxMemory if they must.
   */
  async run<T>(
    keys: readonly string[],
    fn: (...values: Array<V | undefined>) => T | Promise<T>,
    options: WaitOptions = noOptions,
  ): Promise<T> {
    this.#openStore();
    checkFunction('the function of run', fn);
    const signal = this.#signalOf(options);
    return this.#awaiting.run(checkKeys(keys), fn as (...values: unknown[]) => T | Promise<T>, signal);
  }

  /**
   * The value of a key, or what `compute` makes of it, which is stored then. Concurrent callers share one computation;
   * its signal aborts when all of them have gone.
   */
  async fetch(
    key: string,
    compute: (key: string, options: { signal: AbortSignal }) => V | Promise<V>,
    options: SetOptions & WaitOptions = noOptions,
  ): Promise<V> {
    this.#open(key);
    checkFunction('compute', compute);
    const { signal, ...setOptions } = options;
    const waitSignal = this.#signalOf(signal === undefined ? noOptions : { signal });
    return (await this.#computations.fetch(key, compute, this.#termsOf(setOptions), waitSignal)) as V;
  }

  // ── Swapping by hand ──

  /** Swaps one value out through the threads. True once it is in the file and gone from memory. */
  async swapOut(key: string): Promise<boolean> {
    return this.#sendSoon(this.#open(key).swappable(key));
  }

  /** The same on this thread. Throws ERR_SWAP_IO when the write fails. */
  swapOutSync(key: string): boolean {
    return this.#sendNow(this.#open(key).swappable(key));
  }

  /** Swaps out the best candidate; false when there is none. */
  async swapOne(): Promise<boolean> {
    return this.#sendSoon(this.#openStore().candidate());
  }

  /** The same on this thread. Throws ERR_SWAP_IO when the write fails. */
  swapOneSync(): boolean {
    return this.#sendNow(this.#openStore().candidate());
  }

  /** Brings a value in (blocking) and keeps it in memory, past maxMemory if it must; false if there is no such key. */
  pin(key: string): boolean {
    const pager = this.#open(key);
    try {
      return pager.pin(key);
    } finally {
      pager.core.notices.tell();
    }
  }

  /** Lets a pinned value leave again; false if it was not pinned. */
  unpin(key: string): boolean {
    const pager = this.#open(key);
    const unpinned = pager.unpin(key);
    pager.core.notices.tell();
    return unpinned;
  }

  /** No value leaves memory until as many calls of resumeSwapping. Memory may exceed its bound meanwhile. */
  pauseSwapping(): void {
    this.#openStore().pause();
  }

  /** Ends one pauseSwapping; with the last, what is over maxMemory leaves at once. */
  resumeSwapping(): void {
    const pager = this.#openStore();
    pager.resume();
    pager.core.notices.tell();
  }

  // ── Barriers ──

  /** Resolves at or below the low-water mark. Rejects ERR_SWAP_FULL or ERR_SWAP_IO when nothing can leave. */
  async ready(): Promise<void> {
    await this.#openStore().reclaim.ready();
  }

  /** Resolves when no job is queued, running or unprocessed, and no thread holds a value. */
  async drain(): Promise<void> {
    this.#openStore();
    await this.#closing.drain();
  }

  /**
   * With `persist`: resolves once all that was set before the call survives a power cut; rejects ERR_SWAP_UNSERIALIZABLE,
   * naming the key, when a value cannot be encoded, ERR_SWAP_IO and ERR_SWAP_FULL. Without it the same as drain.
   */
  async flush(): Promise<void> {
    const { durability } = this.#openStore().core;
    if (durability === undefined) await this.drain();
    else await durability.flush();
  }

  /**
   * Makes a copy of a persistent store, as it is when this is called, at a path where no file is; it can be opened with
   * `persist`. Reads and writes go on meanwhile. What is only in memory is written first, on this thread.
   *
   * @throws SwapError ERR_SWAP_OPTION, ERR_SWAP_UNSERIALIZABLE, ERR_SWAP_FULL, ERR_SWAP_IO.
   */
  async snapshot(path: string): Promise<void> {
    const { durability } = this.#openStore().core;
    checkSnapshotPath(path);
    if (durability === undefined) throw unavailable('snapshot of a store without persist');
    await durability.snapshot(path);
  }

  // ── Looking inside ──

  /** Where the value of a key is, or undefined when there is no such key. */
  state(key: string): EntryState | undefined {
    const pager = this.#open(key);
    const slot = pager.find(key);
    pager.core.notices.tell();
    if (slot === none) return undefined;
    const entry = this.#residents.get(key);
    if (entry !== undefined) return entry.batch === undefined ? 'resident' : 'swapping';
    return pager.swapIn.flights.has(slot) ? 'loading' : 'swapped';
  }

  /** Where in the file the value lies of a key that is swapped or loading. */
  pointer(key: string): VmPointer | undefined {
    const pager = this.#open(key);
    const slot = pager.find(key);
    pager.core.notices.tell();
    if (slot === none || this.#residents.get(key) !== undefined) return undefined;
    const bytes = pager.core.table.recordBytes(slot);
    return { page: pager.core.table.page(slot), pages: pager.core.pagesOf(bytes), bytes };
  }

  /** All figures at this moment. */
  stats(): SwapStoreStats {
    return snapshotStats(this.#pager, !this.#closing.begun);
  }

  /** 'swapout', 'swapin', 'evict', 'expire': (key). 'warning': (SwapError), a failure in the background. */
  on(event: 'swapout' | 'swapin' | 'evict' | 'expire', listener: (key: string) => void): this;
  on(event: 'warning', listener: (error: SwapError) => void): this;
  on(event: StoreEvent, listener: (...about: never[]) => void): this {
    checkFunction('a listener', listener);
    this.#pager.core.notices.on(event, listener);
    return this;
  }

  /** Takes a listener off again. */
  off(event: string, listener: (...args: never[]) => void): this {
    this.#pager.core.notices.off(event as StoreEvent, listener);
    return this;
  }

  // ── Leaving ──

  /**
   * Lets running `run` callbacks end, makes a persistent store durable, rejects who waits with ERR_SWAP_CLOSED, removes a
   * scratch file. Idempotent. Rejects as `flush` does when not all could be made durable; the store is closed then, too.
   */
  close(): Promise<void> {
    return this.#closing.close();
  }

  /** The same at once: running `run` callbacks keep the values they have. */
  closeSync(): void {
    this.#closing.closeSync();
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** `closeSync`, for `using`. */
  [Symbol.dispose](): void {
    this.closeSync();
  }

  #openStore(): Pager {
    if (this.#closing.begun) throw closedError();
    this.#pager.foreign.refuseCalls();
    return this.#pager;
  }

  #open(key: unknown): Pager {
    checkKey(key);
    return this.#openStore();
  }

  async #sendSoon(entry: Entry | undefined): Promise<boolean> {
    const swapped = entry !== undefined && (await this.#pager.swapOutSoon(entry));
    this.#pager.core.notices.tell();
    return swapped;
  }

  #sendNow(entry: Entry | undefined): boolean {
    try {
      return entry !== undefined && this.#pager.swapOutNow(entry);
    } finally {
      this.#pager.core.notices.tell();
    }
  }

  #signalOf(options: WaitOptions): AbortSignal | undefined {
    checkWaitOptions(options);
    options.signal?.throwIfAborted();
    return options.signal;
  }

  #termsOf(options: SetOptions): EntryTerms {
    checkSetOptions(options);
    const { ttl = this.#plainTerms.ttlMs, pin = false, size = 0 } = options;
    return { ttlMs: ttl, pin, size };
  }

  /** Leaves the value in the pager's swap-in; false when the key is not there. */
  #preview(key: string): boolean {
    const pager = this.#pager;
    const entry = pager.resident(key);
    if (entry !== undefined) {
      pager.swapIn.value = entry.value;
      return true;
    }
    const slot = pager.find(key);
    return slot !== none && pager.swapIn.preview(slot, key);
  }

  *#slots(): IterableIterator<number> {
    const { table } = this.#openStore().core;
    let { clears } = table;
    for (let slot = table.next(none); slot !== none; slot = table.next(slot)) {
      if (!this.#pager.isExpired(slot)) yield slot;
      this.#openStore();
      if (clears === table.clears) continue;
      // The slot went with a `clear`: as with a Map, what was added after it is still to come.
      clears = table.clears;
      slot = none;
    }
    this.#pager.core.notices.tell();
  }
}
