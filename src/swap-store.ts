/**
 * SwapStore: the public face. What it does with keys is a keyspace's; here are the things that there are once for a store
 * and all of its namespaces: opening and closing, swapping the best candidate, barriers, figures.
 */
import { buildPager, buildPagerSoon } from './build-pager.js';
import { checkWaitOptions, type NamespaceOptions, noOptions, type WaitOptions } from './call-options.js';
import { Engine } from './engine.js';
import type { SwapError } from './errors.js';
import { Keyspace } from './keyspace.js';
import type { SwapStoreLatencies } from './latencies.js';
import { Namespace } from './namespace.js';
import { checkSnapshotPath, type SwapStoreOptions, unavailable } from './options.js';
import type { EntryEvent, StoreEvent } from './pager/notices.js';
import { Pager } from './pager/pager.js';
import { notePager } from './pager/pager-of.js';
import { snapshotStats } from './pager/snapshot-stats.js';
import type { SwapStoreStats } from './stats.js';
import { abortable } from './wait/abortable.js';

export class SwapStore<V = unknown> extends Keyspace<V> implements AsyncDisposable, Disposable {
  readonly #engine: Engine;

  /**
   * Opens (or creates) and locks the swap file.
   *
   * @throws SwapError ERR_SWAP_OPTION, ERR_SWAP_LOCKED, ERR_SWAP_FORMAT, ERR_SWAP_IO.
   */
  constructor(options?: SwapStoreOptions);
  /** @internal The rooms are built already. */
  constructor(pager: Pager);
  constructor(options: SwapStoreOptions | Pager = noOptions) {
    const engine = new Engine(options instanceof Pager ? options : buildPager(options));
    const { core } = engine.pager;
    super(engine, core.keyspaces.own, core.options.ttl);
    this.#engine = engine;
    notePager(this, engine.pager);
  }

  /** The same as the constructor, but the index of a persistent store is read off the event loop. */
  static async open<V = unknown>(
    options: SwapStoreOptions = noOptions,
    waitOptions: WaitOptions = noOptions,
  ): Promise<SwapStore<V>> {
    return new SwapStore<V>(await buildPagerSoon(options, checkWaitOptions(waitOptions)));
  }

  /**
   * A part of the store with keys of its own: what is set, listed, cleared or counted there is seen neither here nor in
   * another namespace. There is nothing to open or close: one without keys takes no space, and each call makes another
   * view of the same keys.
   *
   * @param name 1 to 1,024 bytes, no NUL. It is stored with every key, so keep it short.
   * @throws SwapError ERR_SWAP_OPTION, ERR_SWAP_CLOSED.
   */
  namespace<T = V>(name: string, options: NamespaceOptions = noOptions): Namespace<T> {
    return new Namespace<T>(this.#engine, name, options);
  }

  // ── Swapping by hand ──

  /** Swaps out the best candidate, of whatever namespace; false when there is none. A signal ends the wait, not the swap. */
  async swapOne(options: WaitOptions = noOptions): Promise<boolean> {
    const pager = this.#engine.open();
    const signal = checkWaitOptions(options);
    return this.#engine.swapOutSoon(pager.candidate(), signal);
  }

  /** The same on this thread. Throws ERR_SWAP_IO when the write fails. */
  swapOneSync(): boolean {
    return this.#engine.swapOutNow(this.#engine.open().candidate());
  }

  /** No value leaves memory until as many calls of resumeSwapping. Memory may exceed its bound meanwhile. */
  pauseSwapping(): void {
    this.#engine.open().pause();
  }

  /** Ends one pauseSwapping; with the last, what is over maxMemory leaves at once. */
  resumeSwapping(): void {
    const pager = this.#engine.open();
    pager.resume();
    this.#engine.tell();
  }

  // ── Barriers; a signal ends the wait, and not what is waited for ──

  /**
   * Resolves at or below the low-water mark; what has been loaded and leaves at the end of its turn is not counted. Rejects
   * ERR_SWAP_FULL or ERR_SWAP_IO when nothing can leave.
   */
  async ready(options: WaitOptions = noOptions): Promise<void> {
    const { reclaim } = this.#engine.open();
    const signal = checkWaitOptions(options);
    await abortable(reclaim.ready(), signal);
  }

  /** Resolves when no job is queued, running or unprocessed, and no thread holds a value. */
  async drain(options: WaitOptions = noOptions): Promise<void> {
    this.#engine.open();
    const signal = checkWaitOptions(options);
    await abortable(this.#engine.closing.drain(), signal);
  }

  /**
   * With `persist`: resolves once all that was set before the call survives a power cut; rejects ERR_SWAP_UNSERIALIZABLE,
   * naming the key, when a value cannot be encoded, ERR_SWAP_IO and ERR_SWAP_FULL. Without it the same as drain.
   */
  async flush(options: WaitOptions = noOptions): Promise<void> {
    const { durability } = this.#engine.open().core;
    if (durability === undefined) return this.drain(options);
    const signal = checkWaitOptions(options);
    await abortable(durability.flush(), signal);
  }

  /**
   * Makes a copy of a persistent store, as it is when this is called, at a path where no file is; it can be opened with
   * `persist`. Reads and writes go on meanwhile. What is only in memory is written first, on this thread. When the signal
   * is aborted, what has been copied is removed.
   *
   * @throws SwapError ERR_SWAP_OPTION, ERR_SWAP_UNSERIALIZABLE, ERR_SWAP_FULL, ERR_SWAP_IO.
   */
  async snapshot(path: string, options: WaitOptions = noOptions): Promise<void> {
    const { durability } = this.#engine.open().core;
    const fullPath = checkSnapshotPath(path);
    const signal = checkWaitOptions(options);
    if (durability === undefined) throw unavailable('snapshot of a store without persist');
    await durability.snapshot(fullPath, signal);
  }

  // ── Looking inside ──

  /**
   * How long values take on their way, counted from the first call on: measuring takes a part of a microsecond a value, and
   * nothing is measured while nobody has asked.
   */
  latencies(): SwapStoreLatencies {
    return this.#engine.pager.core.measure().snapshot();
  }

  /** All figures at this moment. */
  stats(): SwapStoreStats {
    return snapshotStats(this.#engine.pager, !this.#engine.pager.core.isClosing);
  }

  /**
   * 'swapout', 'swapin', 'evict', 'expire': (key), of the store's own keys; a namespace tells of its own. 'warning':
   * (SwapError), a failure in the background, of whatever namespace; the value is still there.
   */
  override on(event: EntryEvent, listener: (key: string) => void): this;
  override on(event: 'warning', listener: (error: SwapError) => void): this;
  override on(event: StoreEvent, listener: (...about: never[]) => void): this {
    return super.on(event as EntryEvent, listener as (key: string) => void);
  }

  // ── Leaving ──

  /**
   * Lets running `run` callbacks end, makes a persistent store durable, rejects who waits with ERR_SWAP_CLOSED, removes a
   * scratch file. Idempotent. Rejects as `flush` does when not all could be made durable; the store is closed then, too. A
   * function of `run` that awaits it would wait for itself.
   */
  close(): Promise<void> {
    return this.#engine.closing.close();
  }

  /**
   * The same at once: running `run` callbacks keep the values they have. Where a flush of a persistent store is under way,
   * what was set since is made durable behind it, off this thread, which `close` waits for: before `process.exit`, await that.
   */
  closeSync(): void {
    this.#engine.closing.closeSync();
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** `closeSync`, for `using`. */
  [Symbol.dispose](): void {
    this.closeSync();
  }
}
