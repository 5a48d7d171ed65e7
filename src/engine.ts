/**
 * What a store and its namespaces share: the pager with all rooms behind it, the awaiting side, the computations of
 * `fetch`, and the one question that every call asks first, whether it may be made at all.
 */
import { Awaiting } from './pager/awaiting.js';
import { Closing, closedError } from './pager/closing.js';
import { Computations } from './pager/computations.js';
import type { Entry } from './pager/entry.js';
import type { Pager } from './pager/pager.js';
import { abortable } from './wait/abortable.js';

export class Engine {
  readonly pager: Pager;
  readonly awaiting: Awaiting;
  readonly computations: Computations;
  readonly closing: Closing;

  constructor(pager: Pager) {
    this.pager = pager;
    this.awaiting = new Awaiting(pager);
    this.computations = new Computations(pager, this.awaiting);
    this.closing = new Closing(pager, this.awaiting, this.computations);
  }

  /** The pager, for a call of the user. Throws ERR_SWAP_CLOSED, and refuses calls from inside a serializer. */
  open(): Pager {
    const { core } = this.pager;
    if (core.isClosing) throw closedError();
    core.foreign.refuseCalls();
    return this.pager;
  }

  /** Swaps one entry out through the threads, where there is one to swap out; a signal ends the wait, and not the swap. */
  async swapOutSoon(entry: Entry | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    const swapped = entry !== undefined && (await abortable(this.pager.swapOutSoon(entry), signal));
    this.tell();
    return swapped;
  }

  /** The same on this thread. Throws ERR_SWAP_IO. */
  swapOutNow(entry: Entry | undefined): boolean {
    try {
      return entry !== undefined && this.pager.swapOutNow(entry);
    } finally {
      this.tell();
    }
  }

  /** Tells what a call has brought about. */
  tell(): void {
    this.pager.core.notices.tell();
  }
}
