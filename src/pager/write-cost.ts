/**
 * Learns what writes cost, so that a batch is written where that is cheapest: on the caller's thread while the page cache
 * takes it at the speed of memory, by the threads when it does not (the system holds writers back once too much is
 * dirty, or the device has no cache). To have a thread write takes a wake-up, a message and a wait for both, which is
 * more than a copy into the page cache; and threads that write one file at once wait for one another's lock.
 *
 * It starts on the caller's thread: nearly everywhere that is where it stays, and no thread is started for nothing. Two
 * writes that take long, or one that takes very long, are enough to ask the threads, which then show when it is over.
 */

const unitBytes = 64 * 1024;
/** How much one write moves the mean. */
const weight = 1 / 8;
/**
 * One write that takes so many times what 64 KiB may take, however long it is, tells by itself that the page cache does not
 * just take what comes.
 */
const stall = 128;
/** So many times what is cheap is the mean after a stall: some ten cheap writes above it. */
const dear = 4;
/**
 * No write counts as more, so that one that was only interrupted is not enough; two within ten are, where the others take
 * a sixth to a third of what is cheap, as they do.
 */
const outlier = 5.5;

export class WriteCost {
  /** What 64 KiB may take on the caller's thread, us. 0: all is left to the threads; Infinity: nothing is. */
  readonly #cheapUsMax: number;
  /** Of 64 KiB. */
  #meanUs: number;

  constructor(cheapUsMax: number) {
    this.#cheapUsMax = cheapUsMax;
    this.#meanUs = cheapUsMax / 4;
  }

  get isCheap(): boolean {
    return this.#meanUs < this.#cheapUsMax || this.#cheapUsMax === Number.POSITIVE_INFINITY;
  }

  /** A write, wherever it was made, took so long. */
  learn(durationUs: number, bytes: number): void {
    const unitUs = durationUs / Math.ceil(bytes / unitBytes);
    if (durationUs > stall * this.#cheapUsMax) this.#meanUs = dear * this.#cheapUsMax;
    else this.#meanUs += (Math.min(unitUs, outlier * this.#cheapUsMax) - this.#meanUs) * weight;
  }
}
