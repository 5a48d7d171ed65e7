// Watches the process while the demo runs: how much memory it takes at most, and how long the event loop keeps other
// work waiting. Peaks are sampled, since what counts is the most that was ever used and not what is left at the end.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const SAMPLE_INTERVAL_MS = 20;
/** The delay is seen by a timer of this interval, and the interval itself is in every figure it gives. */
const RESOLUTION_MS = 1;

/**
 * @typedef {object} Phase
 * @property {number} elapsedMs
 * @property {{ p50: number, p99: number, max: number }} delayMs of the event loop
 * @property {import('swapstore').SwapStoreStats} before
 * @property {import('swapstore').SwapStoreStats} after
 */

export class Meter {
  rssBytesAtStart;
  rssBytesMax;
  /** The most that the store says it held: resident values and values in flight. */
  storeBytesMax = 0;
  #store;

  /**
   * @param {import('swapstore').SwapStore} store
   * @param {number} rssBytesAtStart taken before the store was made
   */
  constructor(store, rssBytesAtStart) {
    this.#store = store;
    this.rssBytesAtStart = rssBytesAtStart;
    this.rssBytesMax = rssBytesAtStart;
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<{ result: T, phase: Phase }>}
   */
  async during(work) {
    const before = this.#store.stats();
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    const sampler = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS);
    const start = performance.now();
    delay.enable();
    try {
      const result = await work();
      delay.disable();
      const elapsedMs = performance.now() - start;
      this.#sample();
      const delayMs = {
        p50: delayOf(delay.percentile(50)),
        p99: delayOf(delay.percentile(99)),
        max: delayOf(delay.max),
      };
      return { result, phase: { elapsedMs, delayMs, before, after: this.#store.stats() } };
    } finally {
      clearInterval(sampler);
    }
  }

  #sample() {
    const { residentBytes, inFlightBytes } = this.#store.stats();
    this.storeBytesMax = Math.max(this.storeBytesMax, residentBytes + inFlightBytes);
    this.rssBytesMax = Math.max(this.rssBytesMax, process.memoryUsage.rss());
  }
}

/**
 * What is left of a nanosecond reading once the timer's own interval is taken off.
 *
 * @param {number} nanoseconds
 */
function delayOf(nanoseconds) {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}
