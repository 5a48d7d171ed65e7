/**
 * How often keys have been used lately: a count-min sketch of 4-bit counters (TinyLFU: Einziger, Friedman, Manes). It
 * remembers keys that are not in memory, which is what lets a value that comes back again and again win against one
 * that only sits there.
 *
 * A key has four counters, all in one block, so that counting a use touches one line of the CPU's cache. Its estimate
 * is the least of the four: too high when others share all of them, never too low. Every so many uses all counters
 * are halved, so that old glory fades; a block is halved when it is next used, by comparing epochs, as halving them
 * all at once would stall a large store.
 *
 * Memory is a bound in bytes, so how many values it holds is only known as they come: the sketch grows a block at a
 * time by linear hashing. The block that is split is copied, which keeps each key's estimate as it was.
 *
 * It does not tell keys of equal hash apart, and above 15 uses it does not count.
 */

const rows = 4;
const rowWords = 4;
/** 128 counters, and the epoch they were last halved in. */
const blockWords = rows * rowWords + 1;
/** Keeps the sketch below 8 bytes an entry: 68 bytes a block. */
const entriesPerBlock = 9;
const segmentBits = 8;
const segmentBlocks = 1 << segmentBits;
const usesPerEntry = 10;
const counterMax = 15;
const entriesMax = 1 << 23;

export class FrequencySketch {
  // `blockCount` is above half of `mask + 1` and not above the whole: blocks from half on have been split off.
  readonly #segments: Int32Array[] = [];
  #blockCount = segmentBlocks;
  #mask = segmentBlocks - 1;
  #epoch = 0;
  #uses = 0;
  #usesMax = 0;
  // Where the last key looked up has its block.
  #segment: Int32Array;
  #base = 0;

  constructor() {
    this.#segment = new Int32Array(segmentBlocks * blockWords);
    this.#segments.push(this.#segment);
    this.period(0);
  }

  /** Bytes of the counters. */
  get bytes(): number {
    return this.#segments.length * segmentBlocks * blockWords * 4;
  }

  /** Counts a use of the key with this hash, and returns its estimate from then on, 1 to 15. */
  increment(hash: number): number {
    this.#locate(hash);
    const segment = this.#segment;
    const base = this.#base;
    const bits = spread(hash);
    let counted = 0;
    let least = counterMax;
    for (let row = 0; row < rows; row++) {
      const at = base + row * rowWords + ((bits >>> (5 * row + 3)) & (rowWords - 1));
      const shift = ((bits >>> (5 * row)) & 7) << 2;
      const word = segment[at]!;
      const count = (word >>> shift) & counterMax;
      if (count === counterMax) continue;
      segment[at] = word + (1 << shift);
      counted = 1;
      if (count < least) least = count + 1;
    }
    this.#uses += counted;
    if (this.#uses >= this.#usesMax) {
      this.#epoch = (this.#epoch + 1) | 0;
      this.#uses = 0;
    }
    return least;
  }

  /** Uses of the key with this hash lately, 0 to 15. */
  estimate(hash: number): number {
    this.#locate(hash);
    const segment = this.#segment;
    const base = this.#base;
    const bits = spread(hash);
    let least = counterMax;
    for (let row = 0; row < rows; row++) {
      const at = base + row * rowWords + ((bits >>> (5 * row + 3)) & (rowWords - 1));
      const count = (segment[at]! >>> (((bits >>> (5 * row)) & 7) << 2)) & counterMax;
      if (count < least) least = count;
    }
    return least;
  }

  /** Halves the counters each time ten uses have been counted for each of `entryCount` entries. */
  period(entryCount: number): void {
    this.#usesMax = usesPerEntry * Math.min(Math.max(entryCount, 16), entriesMax);
  }

  /** Makes room for `entryCount` entries, two blocks a call at most: call it for each entry that comes. */
  grow(entryCount: number): void {
    if (this.#blockCount * entriesPerBlock >= entryCount) return;
    this.#split();
    if (this.#blockCount * entriesPerBlock < entryCount) this.#split();
  }

  clear(): void {
    this.#segments.length = 1;
    this.#segment = this.#segments[0]!;
    this.#segment.fill(0);
    this.#blockCount = segmentBlocks;
    this.#mask = segmentBlocks - 1;
    this.#epoch = 0;
    this.#uses = 0;
  }

  #split(): void {
    const target = this.#blockCount;
    if (target > this.#mask) this.#mask = this.#mask * 2 + 1;
    const source = target & (this.#mask >>> 1);
    if (target >>> segmentBits === this.#segments.length) {
      this.#segments.push(new Int32Array(segmentBlocks * blockWords));
    }
    const from = this.#segments[source >>> segmentBits]!;
    const base = (source & (segmentBlocks - 1)) * blockWords;
    this.#segments[target >>> segmentBits]!.set(
      from.subarray(base, base + blockWords),
      (target & (segmentBlocks - 1)) * blockWords,
    );
    this.#blockCount = target + 1;
  }

  /** Finds the block of a hash and halves it for the epochs it has missed. */
  #locate(hash: number): void {
    let block = hash & this.#mask;
    if (block >= this.#blockCount) block &= this.#mask >>> 1;
    const segment = this.#segments[block >>> segmentBits]!;
    const base = (block & (segmentBlocks - 1)) * blockWords;
    this.#segment = segment;
    this.#base = base;
    if (segment[base + blockWords - 1] !== this.#epoch) age(segment, base, this.#epoch);
  }
}

/** Halves each counter of a block once for each epoch since the block's own; after four, nothing is left. */
function age(segment: Int32Array, base: number, epoch: number): void {
  const epochs = (epoch - segment[base + blockWords - 1]!) >>> 0;
  for (let at = base; at < base + blockWords - 1; at++) {
    let word = segment[at]!;
    for (let halved = 0; halved < Math.min(epochs, 4); halved++) word = (word >>> 1) & 0x77777777;
    segment[at] = word;
  }
  segment[base + blockWords - 1] = epoch;
}

/** Twenty bits that choose the counters, independent of the low bits that choose the block. */
function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> 12;
}
