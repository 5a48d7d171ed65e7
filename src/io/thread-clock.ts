/** A clock that all threads of the process share, for what begins in one and ends in another. Each has its own `performance`. */

const wrapUs = 2_000_000_000;

/** Microseconds, from 1 to two thousand seconds, and again from the beginning. */
export function sharedUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return 1 + ((seconds * 1_000_000 + Math.floor(nanoseconds / 1000)) % (wrapUs - 1));
}

/** How long ago that was. */
export function sharedUsSince(earlierUs: number): number {
  const tookUs = sharedUs() - earlierUs;
  return tookUs < 0 ? tookUs + wrapUs - 1 : tookUs;
}
