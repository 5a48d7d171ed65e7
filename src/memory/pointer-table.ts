/**
 * All keys of the store, and where each value lies: the key -> VmPointer map, off the V8 heap. What is known of a key
 * is one record in an arena, so that a look-up costs one bucket and one record; the key's slot is the record's address
 * and stays the same for life, whether the value is in memory or in the file, so that iteration is sound while values
 * move. Some 35 bytes a key and the key's own bytes, where a Map of objects takes 180.
 *
 *     word 0  hash                  word 3  generation of the latest value
 *     word 1  first page            word 4  key length (16 bits), flags (8), coarse stamp (8)
 *     word 2  bytes in the file,    word 5  number of the extras (ttl, own size), 0 = none
 *             0 = no copy there     then the key, one byte or two a character
 *
 * A block that was freed keeps word 4, which says how long it is; its flags say that it is not live.
 */
import { isOneByte } from '../codec/one-byte.js';
import { assert } from '../errors.js';
import { prefixIn } from '../key-prefix.js';
import { chunkOf, chunkWords, inChunk, KeyArena } from './key-arena.js';
import { KeyExtras } from './key-extras.js';
import { hashKey } from './key-hash.js';
import { KeyIndex, tagOf } from './key-index.js';
import { StoredKey } from './stored-key.js';

/** No slot. */
export const none = -1;

const pageWord = 1;
const bytesWord = 2;
const generationWord = 3;
const shapeWord = 4;
const extrasWord = 5;
const headWords = 6;

const liveFlag = 1 << 16;
const twoByteFlag = 1 << 17;
const residentFlag = 1 << 18;
/** Of every block, live or freed: tells one that was the empty key's from the zeros at the end of a chunk. */
const blockFlag = 1 << 19;
/** The key has a prefix, and is counted under it. */
const prefixedFlag = 1 << 20;
const stampShift = 24;

export class PointerTable {
  readonly #seedA: number;
  readonly #seedB: number;
  readonly #arena = new KeyArena();
  readonly #index = new KeyIndex((slot) => this.hashAt(slot));
  readonly #extras = new KeyExtras();
  readonly #stored = new StoredKey();
  #size = 0;
  /** Keys with a prefix, of all and of each. */
  #prefixed = 0;
  readonly #prefixes = new Map<string, number>();
  /** Times `clear` was called. A slot from before it means nothing after it: whoever walks begins again. */
  clears = 0;

  constructor(seedA: number, seedB: number) {
    this.#seedA = seedA;
    this.#seedB = seedB;
  }

  /** Keys in the table. */
  get size(): number {
    return this.#size;
  }

  /** Keys that begin with `prefix`, which is one as key-prefix.ts has it; with none, where it is empty. */
  countOf(prefix: string): number {
    return prefix === '' ? this.#size - this.#prefixed : (this.#prefixes.get(prefix) ?? 0);
  }

  /** The prefixes that some key has. */
  get prefixes(): Iterable<string> {
    return this.#prefixes.keys();
  }

  /** Memory that the table takes. */
  get bytes(): number {
    return this.#arena.byteLength + this.#index.bytes + this.#extras.bytes;
  }

  hash(key: string): number {
    return hashKey(key, this.#seedA, this.#seedB);
  }

  /** The slot of a key, or none. */
  find(key: string, hash: number): number {
    const { slots, tags, mask } = this.#index.segmentOf(hash);
    const tag = tagOf(hash);
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const seen = tags[at]!;
      if (seen === 0) return none;
      if (seen !== tag) continue;
      const slot = slots[at]!;
      const words = this.#arena.words[chunkOf(slot)]!;
      if (words[inChunk(slot)] === hash && this.#isKey(slot, key)) return slot;
    }
  }

  /** Adds a key that is not there: no pages, no generation, not resident. */
  insert(key: string, hash: number): number {
    const twoByte = !isOneByte(key);
    const slot = this.#place(hash, key.length, twoByte);
    this.#writeKey(slot, key, twoByte);
    if (key.charCodeAt(0) === 0) this.#countPrefix(slot);
    return slot;
  }

  /** The slot of a key that is given as bytes, which is added where it is not there. */
  findOrInsert(key: StoredKey): number {
    const found = this.findStored(key);
    if (found !== none) return found;
    const slot = this.#place(key.hash, key.length, key.twoByte);
    key.copyToWords(this.#arena.words[chunkOf(slot)]!, inChunk(slot) + headWords);
    if (key.beginsWithNul) this.#countPrefix(slot);
    return slot;
  }

  /** The slot of a key that is given as bytes, or none. */
  findStored(key: StoredKey): number {
    const { slots, tags, mask } = this.#index.segmentOf(key.hash);
    const tag = tagOf(key.hash);
    for (let at = key.hash & mask; tags[at] !== 0; at = (at + 1) & mask) {
      if (tags[at] === tag && this.#isStored(slots[at]!, key)) return slots[at]!;
    }
    return none;
  }

  /** A table that is empty makes room for `keys` keys, so that it need not grow by steps. */
  expect(keys: number): void {
    if (this.#size === 0) this.#index.expect(keys);
  }

  /** Enters a block for a key whose bytes are not there yet. */
  #place(hash: number, length: number, twoByte: boolean): number {
    // First what can fail for want of memory, so that a failure leaves no key that only a walk would meet.
    this.#index.reserve(hash);
    const slot = this.#arena.take(blockWordsOf(length, twoByte));
    const words = this.#arena.words[chunkOf(slot)]!;
    const at = inChunk(slot);
    words[at] = hash;
    words[at + pageWord] = 0;
    words[at + bytesWord] = 0;
    words[at + generationWord] = 0;
    words[at + shapeWord] = length | blockFlag | liveFlag | (twoByte ? twoByteFlag : 0);
    words[at + extrasWord] = 0;
    this.#index.add(slot, hash);
    this.#size++;
    return slot;
  }

  remove(slot: number): void {
    const words = this.#arena.words[chunkOf(slot)]!;
    const at = inChunk(slot);
    const shape = words[at + shapeWord]!;
    assert((shape & liveFlag) !== 0, 'only a live key can be removed');
    if ((shape & prefixedFlag) !== 0) this.#uncountPrefix(this.prefixAt(slot));
    this.#index.remove(slot, words[at]!);
    if (words[at + extrasWord] !== 0) this.#extras.giveBack(words[at + extrasWord]!);
    words[at + shapeWord] = shape & ~liveFlag;
    this.#arena.giveBack(slot, blockWordsOf(shape & 0xffff, (shape & twoByteFlag) !== 0));
    this.#size--;
  }

  keyAt(slot: number): string {
    const shape = this.#word(slot, shapeWord);
    const length = shape & 0xffff;
    const bytes = this.#arena.bytes[chunkOf(slot)]!;
    const from = (inChunk(slot) + headWords) * 4;
    if ((shape & twoByteFlag) !== 0) return bytes.ucs2Slice(from, from + 2 * length);
    return bytes.latin1Slice(from, from + length);
  }

  /** The prefix of a slot's key; empty where it has none. */
  prefixAt(slot: number): string {
    return (this.#word(slot, shapeWord) & prefixedFlag) === 0 ? '' : prefixIn(this.keyAt(slot));
  }

  #countPrefix(slot: number): void {
    const prefix = prefixIn(this.keyAt(slot));
    if (prefix === '') return;
    this.#setWord(slot, shapeWord, this.#word(slot, shapeWord) | prefixedFlag);
    this.#prefixes.set(prefix, (this.#prefixes.get(prefix) ?? 0) + 1);
    this.#prefixed++;
  }

  #uncountPrefix(prefix: string): void {
    const count = this.#prefixes.get(prefix)! - 1;
    if (count === 0) this.#prefixes.delete(prefix);
    else this.#prefixes.set(prefix, count);
    this.#prefixed--;
  }

  /** The key of a slot as bytes; good until the next call. */
  storedKey(slot: number): StoredKey {
    const shape = this.#word(slot, shapeWord);
    const stored = this.#stored;
    stored.bytes = this.#arena.bytes[chunkOf(slot)]!;
    stored.from = (inChunk(slot) + headWords) * 4;
    stored.length = shape & 0xffff;
    stored.twoByte = (shape & twoByteFlag) !== 0;
    stored.hash = this.hashAt(slot);
    return stored;
  }

  hashAt(slot: number): number {
    return this.#word(slot, 0);
  }

  isLive(slot: number): boolean {
    return (this.#word(slot, shapeWord) & liveFlag) !== 0;
  }

  // ── The pointer ──

  page(slot: number): number {
    return this.#word(slot, pageWord) >>> 0;
  }

  /** Bytes of the record in the file; 0 when there is none. */
  recordBytes(slot: number): number {
    return this.#word(slot, bytesWord);
  }

  setPointer(slot: number, page: number, recordBytes: number): void {
    const words = this.#arena.words[chunkOf(slot)]!;
    const at = inChunk(slot);
    words[at + pageWord] = page;
    words[at + bytesWord] = recordBytes;
  }

  clearPointer(slot: number): void {
    this.setPointer(slot, 0, 0);
  }

  generation(slot: number): number {
    return this.#word(slot, generationWord);
  }

  setGeneration(slot: number, generation: number): void {
    this.#setWord(slot, generationWord, generation);
  }

  isResident(slot: number): boolean {
    return (this.#word(slot, shapeWord) & residentFlag) !== 0;
  }

  setResident(slot: number, resident: boolean): void {
    const shape = this.#word(slot, shapeWord);
    this.#setWord(slot, shapeWord, resident ? shape | residentFlag : shape & ~residentFlag);
  }

  /** When the value left memory, in steps of the pager's coarse clock, 0 to 255. */
  stamp(slot: number): number {
    return this.#word(slot, shapeWord) >>> stampShift;
  }

  setStamp(slot: number, stamp: number): void {
    const shape = this.#word(slot, shapeWord) & 0xffffff;
    this.#setWord(slot, shapeWord, shape | (stamp << stampShift));
  }

  // ── The extras: what few keys have ──

  /** ms since the epoch; 0 = never. */
  expiresAtMs(slot: number): number {
    const extras = this.#word(slot, extrasWord);
    return extras === 0 ? 0 : this.#extras.expiresAtMs(extras);
  }

  /** How long after that the value may be used where nothing newer is at hand, ms. */
  graceMs(slot: number): number {
    const extras = this.#word(slot, extrasWord);
    return extras === 0 ? 0 : this.#extras.graceMs(extras);
  }

  /** The size that the user gave, bytes; 0 = none. */
  ownSize(slot: number): number {
    const extras = this.#word(slot, extrasWord);
    return extras === 0 ? 0 : this.#extras.size(extras);
  }

  setExtras(slot: number, expiresAtMs: number, graceMs: number, ownSize: number): void {
    let extras = this.#word(slot, extrasWord);
    if (expiresAtMs === 0 && ownSize === 0) {
      if (extras === 0) return;
      this.#extras.giveBack(extras);
      this.#setWord(slot, extrasWord, 0);
      return;
    }
    if (extras === 0) {
      extras = this.#extras.take();
      this.#setWord(slot, extrasWord, extras);
    }
    this.#extras.set(extras, slot, expiresAtMs, graceMs, ownSize);
  }

  /**
   * The slot of an entry that has ended by `nowMs`, among the next `count` that can; none when those have not. The walk
   * goes on where it was, and `sweepIsOver` after the last.
   */
  sweep(count: number, nowMs: number): number {
    return this.#extras.nextEnded(this.#extras.cursor, count, nowMs);
  }

  get sweepIsOver(): boolean {
    return this.#extras.cursor === 0;
  }

  // ── All keys ──

  /**
   * The live slot after `previous`, in the order of the arena; none at the end. Begin with none. Every key that is
   * there for the whole walk is met once, whatever is added and removed meanwhile; `clear` ends the walk, see `clears`.
   */
  next(previous: number): number {
    let slot = previous === none ? 0 : previous + this.#blockWordsAt(previous);
    for (;;) {
      if (this.#arena.endsAt(slot)) return none;
      // A chunk whose end no block fits into ends in zeros, or in nothing; the next block begins the next chunk.
      const shape = this.#arena.words[chunkOf(slot)]![inChunk(slot) + shapeWord] ?? 0;
      if (shape === 0) slot = (chunkOf(slot) + 1) * chunkWords;
      else if ((shape & liveFlag) !== 0) return slot;
      else slot += this.#blockWordsAt(slot);
    }
  }

  /**
   * Calls `visit` for each slot whose hash lies in the segment of `hash`, and returns the first hash behind it, or
   * undefined after the last. Begin with 0. Whatever is added and removed between two calls, every key that is there for
   * the whole walk is met once, in the order of the hashes' top bits; `clear` ends the walk, see `clears`.
   */
  visitSegment(hash: number, visit: (slot: number) => void): number | undefined {
    return this.#index.visitSegment(hash, visit);
  }

  /** Some live slot, chosen by 32 random bits; none when the table is empty. */
  sample(random: number): number {
    return this.#size === 0 ? none : this.#index.sample(random);
  }

  clear(): void {
    this.#arena.clear();
    this.#index.clear();
    this.#extras.clear();
    this.#prefixes.clear();
    this.#prefixed = 0;
    this.#size = 0;
    this.clears++;
  }

  #blockWordsAt(slot: number): number {
    const shape = this.#word(slot, shapeWord);
    return blockWordsOf(shape & 0xffff, (shape & twoByteFlag) !== 0);
  }

  #word(slot: number, word: number): number {
    return this.#arena.words[chunkOf(slot)]![inChunk(slot) + word]!;
  }

  #setWord(slot: number, word: number, value: number): void {
    this.#arena.words[chunkOf(slot)]![inChunk(slot) + word] = value;
  }

  #isStored(slot: number, key: StoredKey): boolean {
    const words = this.#arena.words[chunkOf(slot)]!;
    const at = inChunk(slot);
    if (words[at] !== key.hash) return false;
    const shape = words[at + shapeWord]!;
    if ((shape & 0xffff) !== key.length || ((shape & twoByteFlag) !== 0) !== key.twoByte) return false;
    return key.isAt(this.#arena.bytes[chunkOf(slot)]!, (at + headWords) * 4);
  }

  #isKey(slot: number, key: string): boolean {
    const shape = this.#word(slot, shapeWord);
    const { length } = key;
    if ((shape & 0xffff) !== length) return false;
    const bytes = this.#arena.bytes[chunkOf(slot)]!;
    let at = (inChunk(slot) + headWords) * 4;
    if ((shape & twoByteFlag) !== 0) {
      for (let index = 0; index < length; index++, at += 2) {
        if ((bytes[at]! | (bytes[at + 1]! << 8)) !== key.charCodeAt(index)) return false;
      }
      return true;
    }
    for (let index = 0; index < length; index++, at++) if (bytes[at] !== key.charCodeAt(index)) return false;
    return true;
  }

  #writeKey(slot: number, key: string, twoByte: boolean): void {
    const bytes = this.#arena.bytes[chunkOf(slot)]!;
    const at = (inChunk(slot) + headWords) * 4;
    if (twoByte) bytes.ucs2Write(key, at, 2 * key.length);
    else if (key.length > 64) bytes.latin1Write(key, at, key.length);
    else for (let index = 0; index < key.length; index++) bytes[at + index] = key.charCodeAt(index);
  }
}

function blockWordsOf(length: number, twoByte: boolean): number {
  return KeyArena.blockWords(headWords + Math.ceil((twoByte ? 2 * length : length) / 4));
}
