/**
 * Memory for the records of keys, off the V8 heap: chunks of 1 MiB, in which blocks of whole words are given out one
 * after another and, once freed, again to blocks of the same class. The last chunk grows to that size by steps of a
 * sixteenth of the arena, so that a small store does not pay for a large one's. A block is never divided, joined or moved: its
 * borders stay for life, so that a walk over a chunk from block to block is sound whatever happens meanwhile. The
 * price is that space freed by keys of one length is no use to keys of another.
 */
import { assert } from '../errors.js';

const chunkShift = 18;
export const chunkWords = 1 << chunkShift;
const chunkMask = chunkWords - 1;
/** The last chunk grows by at least this much. */
const stepWordsMin = 1 << 12;
/** Blocks up to this many words have a class for each length; above, eight classes between powers of two. */
const exactWords = 64;

export class KeyArena {
  readonly words: Int32Array[] = [];
  readonly bytes: Buffer[] = [];
  /** Words of the last chunk that have been given out. */
  #top = chunkWords;
  /** Words of all chunks, those of the last that have not been given out included. */
  #wordCount = 0;
  /** Per class, the first free block's address + 1; the next one's is in its first word. */
  #free: number[] = [];

  get byteLength(): number {
    return this.#wordCount * 4;
  }

  /** Words that a block of at least `words` takes. */
  static blockWords(words: number): number {
    if (words <= exactWords) return words;
    const step = 1 << (31 - Math.clz32(words) - 3);
    return Math.ceil(words / step) * step;
  }

  /** The address of a block, in words; `words` is what blockWords has said. */
  take(words: number): number {
    const list = classOf(words);
    const free = this.#free[list] ?? 0;
    if (free !== 0) {
      const address = free - 1;
      this.#free[list] = this.words[address >>> chunkShift]![address & chunkMask]! >>> 0;
      return address;
    }
    if (this.#top + words > chunkWords) this.#addChunk();
    const last = this.words.length - 1;
    if (this.#top + words > this.words[last]!.length) this.#growChunk(last, this.#top + words);
    const address = last * chunkWords + this.#top;
    this.#top += words;
    return address;
  }

  /** Gives a block back. Its first word is the arena's from now on; the caller's length word must stay. */
  giveBack(address: number, words: number): void {
    const list = classOf(words);
    this.words[address >>> chunkShift]![address & chunkMask] = this.#free[list] ?? 0;
    this.#free[list] = address + 1;
  }

  /** True when no block was ever given out at or after `address` in its chunk. */
  endsAt(address: number): boolean {
    const chunk = Math.floor(address / chunkWords);
    if (chunk >= this.words.length) return true;
    return chunk === this.words.length - 1 && (address & chunkMask) >= this.#top;
  }

  clear(): void {
    this.words.length = 0;
    this.bytes.length = 0;
    this.#free = [];
    this.#top = chunkWords;
    this.#wordCount = 0;
  }

  #addChunk(): void {
    assert(this.words.length < 2 ** (32 - chunkShift), 'an arena has at most 16 GiB');
    this.words.push(new Int32Array(0));
    this.bytes.push(Buffer.alloc(0));
    this.#top = 0;
  }

  /** The last chunk has room for `words` from now on. */
  #growChunk(last: number, words: number): void {
    const old = this.words[last]!;
    const step = Math.max(stepWordsMin, this.#wordCount >>> 4);
    const grown = new Int32Array(Math.min(chunkWords, Math.max(words, old.length + step)));
    grown.set(old);
    this.words[last] = grown;
    this.bytes[last] = Buffer.from(grown.buffer);
    this.#wordCount += grown.length - old.length;
  }
}

function classOf(words: number): number {
  if (words <= exactWords) return words;
  const exponent = 31 - Math.clz32(words);
  return exactWords + (exponent - 6) * 8 + ((words >>> (exponent - 3)) & 7) + 1;
}

/** The chunk of an address, and where in it. */
export function chunkOf(address: number): number {
  return address >>> chunkShift;
}
export function inChunk(address: number): number {
  return address & chunkMask;
}
