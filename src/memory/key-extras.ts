/**
 * What few keys have: a time at which they end, how long they may be used all the same, and a size that the user
 * gave. Twenty bytes each, in blocks of 64 Ki that are added one at a time, apart from the keys' records: a key without
 * them pays nothing, and those that end can be found without a look at all the others.
 */

const blockShift = 16;
const blockEntries = 1 << blockShift;
const blockMask = blockEntries - 1;

interface Block {
  readonly expiresAtMs: Float64Array;
  readonly size: Uint32Array;
  readonly graceMs: Uint32Array;
  readonly slot: Uint32Array;
}

export class KeyExtras {
  readonly #blocks: Block[] = [];
  /** Entries given out so far, the free ones included. Number 0 is never given out: it means none. */
  #top = 1;
  /** The first free entry; the next one's number stands in place of its size. */
  #free = 0;

  get bytes(): number {
    return this.#blocks.length * blockEntries * 20;
  }

  take(): number {
    const extras = this.#free;
    if (extras !== 0) {
      this.#free = this.#blocks[extras >>> blockShift]!.size[extras & blockMask]!;
      return extras;
    }
    if (this.#top >>> blockShift >= this.#blocks.length) {
      this.#blocks.push({
        expiresAtMs: new Float64Array(blockEntries),
        size: new Uint32Array(blockEntries),
        graceMs: new Uint32Array(blockEntries),
        slot: new Uint32Array(blockEntries),
      });
    }
    return this.#top++;
  }

  giveBack(extras: number): void {
    const block = this.#blocks[extras >>> blockShift]!;
    block.size[extras & blockMask] = this.#free;
    block.expiresAtMs[extras & blockMask] = 0;
    this.#free = extras;
  }

  expiresAtMs(extras: number): number {
    return this.#blocks[extras >>> blockShift]!.expiresAtMs[extras & blockMask]!;
  }

  size(extras: number): number {
    return this.#blocks[extras >>> blockShift]!.size[extras & blockMask]!;
  }

  graceMs(extras: number): number {
    return this.#blocks[extras >>> blockShift]!.graceMs[extras & blockMask]!;
  }

  /**
   * The first of `count` entries from number `from` on that has ended by `nowMs`; its number is in `cursor` then, else
   * that of the entry to go on with, 0 after the last.
   */
  nextEnded(from: number, count: number, nowMs: number): number {
    const end = Math.min(this.#top, from + count);
    for (let extras = Math.max(1, from); extras < end; extras++) {
      const block = this.#blocks[extras >>> blockShift]!;
      const expiresAtMs = block.expiresAtMs[extras & blockMask]!;
      if (expiresAtMs === 0 || expiresAtMs + block.graceMs[extras & blockMask]! > nowMs) continue;
      this.cursor = extras;
      return block.slot[extras & blockMask]!;
    }
    this.cursor = end >= this.#top ? 0 : end;
    return -1;
  }

  /** Where `nextEnded` has come to. */
  cursor = 0;

  set(extras: number, slot: number, expiresAtMs: number, graceMs: number, size: number): void {
    const block = this.#blocks[extras >>> blockShift]!;
    block.expiresAtMs[extras & blockMask] = expiresAtMs;
    block.graceMs[extras & blockMask] = graceMs;
    block.size[extras & blockMask] = size;
    block.slot[extras & blockMask] = slot;
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#top = 1;
    this.#free = 0;
  }
}
