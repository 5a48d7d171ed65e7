/**
 * Barriers and the end of a store: waiting until no job is under way, and closing in the order that loses nothing and
 * closes no descriptor that a thread still has.
 */
import { SwapError } from '../errors.js';
import type { Awaiting } from './awaiting.js';
import type { Computations } from './computations.js';
import type { Pager } from './pager.js';

export function closedError(): SwapError {
  return new SwapError('ERR_SWAP_CLOSED', 'the store is closed');
}

export class Closing {
  readonly #pager: Pager;
  readonly #awaiting: Awaiting;
  readonly #computations: Computations;
  #closed: Promise<void> | undefined = undefined;
  /** Resolves when nobody has the descriptor any more, once everybody has been told of the end. */
  #ending: Promise<void> | undefined = undefined;
  /** True when `closeSync` found a flush under way, which has passed what was set since. */
  #mustFlush = false;
  #fileIsClosed = false;

  constructor(pager: Pager, awaiting: Awaiting, computations: Computations) {
    this.#pager = pager;
    this.#awaiting = awaiting;
    this.#computations = computations;
  }

  /** Nothing new leaves memory meanwhile. */
  async drain(): Promise<void> {
    const { reclaim, core } = this.#pager;
    reclaim.drains++;
    core.pool.hold();
    reclaim.flushOpen();
    const error = core.behind?.write();
    if (error !== undefined) core.notices.warn(error);
    while (this.#isBusy()) await this.#progress();
    core.pool.letGo();
    reclaim.drains--;
    reclaim.goOn();
    core.notices.tell();
  }

  close(): Promise<void> {
    this.#pager.core.isClosing = true;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  closeSync(): void {
    const { core } = this.#pager;
    const { pool, durability } = core;
    core.foreign.refuseCalls();
    if (this.#hasEnded) return;
    core.isClosing = true;
    this.#closed ??= Promise.resolve();
    try {
      durability?.willClose();
      // One that is under way has its call on a file in the hands of the runtime's threads, which nobody can wait for here.
      if (durability?.flushNow() === false) this.#mustFlush = true;
    } finally {
      this.#end();
      // Where somebody still has the descriptor, or may not be waited for, the last to let go closes.
      if (pool.closeSync() && !this.#isBusy()) this.#closeFile();
      else this.#closed = this.#closeLater();
    }
  }

  async #close(): Promise<void> {
    const { durability } = this.#pager.core;
    try {
      // Who waits for keys may begin to run meanwhile.
      do {
        await this.#awaiting.quiet();
        if (this.#hasEnded) break;
        durability?.willClose();
        await durability?.flush();
      } while (this.#awaiting.isRunning);
    } finally {
      if (!this.#hasEnded) this.#end();
      await this.#closeLater();
    }
  }

  /** True once everybody has been told. */
  get #hasEnded(): boolean {
    return this.#fileIsClosed || this.#ending !== undefined;
  }

  #closeLater(): Promise<void> {
    this.#ending ??= this.#waitForEnd();
    return this.#ending;
  }

  async #waitForEnd(): Promise<void> {
    if (this.#fileIsClosed) return;
    const { pool, durability } = this.#pager.core;
    try {
      if (this.#mustFlush) await durability!.flush();
    } finally {
      await pool.close();
      while (this.#isBusy()) await this.#progress();
      this.#closeFile();
    }
  }

  /** Everybody who waits is told, and nothing more is begun. */
  #end(): void {
    const { reclaim, swapIn, core } = this.#pager;
    core.notices.mute();
    const error = closedError();
    this.#computations.rejectAll(error);
    this.#awaiting.rejectAll(error);
    swapIn.rejectAll(error);
    reclaim.rejectAll(error);
    reclaim.flushOpen();
    reclaim.close();
    core.behind?.close();
    this.#pager.sweep.close();
    this.#pager.clearedSweep.close();
    core.durability?.stop();
  }

  #closeFile(): void {
    if (this.#fileIsClosed) return;
    this.#fileIsClosed = true;
    const { core, swapOut } = this.#pager;
    swapOut.abandon(false);
    core.residents.clear();
    core.copies.length = 0;
    core.table.clear();
    core.durability?.close();
    core.file.close();
    core.progressed();
  }

  #isBusy(): boolean {
    const { core, swapIn, swapOut, reclaim } = this.#pager;
    if (core.durability?.isFlushing === true || core.durability?.isCopying === true) return true;
    return core.pool.busy || swapIn.busy || swapOut.inFlight.size > 0 || reclaim.openBatch !== undefined;
  }

  /** Until some job has ended. */
  #progress(): Promise<void> {
    return new Promise((resolve) => this.#pager.core.afterProgress(resolve));
  }
}
