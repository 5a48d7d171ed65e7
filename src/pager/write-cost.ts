/**
 * Learns what writes cost, so that a batch is written where that is cheapest: on the caller's thread while the page cache
 * takes it at the speed of memory, by the threads when it does not (the system holds writers back once too much is
 * dirty, or the device has no cache). To have a thread write takes a wake-up, a message and a wait for both, which is
 * more than a copy into the page cache; and threads that write one file at once wait for one another's lock.
 *
 * It starts with the threads, which show what a write takes without holding anybody up.
 */

const unitBytes = 64 * 1024;
/** How much one write moves the mean. */
const weight = 1 / 8;
/** One write that takes so many times what is cheap tells by itself that the page cache does not just take what comes. */
const stall = 32;
/** Where the mean begins, and after a stall: some ten cheap writes above what is cheap. */
const dear = 4;

export class WriteCost {
  /** What 64 KiB may take on the caller's thread, us. 0: all is left to the threads; Infinity: nothing is. */
  readonly #cheapUsMax: number;
  /** Of 64 KiB. */
  #meanUs: number;

  constructor(cheapUsMax: number) {
    this.#cheapUsMax = cheapUsMax;
    this.#meanUs = dear * cheapUsMax;
  }

  get isCheap(): boolean {
    return this.#meanUs < this.#cheapUsMax || this.#cheapUsMax === Number.POSITIVE_INFINITY;
  }

  /** A write, wherever it was made, took so long. */
  learn(durationUs: number, bytes: number): void {
    const unitUs = durationUs / Math.ceil(bytes / unitBytes);
    if (unitUs > stall * this.#cheapUsMax) this.#meanUs = dear * this.#cheapUsMax;
    else this.#meanUs += (unitUs - this.#meanUs) * weight;
  }
}
