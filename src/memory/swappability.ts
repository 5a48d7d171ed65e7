/**
 * How well a value is suited to leave memory: the longer it has been idle and the larger it is, the better. Size
 * counts by its logarithm, as one large value frees what many small ones do and costs one read to bring back, yet
 * must not leave again and again only for being large.
 *
 * Time is the policy's own clock, one tick a use, kept in 32 bits. A value that has not been used for 2^32 ticks
 * looks fresh again for a while; a wrong guess costs one fault and no more.
 */

/** Ticks between a stamp and the clock. */
export function idleTicks(clock: number, stamp: number): number {
  return (clock - stamp) >>> 0;
}

/** Rank of a candidate, larger leaves first. What was used in this very tick ranks 0. */
export function swappability(idle: number, sizeBytes: number): number {
  return idle * Math.log(1 + sizeBytes);
}
