/**
 * The keys that the shadow caches hold, as hashes: each once, whichever of the shadows hold it, as all of them replay the
 * same uses and know the same of a key. What only one of them knows, its place there, stands beside that, so that a use
 * touches few lines of the CPU's cache.
 *
 *     word 0  hash                  words 4 to 7  a shadow's own: the neighbours in its window, or the
 *     word 1  clock at the last use               complement of the position in its main set
 *     word 2  uses (8 bits), which shadows hold it (4 bits)
 */
import { idleTicks } from './swappability.js';

export const shadowsMax = 4;
export const shadowEntriesMax = 256;
/** No slot. */
export const noSlot = -1;

const slotCountMax = shadowsMax * shadowEntriesMax;
/** The slot that stands for both ends of each window's list, which is a ring. */
export const ends = slotCountMax;
const slotShift = 3;
const stampWord = 1;
const usesWord = 2;
const placeWord = 4;
const holdersShift = 8;
/** Of the index: a power of two, half full at most. */
const indexLength = 2 * slotCountMax;
const indexMask = indexLength - 1;

export class ShadowKeys {
  readonly #words = new Int32Array((slotCountMax + 1) << slotShift);
  readonly #index = new Int16Array(indexLength);
  // Slots that no shadow holds are stacked here, and are not in the index.
  readonly #free = new Uint16Array(slotCountMax);
  #freeCount = 0;
  #clock = 0;

  constructor() {
    this.clear();
  }

  get bytes(): number {
    return this.#words.byteLength + this.#index.byteLength + this.#free.byteLength;
  }

  clear(): void {
    this.#index.fill(noSlot);
    this.#freeCount = 0;
    for (let slot = slotCountMax - 1; slot >= 0; slot--) this.#free[this.#freeCount++] = slot;
  }

  /** Notes a use of a key, of which there are `uses` now; returns its slot, or noSlot. */
  use(hash: number, uses: number): number {
    this.#clock = (this.#clock + 1) | 0;
    const words = this.#words;
    for (let at = hash & indexMask; ; at = (at + 1) & indexMask) {
      const slot = this.#index[at]!;
      if (slot === noSlot) return noSlot;
      const word = slot << slotShift;
      if (words[word] !== hash) continue;
      words[word + stampWord] = this.#clock;
      words[word + usesWord] = (words[word + usesWord]! & ~0xff) | uses;
      return slot;
    }
  }

  /** Enters a key that is being used; some shadow is about to hold it. */
  enter(hash: number, uses: number): number {
    const slot = this.#free[--this.#freeCount]!;
    const word = slot << slotShift;
    this.#words[word] = hash;
    this.#words[word + stampWord] = this.#clock;
    this.#words[word + usesWord] = uses;
    let at = hash & indexMask;
    while (this.#index[at] !== noSlot) at = (at + 1) & indexMask;
    this.#index[at] = slot;
    return slot;
  }

  hash(slot: number): number {
    return this.#words[slot << slotShift]!;
  }

  /** How well a key is suited to leave: idle for long, and used little. */
  rank(slot: number): number {
    const word = slot << slotShift;
    const idle = idleTicks(this.#clock, this.#words[word + stampWord]!);
    return idle / (1 + (this.#words[word + usesWord]! & 0xff));
  }

  /** Which shadows hold a key: a bit for each. */
  holders(slot: number): number {
    return this.#words[(slot << slotShift) + usesWord]! >>> holdersShift;
  }

  hold(slot: number, shadow: number): void {
    this.#words[(slot << slotShift) + usesWord]! |= 1 << (holdersShift + shadow);
  }

  /** A shadow holds a key no longer; what none holds is forgotten. */
  letGo(slot: number, shadow: number): void {
    const word = (slot << slotShift) + usesWord;
    const left = this.#words[word]! & ~(1 << (holdersShift + shadow));
    this.#words[word] = left;
    if (left >>> holdersShift === 0) this.#forget(slot);
  }

  /** What a shadow has noted of its own. */
  place(slot: number, shadow: number): number {
    return this.#words[(slot << slotShift) + placeWord + shadow]!;
  }

  setPlace(slot: number, shadow: number, place: number): void {
    this.#words[(slot << slotShift) + placeWord + shadow] = place;
  }

  /** Takes a slot out of the index and closes the gap, so that no search stops short at it. */
  #forget(slot: number): void {
    let gap = this.hash(slot) & indexMask;
    while (this.#index[gap] !== slot) gap = (gap + 1) & indexMask;
    for (let at = (gap + 1) & indexMask; ; at = (at + 1) & indexMask) {
      const moved = this.#index[at]!;
      if (moved === noSlot) break;
      const home = this.hash(moved) & indexMask;
      if (((at - home) & indexMask) >= ((at - gap) & indexMask)) {
        this.#index[gap] = moved;
        gap = at;
      }
    }
    this.#index[gap] = noSlot;
    this.#free[this.#freeCount++] = slot;
  }
}
