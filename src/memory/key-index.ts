/**
 * From a key's hash to its slot: extendible hashing (Fagin et al.), so that growth never stalls. A directory, chosen
 * by the top bits of the hash, points to segments of 4,096 buckets, open addressing inside; a segment splits on its
 * own when it is three quarters full, which costs some tens of microseconds, and the directory, which doubles now and
 * then, has one number for thousands of keys. Deletion shifts back, so that there are no tombstones.
 *
 * The index knows no keys: whoever searches compares them.
 */
import { assert } from '../errors.js';

const segmentShift = 12;
const segmentBuckets = 1 << segmentShift;
const bucketMask = segmentBuckets - 1;
const segmentFullAt = segmentBuckets * 0.75;
/** Beyond this a split separates nothing but equal hashes: segments fill up to the brim instead. */
const depthMax = 20;

interface Segment {
  /** Slot + 1, or 0 for an empty bucket. */
  readonly buckets: Uint32Array;
  /** How many top bits of the hash all keys of this segment share. */
  depth: number;
  count: number;
}

export class KeyIndex {
  /** Of the key in a slot; the index stores no hashes. */
  readonly #hashOf: (slot: number) => number;
  /** 2^depth entries; several point to one segment that is less deep. */
  #directory: Segment[];
  #depth = 0;
  #segments = 1;

  constructor(hashOf: (slot: number) => number) {
    this.#hashOf = hashOf;
    this.#directory = [newSegment(0)];
  }

  get bytes(): number {
    return this.#segments * segmentBuckets * 4 + this.#directory.length * 8;
  }

  /** The buckets in which a key with this hash would be, beginning at `home(hash)` and ending at an empty one. */
  bucketsOf(hash: number): Uint32Array {
    return this.#segmentOf(hash).buckets;
  }

  add(slot: number, hash: number): void {
    let segment = this.#segmentOf(hash);
    while (segment.count >= segmentFullAt && segment.depth < depthMax) {
      this.#split(segment, hash);
      segment = this.#segmentOf(hash);
    }
    assert(
      segment.count < segmentBuckets - 1,
      'thousands of keys have one hash: the seed is known to an attacker',
    );
    put(segment.buckets, slot, hash);
    segment.count++;
  }

  remove(slot: number, hash: number): void {
    const segment = this.#segmentOf(hash);
    const { buckets } = segment;
    let hole = homeOf(hash);
    while (buckets[hole] !== slot + 1) {
      assert(buckets[hole] !== 0, 'a slot that is removed is in the index');
      hole = (hole + 1) & bucketMask;
    }
    // Whatever comes after the hole, up to the next empty bucket, moves into it if its home allows.
    for (let at = (hole + 1) & bucketMask; buckets[at] !== 0; at = (at + 1) & bucketMask) {
      const home = homeOf(this.#hashOf(buckets[at]! - 1));
      if (((at - home) & bucketMask) < ((at - hole) & bucketMask)) continue;
      buckets[hole] = buckets[at]!;
      hole = at;
    }
    buckets[hole] = 0;
    segment.count--;
  }

  /** Some slot, found from a random bucket on; -1 when a few hundred buckets have none. */
  sample(random: number): number {
    for (let tries = 0; tries < 16; tries++) {
      const mixed = Math.imul(random + tries, 0x9e3779b1);
      const { buckets } = this.#segmentOf(mixed);
      let at = Math.imul(mixed, 0x85ebca6b) >>> (32 - segmentShift);
      for (let probes = 0; probes < 32; probes++) {
        const found = buckets[at]!;
        if (found !== 0) return found - 1;
        at = (at + 1) & bucketMask;
      }
    }
    return this.#anySlot();
  }

  clear(): void {
    this.#directory = [newSegment(0)];
    this.#depth = 0;
    this.#segments = 1;
  }

  /** For an index that is almost empty. */
  #anySlot(): number {
    for (const { buckets, count } of this.#directory) {
      if (count === 0) continue;
      for (const found of buckets) if (found !== 0) return found - 1;
    }
    return -1;
  }

  #segmentOf(hash: number): Segment {
    return this.#directory[this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)]!;
  }

  /** Divides a segment by the next bit of the hash. */
  #split(segment: Segment, hash: number): void {
    if (segment.depth === this.#depth) {
      const wider = new Array<Segment>(this.#directory.length * 2);
      for (let at = 0; at < wider.length; at++) wider[at] = this.#directory[at >>> 1]!;
      this.#directory = wider;
      this.#depth++;
    }
    const depth = segment.depth + 1;
    const halves = [newSegment(depth), newSegment(depth)] as const;
    for (const found of segment.buckets) {
      if (found === 0) continue;
      const itsHash = this.#hashOf(found - 1);
      const half = halves[(itsHash >>> (32 - depth)) & 1]!;
      put(half.buckets, found - 1, itsHash);
      half.count++;
    }
    this.#segments++;
    // The entries that pointed to it are neighbours: the first half of them gets the lower half.
    const width = 2 ** (this.#depth - segment.depth);
    const first = Math.floor((this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)) / width) * width;
    for (let at = 0; at < width; at++) this.#directory[first + at] = halves[at < width / 2 ? 0 : 1];
  }
}

/** Where the search for a hash begins: by low bits, as the top ones have chosen the segment. */
export function homeOf(hash: number): number {
  return hash & bucketMask;
}

/** The bucket after `bucket`. */
export function nextBucket(bucket: number): number {
  return (bucket + 1) & bucketMask;
}

function put(buckets: Uint32Array, slot: number, hash: number): void {
  let at = homeOf(hash);
  while (buckets[at] !== 0) at = (at + 1) & bucketMask;
  buckets[at] = slot + 1;
}

function newSegment(depth: number): Segment {
  return { buckets: new Uint32Array(segmentBuckets), depth, count: 0 };
}
