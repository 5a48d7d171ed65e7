/**
 * From a key's hash to its slot: extendible hashing (Fagin et al.), so that growth never stalls. A directory, chosen
 * by the top bits of the hash, points to segments of 4,096 buckets, open addressing inside; a segment splits on its
 * own when it is three quarters full, which costs some tens of microseconds, and the directory, which doubles now and
 * then, has one number for thousands of keys. Deletion shifts back, so that there are no tombstones.
 *
 * A bucket is a slot and a tag: seven more bits of the hash, so that of a hundred strangers on the way hardly one
 * costs a look at its record, which is a cache miss.
 *
 * Equal hashes cannot be divided. A segment much deeper than the number of keys explains holds little else, and grows
 * instead; a search among them is a walk. The hash is keyed, so that nobody gets there on purpose.
 *
 * The index knows no keys: whoever searches compares them.
 */
import { assert } from '../errors.js';

const segmentShift = 12;
const segmentBuckets = 1 << segmentShift;
/** The top bits that choose a segment; the others choose the bucket. */
const depthMax = 32 - segmentShift;
/** A segment that is deeper by so much than the average grows instead of splitting: chance alone gives one or two. */
const depthSurplusMax = 4;
/** How full segments are at most that are made for a known number of keys: few of them will have to be divided. */
const expectedFill = 0.72;

export interface Segment {
  readonly slots: Uint32Array;
  /** Bucket for bucket the tag of the slot's hash, or 0 where there is none. */
  readonly tags: Uint8Array;
  /** Buckets less one; they are a power of two. */
  readonly mask: number;
  /** How many top bits of the hash all keys of this segment share. */
  readonly depth: number;
  count: number;
}

export class KeyIndex {
  /** Of the key in a slot; the index stores no hashes. */
  readonly #hashOf: (slot: number) => number;
  /** 2^depth entries; several point to one segment that is less deep. */
  #directory: Segment[];
  #depth = 0;
  #size = 0;
  /** Buckets of all segments. */
  #buckets = segmentBuckets;

  constructor(hashOf: (slot: number) => number) {
    this.#hashOf = hashOf;
    this.#directory = [newSegment(0)];
  }

  get bytes(): number {
    return this.#buckets * 5 + this.#directory.length * 8;
  }

  /** Where a key with this hash would be: in a bucket with `tagOf(hash)`, from `hash & mask` on, before the first tag 0. */
  segmentOf(hash: number): Segment {
    return this.#directory[this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)]!;
  }

  /** Makes the room that `add` will need: what can fail for want of memory, before anything has changed. */
  reserve(hash: number): void {
    for (;;) {
      const segment = this.segmentOf(hash);
      if (segment.count < (segment.mask + 1) * 0.75) return;
      const depthExplained = 32 - Math.clz32(this.#size >>> segmentShift) + depthSurplusMax;
      if (segment.mask < segmentBuckets && segment.depth < Math.min(depthMax, depthExplained)) {
        this.#split(segment, hash);
      } else {
        this.#grow(segment, hash);
      }
    }
  }

  /** An empty index makes the segments that `keys` keys will need. */
  expect(keys: number): void {
    const fill = keys / (segmentBuckets * expectedFill);
    this.#depth = Math.min(depthMax, fill <= 1 ? 0 : Math.ceil(Math.log2(fill)));
    this.#directory = Array.from({ length: 2 ** this.#depth }, () => newSegment(this.#depth));
    this.#buckets = this.#directory.length * segmentBuckets;
  }

  /** Calls `visit` for the slots of one segment; returns the first hash of the next, or undefined after the last. */
  visitSegment(hash: number, visit: (slot: number) => void): number | undefined {
    const { slots, tags, mask, depth } = this.segmentOf(hash);
    for (let at = 0; at <= mask; at++) if (tags[at] !== 0) visit(slots[at]!);
    const next = (hash >>> 0) + 2 ** (32 - depth);
    return next >= 2 ** 32 ? undefined : next;
  }

  /** Adds a slot that room was reserved for. */
  add(slot: number, hash: number): void {
    put(this.segmentOf(hash), slot, hash);
    this.#size++;
  }

  remove(slot: number, hash: number): void {
    const segment = this.segmentOf(hash);
    const { slots, tags, mask } = segment;
    let hole = hash & mask;
    while (slots[hole] !== slot || tags[hole] === 0) {
      assert(tags[hole] !== 0, 'a slot that is removed is in the index');
      hole = (hole + 1) & mask;
    }
    // Whatever comes after the hole, up to the next empty bucket, moves into it if its home allows.
    for (let at = (hole + 1) & mask; tags[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashOf(slots[at]!) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at]!;
      tags[hole] = tags[at]!;
      hole = at;
    }
    tags[hole] = 0;
    segment.count--;
    this.#size--;
  }

  /** Some slot, found from a random bucket on; -1 when a few hundred buckets have none. */
  sample(random: number): number {
    for (let tries = 0; tries < 16; tries++) {
      const mixed = Math.imul(random + tries, 0x9e3779b1);
      const { slots, tags, mask } = this.segmentOf(mixed);
      let at = (Math.imul(mixed, 0x85ebca6b) >>> 7) & mask;
      for (let probes = 0; probes < 32; probes++) {
        if (tags[at] !== 0) return slots[at]!;
        at = (at + 1) & mask;
      }
    }
    return this.#anySlot();
  }

  clear(): void {
    this.#directory = [newSegment(0)];
    this.#depth = 0;
    this.#size = 0;
    this.#buckets = segmentBuckets;
  }

  /** For an index that is almost empty. */
  #anySlot(): number {
    for (const { slots, tags, count } of this.#directory) {
      if (count !== 0) return slots[tags.findIndex((tag) => tag !== 0)]!;
    }
    return -1;
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
    const lower = newSegment(depth);
    const upper = newSegment(depth);
    const { slots, tags } = segment;
    // All hashes first: each is a cache miss, and those of several are under way at once where nothing hangs on one.
    const hashes = new Int32Array(segmentBuckets);
    for (let at = 0; at < segmentBuckets; at++) if (tags[at] !== 0) hashes[at] = this.#hashOf(slots[at]!);
    for (let at = 0; at < segmentBuckets; at++) {
      if (tags[at] === 0) continue;
      put(((hashes[at]! >>> (32 - depth)) & 1) === 0 ? lower : upper, slots[at]!, hashes[at]!);
    }
    this.#buckets += segmentBuckets;
    const upperBit = 1 << (32 - depth);
    this.#name(lower, hash & ~upperBit);
    this.#name(upper, hash | upperBit);
  }

  /** Gives a segment twice its buckets. */
  #grow(segment: Segment, hash: number): void {
    const { slots, tags, mask, depth } = segment;
    const larger = newSegment(depth, (mask + 1) * 2);
    for (let at = 0; at <= mask; at++) {
      if (tags[at] !== 0) put(larger, slots[at]!, this.#hashOf(slots[at]!));
    }
    this.#buckets += mask + 1;
    this.#name(larger, hash);
  }

  /** Enters a segment for all hashes that share its top bits with `hash`: neighbours in the directory. */
  #name(segment: Segment, hash: number): void {
    const width = 2 ** (this.#depth - segment.depth);
    const first = this.#depth === 0 ? 0 : (hash >>> (32 - this.#depth)) & -width;
    this.#directory.fill(segment, first, first + width);
  }
}

/** The bits of a hash above those of its bucket, never 0. */
export function tagOf(hash: number): number {
  return 0x80 | ((hash >>> segmentShift) & 0x7f);
}

function put(segment: Segment, slot: number, hash: number): void {
  const { slots, tags, mask } = segment;
  let at = hash & mask;
  while (tags[at] !== 0) at = (at + 1) & mask;
  slots[at] = slot;
  tags[at] = tagOf(hash);
  segment.count++;
}

function newSegment(depth: number, buckets = segmentBuckets): Segment {
  const memory = new ArrayBuffer(buckets * 5);
  return {
    slots: new Uint32Array(memory, 0, buckets),
    tags: new Uint8Array(memory, buckets * 4),
    mask: buckets - 1,
    depth,
    count: 0,
  };
}
