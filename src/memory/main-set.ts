/**
 * The main set: most of what is in memory, in a dense array from which victims are sampled. A hit changes nothing
 * here, an entry comes at the end and leaves by a swap with the last. There is no order to keep, and the price is
 * that the best victim is not known, only the best of a few.
 *
 * The array is cut into chunks of equal length, as growing one array of millions would copy it in one go.
 */
import type { Resident } from './resident.js';
import { idleTicks } from './swappability.js';
import type { Xorshift } from './xorshift.js';

const chunkBits = 10;
const chunkLength = 1 << chunkBits;

export class MainSet<E extends Resident> {
  // An entry of the set stands at `position` and nowhere else; positions 0 to count - 1 are all taken. All chunks but
  // the last are full, and none is empty. `bytes` is the sum of the sizes of the entries.
  readonly #chunks: E[][] = [];
  readonly #random: Xorshift;
  readonly #rank: (entry: E, idle: number) => number;
  #count = 0;
  #bytes = 0;
  // Positions that are looked at for a victim. Whatever stands there is as good a sample as what was drawn.
  readonly #sample: Uint32Array;
  readonly #freshCount: number;
  #next = 0;

  /**
   * @param sampleCount Entries of which the best is taken.
   * @param freshCount How many of them are drawn anew each time. The others stay for the next time: to look at an
   * entry that lies cold in memory is most of what a victim costs.
   * @param rank Of an entry and the ticks since it was used, not negative; the highest is taken.
   */
  constructor(
    random: Xorshift,
    sampleCount: number,
    freshCount: number,
    rank: (entry: E, idle: number) => number,
  ) {
    this.#random = random;
    this.#rank = rank;
    this.#sample = new Uint32Array(sampleCount);
    this.#freshCount = freshCount;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of the values in the set. */
  get bytes(): number {
    return this.#bytes;
  }

  get overheadBytes(): number {
    return this.#chunks.length * (chunkLength + 8) * 8;
  }

  add(entry: E): void {
    const position = this.#count++;
    const chunk = this.#chunks[position >>> chunkBits];
    if (chunk === undefined) this.#chunks.push([entry]);
    else chunk.push(entry);
    entry.position = position;
    this.#bytes += entry.size;
  }

  remove(entry: E): void {
    const last = this.#chunks[this.#chunks.length - 1]!;
    const moved = last.pop()!;
    if (last.length === 0) this.#chunks.pop();
    this.#count--;
    if (moved !== entry) {
      this.#chunks[entry.position >>> chunkBits]![entry.position & (chunkLength - 1)] = moved;
      moved.position = entry.position;
    }
    entry.position = -1;
    this.#bytes -= entry.size;
  }

  resized(entry: E, oldSize: number): void {
    this.#bytes += entry.size - oldSize;
  }

  /** The entry of the sample that has the highest rank. */
  best(clock: number): E | undefined {
    const count = this.#count;
    if (count === 0) return undefined;
    const sample = this.#sample;
    this.#draw(count);
    let best: E | undefined;
    let bestRank = -1;
    for (let index = 0; index < sample.length; index++) {
      // The set may have shrunk since this position was drawn.
      if (sample[index]! >= count) sample[index] = this.#random.below(count);
      const position = sample[index]!;
      const entry = this.#chunks[position >>> chunkBits]![position & (chunkLength - 1)]!;
      const rank = this.#rank(entry, idleTicks(clock, entry.stamp));
      if (rank > bestRank) {
        best = entry;
        bestRank = rank;
      }
    }
    return best;
  }

  /** Calls `visit` for each entry. */
  forEach(visit: (entry: E) => void): void {
    for (const chunk of this.#chunks) chunk.forEach(visit);
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  /** Replaces the positions of the sample that were drawn longest ago. */
  #draw(count: number): void {
    for (let drawn = 0; drawn < this.#freshCount; drawn++) {
      this.#sample[this.#next] = this.#random.below(count);
      this.#next = this.#next + 1 === this.#sample.length ? 0 : this.#next + 1;
    }
  }
}
