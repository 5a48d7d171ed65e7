/**
 * One shadow cache: what the adaptive policy would hold if its window had a fixed share. It decides as the policy does, a
 * list for the window, a sampled main set and a duel by frequency, with all entries of one size. The keys themselves
 * are shared by all shadows.
 */

import { assert } from '../errors.js';
import type { FrequencySketch } from './frequency-sketch.js';
import { ends, type ShadowKeys, shadowEntriesMax, shadowsMax } from './shadow-keys.js';
import { measuredByOne } from './swappability.js';
import type { Xorshift } from './xorshift.js';

const sampleCount = 8;
/** A key's neighbours in the window: the newer in the low half of a word, the older above it. */
const newerMask = 0xffff;
const olderShift = 16;

export class ShadowCache {
  readonly #keys: ShadowKeys;
  readonly #number: number;
  /** Of the capacity, for the window; with 0 there is none, and what comes must be worth a place at once. */
  readonly #share: number;
  readonly #random: Xorshift;
  #capacity = 1;
  /** The most entries of the main set; one place at least is the window's, where there is one. */
  #mainMax = 0;

  // A key that it holds is either linked into the window, or in the dense part of `main`, where its place says. One that it
  // does not hold has a place of no meaning.
  readonly #main = new Uint16Array(shadowEntriesMax);
  #windowCount = 0;
  #mainCount = 0;
  /** What was last found to be best suited to leave, and how many have been measured against some such key; -1 = none. */
  #weakest = -1;
  #measured = 0;

  /** @param number Of this shadow among those that share `keys`. */
  constructor(keys: ShadowKeys, number: number, share: number, random: Xorshift) {
    assert(number < shadowsMax, 'a key has a place for each shadow');
    this.#keys = keys;
    this.#number = number;
    this.#share = share;
    this.#random = random;
    this.resize(1);
    this.clear();
  }

  /** Without the keys. */
  get bytes(): number {
    return this.#main.byteLength;
  }

  /** How many entries it holds from now on. */
  resize(capacity: number): void {
    this.#capacity = capacity;
    this.#mainMax =
      this.#share === 0 ? capacity : Math.min(capacity - 1, Math.round(capacity * (1 - this.#share)));
  }

  /** Replays a use of a key that it holds. */
  touch(slot: number): void {
    if (this.#keys.place(slot, this.#number) < 0) return;
    this.#unlink(slot);
    this.#link(slot);
  }

  /** Makes room for a key that it does not hold; false when that is not worth it. @param uses Of the key, this one included. */
  makesRoom(uses: number, sketch: FrequencySketch): boolean {
    // Twice when the capacity has shrunk, so that it is reached without a burst of work.
    if (this.#windowCount + this.#mainCount > this.#capacity) this.#evict(sketch);
    if (this.#windowCount + this.#mainCount < this.#capacity) return true;
    if (this.#share === 0 && !this.#isWorthMore(uses, sketch)) return false;
    this.#evict(sketch);
    return true;
  }

  /** Holds a key that room was made for. */
  insert(slot: number): void {
    this.#keys.hold(slot, this.#number);
    this.#link(slot);
    // While there is room, what the window cannot hold goes to the main set without a duel.
    if (this.#mainCount < this.#mainMax && this.#windowCount > this.#capacity - this.#mainMax)
      this.#promote(this.#oldest());
  }

  /** Forgets all; the keys are forgotten by whoever shares them. */
  clear(): void {
    this.#keys.setPlace(ends, this.#number, ends | (ends << olderShift));
    this.#windowCount = 0;
    this.#mainCount = 0;
    this.#weakest = -1;
  }

  /** True when a key that comes, used so often with this, was used more than what would leave for it. */
  #isWorthMore(uses: number, sketch: FrequencySketch): boolean {
    return uses - 1 > sketch.estimate(this.#keys.hash(this.#weakestOfMain()));
  }

  #evict(sketch: FrequencySketch): void {
    const oldest = this.#oldest();
    if (this.#mainCount === 0) {
      this.#drop(oldest);
      return;
    }
    const weakest = this.#weakestOfMain();
    if (this.#windowCount === 0 || this.#mainCount > this.#mainMax) {
      this.#drop(weakest);
      return;
    }
    const keys = this.#keys;
    if (sketch.estimate(keys.hash(oldest)) > sketch.estimate(keys.hash(weakest))) {
      this.#drop(weakest);
      this.#promote(oldest);
    } else {
      this.#drop(oldest);
    }
  }

  #weakestOfMain(): number {
    if (this.#measured++ % measuredByOne === 0 || this.#weakest === -1) this.#weakest = this.#sample();
    return this.#weakest;
  }

  /** Of a few keys of the main set the one that is best suited to leave. */
  #sample(): number {
    const count = this.#mainCount;
    let best = 0;
    let bestRank = -1;
    let bits = 0;
    for (let taken = 0; taken < sampleCount; taken++) {
      // Eight bits choose one of 256 at most.
      bits = (taken & 3) === 0 ? this.#random.bits() : bits >>> 8;
      const slot = this.#main[((bits & 0xff) * count) >>> 8]!;
      const rank = this.#keys.rank(slot);
      if (rank > bestRank) {
        best = slot;
        bestRank = rank;
      }
    }
    return best;
  }

  #promote(slot: number): void {
    this.#unlink(slot);
    this.#keys.setPlace(slot, this.#number, ~this.#mainCount);
    this.#main[this.#mainCount++] = slot;
  }

  #drop(slot: number): void {
    const place = this.#keys.place(slot, this.#number);
    if (place >= 0) {
      this.#unlink(slot);
    } else {
      const moved = this.#main[--this.#mainCount]!;
      this.#main[~place] = moved;
      this.#keys.setPlace(moved, this.#number, place);
      if (slot === this.#weakest) this.#weakest = -1;
    }
    this.#keys.letGo(slot, this.#number);
  }

  // ── The window: a ring of keys ──

  #oldest(): number {
    return this.#keys.place(ends, this.#number) & newerMask;
  }

  #link(slot: number): void {
    const head = this.#keys.place(ends, this.#number) >>> olderShift;
    this.#keys.setPlace(slot, this.#number, ends | (head << olderShift));
    this.#setNewer(head, slot);
    this.#setOlder(ends, slot);
    this.#windowCount++;
  }

  #unlink(slot: number): void {
    const place = this.#keys.place(slot, this.#number);
    const newer = place & newerMask;
    const older = place >>> olderShift;
    this.#setOlder(newer, older);
    this.#setNewer(older, newer);
    this.#windowCount--;
  }

  #setNewer(slot: number, newer: number): void {
    const place = this.#keys.place(slot, this.#number);
    this.#keys.setPlace(slot, this.#number, (place & ~newerMask) | newer);
  }

  #setOlder(slot: number, older: number): void {
    const place = this.#keys.place(slot, this.#number);
    this.#keys.setPlace(slot, this.#number, (place & newerMask) | (older << olderShift));
  }
}
