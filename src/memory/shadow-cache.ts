/**
 * One shadow cache: what the adaptive policy would hold if its window had a fixed share, as hashes only. It decides as
 * the policy does, a list for the window, a sampled main set and a duel by frequency, with all entries of one size.
 * Everything lies in small typed arrays that are allocated once.
 */
import type { FrequencySketch } from './frequency-sketch.js';
import { idleTicks, measuredByOne } from './swappability.js';
import type { Xorshift } from './xorshift.js';

export const shadowEntriesMax = 256;
const slotCountMax = shadowEntriesMax;
/** Of the index: a power of two, and a quarter full at most. */
const indexLength = 1024;
const indexMask = indexLength - 1;
const sampleCount = 8;
/** The slot that stands for both ends of the window's list, which is a ring. */
const ends = slotCountMax;

export class ShadowCache {
  /** Of the capacity, for the window; with 0 there is none, and what comes must be worth a place at once. */
  readonly #share: number;
  readonly #random: Xorshift;
  #capacity = 1;
  #clock = 0;

  // A used slot is in the index once and is either linked into the window or in the main set's dense part of `main`
  // at `positions`. Slots that are not used are stacked in `free`.
  readonly #hashes = new Int32Array(slotCountMax);
  readonly #stamps = new Int32Array(slotCountMax);
  /** Uses of the key, as of the last one that was replayed here. */
  readonly #uses = new Uint8Array(slotCountMax);
  readonly #index = new Int16Array(indexLength).fill(-1);
  readonly #newer = new Uint16Array(slotCountMax + 1);
  readonly #older = new Uint16Array(slotCountMax + 1);
  readonly #main = new Uint16Array(slotCountMax);
  /** Of a slot in the main set; -1 for one in the window. */
  readonly #positions = new Int16Array(slotCountMax).fill(-1);
  readonly #free = new Uint16Array(slotCountMax);
  #freeCount = 0;
  #windowCount = 0;
  #mainCount = 0;
  /** What was last found to be best suited to leave, and how many have been measured against some such slot. */
  #weakest = 0;
  #measured = 0;

  constructor(share: number, random: Xorshift) {
    this.#share = share;
    this.#random = random;
    this.clear();
  }

  get bytes(): number {
    return slotCountMax * 19 + indexLength * 2;
  }

  /** How many entries it holds from now on. */
  resize(capacity: number): void {
    this.#capacity = capacity;
  }

  /** Replays a use; true when the key was held. @param uses Of the key, this one included, as the sketch has it. */
  use(hash: number, uses: number, sketch: FrequencySketch): boolean {
    this.#clock = (this.#clock + 1) | 0;
    const slot = this.#find(hash);
    if (slot >= 0) {
      this.#stamps[slot] = this.#clock;
      this.#uses[slot] = uses;
      if (this.#positions[slot]! < 0) {
        this.#unlink(slot);
        this.#link(slot);
      }
      return true;
    }
    // Twice when the capacity has shrunk, so that it is reached without a burst of work.
    if (this.#held > this.#capacity) this.#evict(sketch);
    if (this.#held >= this.#capacity) {
      if (this.#share === 0 && !this.#isWorthMore(uses, sketch)) return false;
      this.#evict(sketch);
    }
    this.#insert(hash, uses);
    return false;
  }

  clear(): void {
    this.#index.fill(-1);
    this.#positions.fill(-1);
    this.#newer[ends] = ends;
    this.#older[ends] = ends;
    this.#windowCount = 0;
    this.#mainCount = 0;
    this.#freeCount = 0;
    for (let slot = slotCountMax - 1; slot >= 0; slot--) this.#free[this.#freeCount++] = slot;
  }

  get #held(): number {
    return this.#windowCount + this.#mainCount;
  }

  /** The most entries of the main set; one place at least is the window's, where there is one. */
  get #mainMax(): number {
    if (this.#share === 0) return this.#capacity;
    return Math.min(this.#capacity - 1, Math.round(this.#capacity * (1 - this.#share)));
  }

  /** True when a key that comes, used so often with this, was used more than what would leave for it. */
  #isWorthMore(uses: number, sketch: FrequencySketch): boolean {
    return uses - 1 > sketch.estimate(this.#hashes[this.#weakestOfMain()]!);
  }

  #evict(sketch: FrequencySketch): void {
    const mainMax = this.#mainMax;
    const tail = this.#newer[ends]!;
    if (this.#mainCount === 0) {
      this.#drop(tail);
      return;
    }
    const weakest = this.#weakestOfMain();
    if (this.#windowCount === 0 || this.#mainCount > mainMax) {
      this.#drop(weakest);
      return;
    }
    if (sketch.estimate(this.#hashes[tail]!) > sketch.estimate(this.#hashes[weakest]!)) {
      this.#drop(weakest);
      this.#promote(tail);
    } else {
      this.#drop(tail);
    }
  }

  #weakestOfMain(): number {
    if (this.#measured++ % measuredByOne === 0 || this.#positions[this.#weakest]! < 0)
      this.#weakest = this.#sample();
    return this.#weakest;
  }

  /** Of a few slots of the main set the one that is best suited to leave: idle for long, and used little. */
  #sample(): number {
    const count = this.#mainCount;
    let best = 0;
    let bestRank = -1;
    let bits = 0;
    for (let taken = 0; taken < sampleCount; taken++) {
      // Eight bits choose one of 256 at most.
      bits = (taken & 3) === 0 ? this.#random.bits() : bits >>> 8;
      const slot = this.#main[((bits & 0xff) * count) >>> 8]!;
      const rank = idleTicks(this.#clock, this.#stamps[slot]!) / (1 + this.#uses[slot]!);
      if (rank > bestRank) {
        best = slot;
        bestRank = rank;
      }
    }
    return best;
  }

  #insert(hash: number, uses: number): void {
    const slot = this.#free[--this.#freeCount]!;
    this.#hashes[slot] = hash;
    this.#stamps[slot] = this.#clock;
    this.#uses[slot] = uses;
    let at = hash & indexMask;
    while (this.#index[at]! >= 0) at = (at + 1) & indexMask;
    this.#index[at] = slot;
    this.#link(slot);
    // While there is room, what the window cannot hold goes to the main set without a duel.
    if (this.#mainCount < this.#mainMax && this.#windowCount > this.#capacity - this.#mainMax) {
      this.#promote(this.#newer[ends]!);
    }
  }

  #promote(slot: number): void {
    this.#unlink(slot);
    this.#positions[slot] = this.#mainCount;
    this.#main[this.#mainCount++] = slot;
  }

  #drop(slot: number): void {
    const position = this.#positions[slot]!;
    if (position < 0) {
      this.#unlink(slot);
    } else {
      const moved = this.#main[--this.#mainCount]!;
      this.#main[position] = moved;
      this.#positions[moved] = position;
      this.#positions[slot] = -1;
    }
    this.#unindex(slot);
    this.#free[this.#freeCount++] = slot;
  }

  #link(slot: number): void {
    const head = this.#older[ends]!;
    this.#older[slot] = head;
    this.#newer[slot] = ends;
    this.#newer[head] = slot;
    this.#older[ends] = slot;
    this.#windowCount++;
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot]!;
    const older = this.#older[slot]!;
    this.#older[newer] = older;
    this.#newer[older] = newer;
    this.#windowCount--;
  }

  #find(hash: number): number {
    for (let at = hash & indexMask; ; at = (at + 1) & indexMask) {
      const slot = this.#index[at]!;
      if (slot < 0 || this.#hashes[slot] === hash) return slot;
    }
  }

  /** Takes a slot out of the index and closes the gap, so that no search stops short at it. */
  #unindex(slot: number): void {
    let gap = this.#hashes[slot]! & indexMask;
    while (this.#index[gap] !== slot) gap = (gap + 1) & indexMask;
    for (let at = (gap + 1) & indexMask; ; at = (at + 1) & indexMask) {
      const moved = this.#index[at]!;
      if (moved < 0) break;
      const home = this.#hashes[moved]! & indexMask;
      if (((at - home) & indexMask) >= ((at - gap) & indexMask)) {
        this.#index[gap] = moved;
        gap = at;
      }
    }
    this.#index[gap] = -1;
  }
}
