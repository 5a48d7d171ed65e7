/**
 * How well a value is suited to leave memory: the longer it has been idle and the larger it is, the better. Size
 * counts by its logarithm, as one large value frees what many small ones do and costs one read to bring back, yet
 * must not leave again and again only for being large. Where more is known, it counts less the more it is used and
 * the more work it is to have it leave and come back.
 *
 * Time is the policy's own clock, one tick a use, kept in 32 bits. A value that has not been used for 2^32 ticks
 * looks fresh again for a while; a wrong guess costs one fault and no more.
 */
import type { Resident } from './resident.js';

/** A read takes what it takes however little it reads: as long as so many bytes more. */
const readOverheadBytes = 4096;
/** What is written before it leaves, as the file has no copy, is so much more work than what is dropped. */
const dirtyCost = 1.5;

/** Values that are measured against one entry that would leave for them, before another is looked for. */
export const measuredByOne = 4;

/** Ticks between a stamp and the clock. */
export function idleTicks(clock: number, stamp: number): number {
  return (clock - stamp) >>> 0;
}

/** Rank of a candidate, larger leaves first. What was used in this very tick ranks 0. */
export function swappability(idle: number, sizeBytes: number): number {
  return idle * logOfSize(sizeBytes);
}

/**
 * The logarithm of 1 + a size to the base 2, as a straight line between the powers of two: at most 0.09 too small. The
 * exact one is a call into the runtime, of which the choice of a victim makes eight.
 */
export function logOfSize(sizeBytes: number): number {
  const size = Math.min(sizeBytes + 1, 0xffffffff) >>> 0;
  const power = 31 - Math.clz32(size);
  return power + (size - ((1 << power) >>> 0)) / ((1 << power) >>> 0);
}

/** What it takes to have a value leave and come back, for comparisons: grows with the powers of two of its bytes. */
export function moveCost(entry: Resident): number {
  const { copyBytes } = entry;
  return copyBytes > 0
    ? bitsOf(readOverheadBytes + copyBytes)
    : dirtyCost * bitsOf(readOverheadBytes + entry.size);
}

/** Bits of a number of bytes; 32 at most. */
function bitsOf(bytes: number): number {
  return bytes < 2 ** 32 ? 32 - Math.clz32(bytes) : 32;
}
