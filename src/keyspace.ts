/**
 * What a store and each of its namespaces can do with keys of their own. It checks what it is given, puts the prefix of its
 * keyspace before each key, counts what it answers, and leaves every move of an entry to the pager. The one thing done
 * here for speed is a hit of `get`: one look-up and one touch, before anything else is asked.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import {
  checkFetchOptions,
  checkFunction,
  checkIterationOptions,
  checkSetOptions,
  checkWaitOptions,
  type FetchOptions,
  type IterationOptions,
  noOptions,
  type SetOptions,
  type WaitOptions,
} from './call-options.js';
import { among, checkLifetime } from './checks.js';
import type { Engine } from './engine.js';
import { keyIn } from './key-prefix.js';
import { checkKey, checkKeys } from './keys.js';
import { none } from './memory/pointer-table.js';
import { Place } from './memory/resident.js';
import type { ResidentSet } from './memory/resident-set.js';
import { mustWait } from './pager/awaiting.js';
import { closedError } from './pager/closing.js';
import { Custody, type Entry } from './pager/entry.js';
import type { KeyspacePrefix } from './pager/keyspaces.js';
import { type EntryEvent, entryEvents, type StoreEvent, storeEvents } from './pager/notices.js';
import type { Pager } from './pager/pager.js';
import type { EntryTerms } from './pager/setting.js';
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

/** What tools subscribe to who want to see each `load` begin and end. */
const loadTrace = tracingChannel('swapstore:load');

/** The keys of a store, or of one of its namespaces. */
export abstract class Keyspace<V = unknown> implements Iterable<[string, V]> {
  readonly #engine: Engine;
  readonly #pager: Pager;
  readonly #residents: ResidentSet<Entry>;
  readonly #prefix: KeyspacePrefix;
  readonly #plainTerms: EntryTerms;

  /** @internal */
  protected constructor(engine: Engine, prefix: KeyspacePrefix, ttlMs: number) {
    this.#engine = engine;
    this.#pager = engine.pager;
    this.#residents = engine.pager.core.residents;
    this.#prefix = prefix;
    this.#plainTerms = { ttlMs, graceMs: 0, pin: false, size: 0 };
  }

  // ── Map-like; these block, and only when they touch a swapped value ──

  /** Entries, whether in memory or not; those that have expired and were not touched since are still counted. */
  get size(): number {
    return this.#pager.core.keyspaces.sizeOf(this.#prefix);
  }

  /**
   * The value of a key, or undefined. A swapped value is read on this thread, and stays in memory if there is room or if
   * it is used more than what would leave for it; else it is there until the next value is read.
   *
   * @throws SwapError ERR_SWAP_KEY, ERR_SWAP_CLOSED, ERR_SWAP_IO, ERR_SWAP_CORRUPT.
   */
  get(key: string): V | undefined {
    // Whether it is a key at all, and which, is asked when it is not found, or another's is.
    const { prefix, prefixed } = this.#prefix;
    const entry = this.#residents.get(prefixed === 1 && typeof key === 'string' ? prefix + key : key);
    if (isPlain(entry) && entry.prefixed === prefixed) return this.#hit(entry);
    const stored = this.#open(key);
    const found = this.#prefix.mustEscape(key) ? this.#residents.get(stored) : entry;
    return this.#getSlowly(stored, Stay.ForNow, found);
  }

  #hit(entry: Entry): V {
    const { core } = this.#pager;
    if (core.isClosing) throw closedError();
    core.counters.hits++;
    if (entry.place !== Place.Aside) this.#residents.policy.touch(entry);
    entry.custody = Custody.HandedOut;
    return entry.value as V;
  }

  /** @param found The entry in memory, where there is one. */
  #getSlowly(stored: string, stay: Stay, found: Entry | undefined): V | undefined {
    const pager = this.#pager;
    const { counters, table } = pager.core;
    try {
      const entry = found && pager.lookUp.resident(stored);
      if (entry !== undefined) {
        counters.hits++;
        pager.lookUp.touch(entry);
        entry.custody = Custody.HandedOut;
        return entry.value as V;
      }
      const slot = pager.lookUp.slot(stored);
      if (slot !== none && pager.swapIn.fault(slot, stored, table.hashAt(slot), stay)) {
        counters.faults++;
        // What is read as one of many is in its caller's hands only after the last of them, and this one only after the
        // listeners, who may read.
        if (stay === Stay.ForNow && pager.core.notices.isQuiet) pager.swapIn.lend();
        return pager.swapIn.takeValue() as V;
      }
      counters.misses++;
      return undefined;
    } finally {
      this.#engine.tell();
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
    const stored = this.#open(key);
    const terms = options === undefined ? this.#plainTerms : this.#termsOf(options);
    try {
      this.#pager.setting.set(stored, value, terms);
      this.#engine.computations.supersede(stored);
    } finally {
      this.#engine.tell();
    }
    return this;
  }

  /**
   * The value of a key; where there is none, `value`, which is stored then. As the proposal for Map has it: a stored
   * undefined is a value.
   *
   * @throws SwapError as `get` and `set`.
   */
  getOrInsert(key: string, value: V, options?: SetOptions): V {
    const found = this.get(key);
    if (found !== undefined || this.has(key)) return found as V;
    this.set(key, value, options);
    return value;
  }

  /** The same with what `compute` returns for the key; it is called only where there is no value, and may itself set one. */
  getOrInsertComputed(key: string, compute: (key: string) => V, options?: SetOptions): V {
    checkFunction('compute', compute);
    const found = this.get(key);
    if (found !== undefined || this.has(key)) return found as V;
    const value = compute(key);
    this.set(key, value, options);
    return value;
  }

  /** True when the key is there and has not expired. No I/O. */
  has(key: string): boolean {
    const found = this.#pager.lookUp.slot(this.#open(key)) !== none;
    this.#engine.tell();
    return found;
  }

  /** Removes a key; false when it was not there. No I/O on the value. */
  delete(key: string): boolean {
    const stored = this.#open(key);
    this.#engine.computations.supersede(stored);
    const deleted = this.#pager.delete(stored);
    this.#engine.tell();
    return deleted;
  }

  /**
   * Removes all keys of this store or namespace, and of no other. Loads that wait are settled with undefined. No I/O.
   * Where others have keys, the memory and the pages of what is gone are given back over the next turns.
   */
  clear(): void {
    this.#engine.open();
    this.#engine.computations.supersedeAll(this.#prefix);
    this.#pager.clear(this.#prefix);
    this.#engine.computations.supersedeOutdated();
    this.#engine.tell();
  }

  /** All keys, in no particular order; each that is there for the whole iteration is visited once. */
  *keys(options: IterationOptions = noOptions): IterableIterator<string> {
    for (const stored of this.#storedKeys(options)) yield keyIn(stored);
  }

  /** All values, previewed: nothing is promoted. */
  *values(options: IterationOptions = noOptions): IterableIterator<V> {
    for (const [, value] of this.entries(options)) yield value;
  }

  /** All keys with their values, previewed. A record that is damaged, where that counts as a miss, is left out. */
  *entries(options: IterationOptions = noOptions): IterableIterator<[string, V]> {
    for (const stored of this.#storedKeys(options))
      if (this.#preview(stored)) yield [keyIn(stored), this.#pager.swapIn.takeValue() as V];
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
    const stored = this.#open(key);
    try {
      return this.#preview(stored) ? (this.#pager.swapIn.takeValue() as V) : undefined;
    } finally {
      this.#engine.tell();
    }
  }

  /** The values of many keys, in their order. Blocks for those that are swapped; where reads are slow, threads share them. */
  getMany(keys: Iterable<string>): Array<V | undefined> {
    const stored = this.#openMany(keys);
    try {
      const values = this.#engine.awaiting.waitForMany(stored) as Array<V | undefined> | undefined;
      if (values !== undefined) return values;
      const { keyspaces } = this.#pager.core;
      return stored.map((one) => {
        const entry = this.#residents.get(one);
        // A listener that was told of another may have cleared this keyspace, or closed the store.
        if (isPlain(entry) && !keyspaces.isDead(one)) return this.#hit(entry);
        this.#engine.open();
        return this.#getSlowly(one, Stay.IfWorth, entry);
      });
    } finally {
      this.#engine.tell();
    }
  }

  // ── Lifetimes ──

  /** How long a key has yet to live, ms; Infinity without a ttl, undefined where it is not there. No I/O. */
  remainingTtl(key: string): number | undefined {
    const { table, environment } = this.#pager.core;
    const slot = this.#pager.lookUp.slot(this.#open(key));
    this.#engine.tell();
    if (slot === none) return undefined;
    const expiresAtMs = table.expiresAtMs(slot);
    return expiresAtMs === 0 ? Number.POSITIVE_INFINITY : expiresAtMs - environment.clock.now();
  }

  /**
   * Gives a key a lifetime from now on, ms, in place of the one it has; 0 = none. False where it is not there. No I/O on
   * the value.
   *
   * @throws SwapError ERR_SWAP_KEY, ERR_SWAP_OPTION, ERR_SWAP_CLOSED.
   */
  expire(key: string, ttlMs: number): boolean {
    checkLifetime('ttlMs', ttlMs);
    const extended = this.#pager.expire(this.#open(key), ttlMs);
    this.#engine.tell();
    return extended;
  }

  // ── Awaiting; the event loop keeps turning ──

  /** The value of a key, or undefined; a swapped one is read by a thread, or here while that is cheaper. */
  load(key: string, options: WaitOptions = noOptions): Promise<V | undefined> {
    // Not async, which would be a second promise: what comes from a thread is resolved by the one that waits for it.
    try {
      return this.#load(this.#open(key), key, checkWaitOptions(options)) as Promise<V | undefined>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #load(stored: string, key: string, signal: AbortSignal | undefined): Promise<unknown> {
    const { awaiting } = this.#engine;
    if (!loadTrace.hasSubscribers) {
      const value = awaiting.loadNow(stored);
      return value === mustWait ? awaiting.load(stored, signal) : Promise.resolve(value);
    }
    const namespace = this.#prefix.name === '' ? undefined : this.#prefix.name;
    return loadTrace.tracePromise(() => awaiting.load(stored, signal), { key, namespace });
  }

  /** The values of many keys, in their order. */
  async loadMany(keys: Iterable<string>, options: WaitOptions = noOptions): Promise<Array<V | undefined>> {
    const stored = this.#openMany(keys);
    return (await this.#engine.awaiting.loadMany(stored, checkWaitOptions(options))) as Array<V | undefined>;
  }

  /** Brings keys into memory, in order, as far as it holds them. */
  async preload(keys: Iterable<string>, options: WaitOptions = noOptions): Promise<void> {
    await this.#engine.awaiting.preload(this.#openMany(keys), checkWaitOptions(options));
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
    this.#engine.open();
    checkFunction('the function of run', fn);
    const signal = checkWaitOptions(options);
    const call = fn as (...values: unknown[]) => T | Promise<T>;
    return this.#engine.awaiting.run(this.#openMany(keys), call, signal);
  }

  /**
   * The value of a key, or what `compute` makes of it, which is stored then. Concurrent callers share one computation;
   * its signal aborts when all of them have gone.
   *
   * @throws SwapError as `load` and `set`, and whatever `compute` throws.
   */
  async fetch(
    key: string,
    compute: (key: string, options: { signal: AbortSignal }) => V | Promise<V>,
    options: FetchOptions = noOptions,
  ): Promise<V> {
    const stored = this.#open(key);
    checkFunction('compute', compute);
    const { set, stale, signal } = checkFetchOptions(options, this.#plainTerms.ttlMs);
    return (await this.#engine.computations.fetch(stored, compute, set, stale, signal)) as V;
  }

  // ── Swapping by hand ──

  /**
   * Swaps one value out through the threads. True once it is in the file and gone from memory. A signal ends the wait, and
   * not the swap.
   */
  async swapOut(key: string, options: WaitOptions = noOptions): Promise<boolean> {
    const stored = this.#open(key);
    const signal = checkWaitOptions(options);
    return this.#engine.swapOutSoon(this.#pager.swappable(stored), signal);
  }

  /** The same on this thread. Throws ERR_SWAP_IO when the write fails. */
  swapOutSync(key: string): boolean {
    return this.#engine.swapOutNow(this.#pager.swappable(this.#open(key)));
  }

  /** Brings a value in (blocking) and keeps it in memory, past maxMemory if it must; false if there is no such key. */
  pin(key: string): boolean {
    const stored = this.#open(key);
    try {
      return this.#pager.staying.pin(stored);
    } finally {
      this.#engine.tell();
    }
  }

  /** Lets a pinned value leave again; false if it was not pinned. */
  unpin(key: string): boolean {
    const unpinned = this.#pager.staying.unpin(this.#open(key));
    this.#engine.tell();
    return unpinned;
  }

  // ── Looking inside ──

  /** Where the value of a key is, or undefined when there is no such key. */
  state(key: string): EntryState | undefined {
    const stored = this.#open(key);
    const slot = this.#pager.lookUp.slot(stored);
    this.#engine.tell();
    if (slot === none) return undefined;
    const entry = this.#residents.look(stored);
    if (entry !== undefined) return entry.batch === undefined ? 'resident' : 'swapping';
    return this.#pager.swapIn.flights.has(slot) ? 'loading' : 'swapped';
  }

  /** Where in the file the value lies of a key that is swapped or loading. */
  pointer(key: string): VmPointer | undefined {
    const stored = this.#open(key);
    const { core } = this.#pager;
    const slot = this.#pager.lookUp.slot(stored);
    this.#engine.tell();
    if (slot === none || this.#residents.look(stored) !== undefined) return undefined;
    const bytes = core.table.recordBytes(slot);
    return { page: core.table.page(slot), pages: core.pagesOf(bytes), bytes };
  }

  /** Calls `listener` with the key of each entry of this keyspace that the event happens to, after the move. */
  on(event: EntryEvent, listener: (key: string) => void): this {
    among('an event', event, this.#prefix.name === '' ? storeEvents : entryEvents);
    checkFunction('a listener', listener);
    this.#pager.core.notices.on(this.#prefix.name, event, listener);
    return this;
  }

  /** Takes a listener off again. */
  off(event: string, listener: (...args: never[]) => void): this {
    this.#pager.core.notices.off(this.#prefix.name, event as StoreEvent, listener);
    return this;
  }

  // ── Inside ──

  /** Checks a key of the user's, and that the store may be called; returns it as it is stored. */
  #open(key: unknown): string {
    checkKey(key);
    const stored = this.#storedOf(key);
    this.#engine.open();
    return stored;
  }

  #openMany(keys: Iterable<string>): string[] {
    this.#engine.open();
    const checked = checkKeys(keys);
    // Whatever gave them may have closed the store.
    this.#engine.open();
    return checked.map((key) => this.#storedOf(key));
  }

  #storedOf(key: string): string {
    const stored = this.#prefix.stored(key);
    if (stored.length > key.length) checkKey(key, stored.length - key.length);
    return stored;
  }

  #termsOf(options: SetOptions): EntryTerms {
    const { ttlMs, pin, size } = checkSetOptions(options, this.#plainTerms.ttlMs);
    return { ttlMs, graceMs: 0, pin, size };
  }

  /** Leaves the value in the pager's swap-in; false when the key is not there. */
  #preview(stored: string): boolean {
    const { lookUp, swapIn, core } = this.#pager;
    const slot = lookUp.slot(stored);
    if (slot === none) return false;
    if (!core.table.isResident(slot)) return swapIn.preview(slot, stored);
    const entry = lookUp.resident(stored);
    if (entry === undefined) return false;
    swapIn.value = entry.value;
    entry.custody = Custody.HandedOut;
    return true;
  }

  /** The keys of this keyspace that begin with a prefix of the user's, as they are stored. */
  *#storedKeys(options: IterationOptions): IterableIterator<string> {
    const wanted = checkIterationOptions(options);
    const { table } = this.#engine.open().core;
    let { clears } = table;
    for (let slot = table.next(none); slot !== none; slot = table.next(slot)) {
      if (this.#prefix.has(table.prefixAt(slot)) && !this.#pager.lookUp.isExpired(slot)) {
        const stored = table.keyAt(slot);
        if (wanted === '' || keyIn(stored).startsWith(wanted)) yield stored;
      }
      this.#engine.open();
      if (clears === table.clears) continue;
      // The slot went with a `clear`: as with a Map, what was added after it is still to come.
      clears = table.clears;
      slot = none;
    }
    this.#engine.tell();
  }
}

/** True for a value that is in memory, stays there, and does not end. */
function isPlain(entry: Entry | undefined): entry is Entry {
  return entry !== undefined && entry.batch === undefined && entry.expiresAtMs === 0;
}
