/**
 * What few keys have: a time at which they end, and a size that the user gave. Twelve bytes each, in blocks of 64 Ki
 * that are added one at a time, apart from the keys' records, so that a key without them pays nothing.
 */

const blockShift = 16;
const blockEntries = 1 << blockShift;
const blockMask = blockEntries - 1;

interface Block {
  readonly expiresAtMs: Float64Array;
  readonly size: Uint32Array;
}

export class KeyExtras {
  readonly #blocks: Block[] = [];
  /** Entries given out so far, the free ones included. Number 0 is never given out: it means none. */
  #top = 1;
  /** The first free entry; the next one's number stands in place of its size. */
  #free = 0;

  get bytes(): number {
    return this.#blocks.length * blockEntries * 12;
  }

  take(): number {
    const extras = this.#free;
    if (extras !== 0) {
      this.#free = this.#blocks[extras >>> blockShift]!.size[extras & blockMask]!;
      return extras;
    }
    if (this.#top >>> blockShift >= this.#blocks.length) {
      this.#blocks.push({ expiresAtMs: new Float64Array(blockEntries), size: new Uint32Array(blockEntries) });
    }
    return this.#top++;
  }

  giveBack(extras: number): void {
    this.#blocks[extras >>> blockShift]!.size[extras & blockMask] = this.#free;
    this.#free = extras;
  }

  expiresAtMs(extras: number): number {
    return this.#blocks[extras >>> blockShift]!.expiresAtMs[extras & blockMask]!;
  }

  size(extras: number): number {
    return this.#blocks[extras >>> blockShift]!.size[extras & blockMask]!;
  }

  set(extras: number, expiresAtMs: number, size: number): void {
    const block = this.#blocks[extras >>> blockShift]!;
    block.expiresAtMs[extras & blockMask] = expiresAtMs;
    block.size[extras & blockMask] = size;
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#top = 1;
    this.#free = 0;
  }
}
