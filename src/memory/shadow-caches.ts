/**
 * Finds the window's share. Workloads disagree about it: no window at all is best where some keys are always used more
 * than others, and for scans; nearly all of memory, which is LRU, for uses that come in bursts. So four shadow caches,
 * which hold hashes and no values, replay the uses of a sample of the keys, each with another share, and memory is cut
 * as in the one that has had most hits lately. A miss costs least without a window, as what is not worth a place need
 * not be entered: that is chosen unless another share has had so many more hits that it is not chance.
 *
 * A shadow has 256 entries at most. A store that holds more is modelled by so much smaller a sample of the keys, which
 * keeps both the memory and the cost of a use small; of a store that holds fewer every use is replayed.
 *
 * Shadows count entries and not bytes: they do not see that a share is good for large values and bad for small ones.
 */
import type { FrequencySketch } from './frequency-sketch.js';
import { ShadowCache } from './shadow-cache.js';
import { noSlot, ShadowKeys, shadowEntriesMax } from './shadow-keys.js';
import type { Xorshift } from './xorshift.js';

const shares = [0, 0.1, 0.4, 0.99];
const firstShare = 0.1;
/** Hits are halved each time a shadow could have been replaced so many times over. */
const memoryInCapacities = 10;
/** What it is worth to have no window: so many hits for each use. */
const windowlessBonus = 1 / 200;

export class ShadowCaches {
  readonly #keys = new ShadowKeys();
  readonly #caches: readonly ShadowCache[];
  readonly #hits = new Float64Array(shares.length);
  #uses = 0;
  #capacity = 0;
  #share = firstShare;
  /** Keys whose mixed hash is not above this are in the sample. */
  #threshold = -0x80000000;

  constructor(random: Xorshift) {
    this.#caches = shares.map((share, number) => new ShadowCache(this.#keys, number, share, random));
    this.scale(1);
  }

  /** The part of memory that the window should have. */
  get share(): number {
    return this.#share;
  }

  get bytes(): number {
    let { bytes } = this.#keys;
    for (const cache of this.#caches) bytes += cache.bytes;
    return bytes;
  }

  /** Tells how many entries memory holds, and with it the size of the sample. */
  scale(entryCount: number): void {
    const capacity = Math.max(1, Math.min(Math.round(entryCount), shadowEntriesMax));
    if (capacity !== this.#capacity) {
      this.#capacity = capacity;
      for (const cache of this.#caches) cache.resize(capacity);
    }
    this.#threshold = Math.floor(Math.min(1, capacity / entryCount) * 0xffffffff) - 0x80000000;
  }

  /** True when the key with this hash is in the sample, and its uses are for `use`. */
  samples(hash: number): boolean {
    return Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) <= this.#threshold;
  }

  /** Replays a use of a sampled key in each shadow. */
  use(keyHash: number, uses: number, sketch: FrequencySketch): void {
    // Signed, as it is kept.
    const hash = keyHash | 0;
    const hits = this.#hits;
    const caches = this.#caches;
    let slot = this.#keys.use(hash, uses);
    const holders = slot === noSlot ? 0 : this.#keys.holders(slot);
    for (let number = 0; number < caches.length; number++) {
      const cache = caches[number]!;
      if (((holders >>> number) & 1) !== 0) {
        hits[number]! += 1;
        cache.touch(slot);
      } else if (cache.makesRoom(uses, sketch)) {
        if (slot === noSlot) slot = this.#keys.enter(hash, uses);
        cache.insert(slot);
      }
    }
    if (++this.#uses >= memoryInCapacities * this.#capacity) {
      this.#uses >>>= 1;
      for (let index = 0; index < hits.length; index++) hits[index]! /= 2;
    }
    this.#choose();
  }

  clear(): void {
    this.#keys.clear();
    for (const cache of this.#caches) cache.clear();
    this.#hits.fill(0);
    this.#uses = 0;
    this.#share = firstShare;
  }

  #choose(): void {
    // The first share stands until each shadow could have been filled once.
    if (this.#uses < this.#capacity) return;
    let best = shares.indexOf(this.#share);
    for (let index = 0; index < shares.length; index++) {
      if (this.#worth(index) > this.#worth(best)) best = index;
    }
    this.#share = shares[best]!;
  }

  /** Its hits; without a window also what misses cost less, and a standard deviation. */
  #worth(index: number): number {
    const hits = this.#hits[index]!;
    return shares[index] === 0 ? hits + this.#uses * windowlessBonus + Math.sqrt(hits) : hits;
  }
}
