/**
 * Learns what reads cost, so that an awaited value is read where that is cheapest: on the caller's thread while reads
 * come from the page cache (2 us each, where a round trip to a thread takes 60), by the threads when they do not. Also
 * keeps the time that one turn of the event loop has spent on reads within a slice, and says how many threads are of use
 * for reads.
 */
import type { Clock } from '../environment.js';

/** Above this mean, reads do not come from the page cache. Half of what a round trip through a thread costs. */
const cheapUsMax = 30;
/** How much one read moves the mean. */
const weight = 1 / 8;
/** One outlier counts no more than this, so that a hiccup of the machine does not look like a cold device. */
const outlierUs = 200;
/** While the mean is below this, looking at the clock costs too much of a read: one in so many is measured. */
const measureAllUs = 10;
const measuredOneIn = 8;
/** One turn reads on its own thread until so long after its first read: what is made of what was read takes longer than that. */
const sliceMs = 1;

/**
 * A load takes about this much of the main thread. Threads beyond those that bring one in that time find the queue empty
 * when they look, and must be woken for each load: with as many as 8 us would make of use, a load on a cold device took 36 us
 * of all cores together, and not 30.
 */
const loadUs = 12;
/** So many threads are always of use, however fast reads are. */
const readersMin = 4;
/**
 * How much one read of a thread moves what threads are thought to take: less up than down, as a thread that has to wait for
 * a core takes longer, so that too many threads would look as if more were needed.
 */
const weightUp = 1 / 64;
const weightDown = 1 / 8;

const notMeasured = -1;

export class ReadCost {
  readonly #clock: Clock;
  #meanUs = 0;
  #threadUs = 0;
  #reads = 0;
  // Of the slice that this turn of the event loop may spend; `#turnEnds` once it has begun, until a later turn renews it.
  #beganMs = 0;
  #spentMs = 0;
  #turnEnds = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readsInline(threadsMax: number): boolean {
    return threadsMax === 0 || this.#meanUs <= cheapUsMax;
  }

  get hasTime(): boolean {
    return this.#spentMs < sliceMs;
  }

  /** A read on the caller's thread begins; what this returns goes to `end`. */
  begin(): number {
    const isFirst = !this.#turnEnds;
    if (!isFirst && this.#meanUs <= measureAllUs && this.#reads++ % measuredOneIn !== 0) return notMeasured;
    const nowMs = this.#clock.monotonic();
    if (isFirst) this.#beganMs = nowMs;
    return nowMs;
  }

  /** A read on the caller's thread that began at `began` has ended. */
  end(began: number): void {
    if (began !== notMeasured) {
      const nowMs = this.#clock.monotonic();
      this.learn((nowMs - began) * 1000);
      this.#spentMs = nowMs - this.#beganMs;
    } else {
      this.#spentMs += this.#meanUs / 1000;
    }
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    this.#clock.nextTurn(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#turnEnds = false;
    this.#spentMs = 0;
  };

  /** A thread has read for so long. */
  learnOfThread(durationUs: number): void {
    this.learn(durationUs);
    // A thread that has only just started, or was kept from its core, says little about the device.
    const aboveUs = Math.min(durationUs - this.#threadUs, this.#threadUs + outlierUs / 4);
    this.#threadUs += aboveUs * (aboveUs > 0 ? weightUp : weightDown);
  }

  /** With so many threads at once, loads come as fast as the main thread can take them. */
  get readersOfUse(): number {
    return Math.max(readersMin, Math.ceil(this.#threadUs / loadUs));
  }

  /** A read, wherever it was made, took so long at the device. */
  learn(durationUs: number): void {
    this.#meanUs += (Math.min(durationUs, outlierUs) - this.#meanUs) * weight;
  }
}
