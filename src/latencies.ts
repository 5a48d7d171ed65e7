/**
 * How long values take on their way, as histograms with fixed bounds: powers of two from a microsecond to a quarter of a
 * minute, so that to count one is an addition, and any quantile is known within a factor of two. Nothing is measured
 * before somebody asks for the first time: two looks at the clock are a part of what a read from the page cache takes.
 */

const boundsCount = 25;
/** Upper bounds of the buckets, ms; what is above the last is counted in one bucket more. */
const boundsMs: readonly number[] = Array.from({ length: boundsCount }, (_, index) => 2 ** index / 1000);

/** A histogram as it is now. */
export interface LatencyHistogram {
  /** Upper bounds of the buckets, inclusive, ms. */
  readonly boundsMs: readonly number[];
  /** How many fell into each bucket, and after the last bound. */
  readonly counts: readonly number[];
  /** How many there were. */
  readonly count: number;
  /** What they took together, ms. */
  readonly sumMs: number;
}

/** What `latencies()` returns. */
export interface SwapStoreLatencies {
  /** From a wish for a value that is in the file until it is there, decoded. */
  readonly swapIn: LatencyHistogram;
  /** From the moment that a batch of values is on its way until a run of it is confirmed in the file. */
  readonly swapOut: LatencyHistogram;
  /** From the moment that a job is given to the threads until one begins with it. */
  readonly queueWait: LatencyHistogram;
}

export class Histogram {
  readonly #counts = new Array<number>(boundsCount + 1).fill(0);
  #count = 0;
  #sumMs = 0;

  record(tookMs: number): void {
    const bucket = Math.ceil(Math.log2(tookMs * 1000));
    // What took less than the smallest bound has a negative logarithm, and nothing at all has none.
    this.#counts[Math.min(boundsCount, Math.max(0, bucket))]!++;
    this.#count++;
    this.#sumMs += tookMs;
  }

  snapshot(): LatencyHistogram {
    return { boundsMs, counts: [...this.#counts], count: this.#count, sumMs: this.#sumMs };
  }
}

export class Latencies {
  readonly swapIn = new Histogram();
  readonly swapOut = new Histogram();
  readonly queueWait = new Histogram();

  snapshot(): SwapStoreLatencies {
    return {
      swapIn: this.swapIn.snapshot(),
      swapOut: this.swapOut.snapshot(),
      queueWait: this.queueWait.snapshot(),
    };
  }
}
