/** Collects what is to be logged, and makes the blocks of the index of it (the format is in index-format.ts). */
import { fingerprint } from '../codec/fingerprint.js';
import { isOneByte } from '../codec/one-byte.js';
import type { StoredKey } from '../memory/stored-key.js';
import {
  authenticatedOf,
  BlockKind,
  type BlockSeal,
  blockAlignment,
  blockHeaderBytes,
  blockMagic,
  extrasFlag,
  type Location,
  type LogHeader,
  Operation,
  sumOfBlock,
  twoByteFlag,
} from './index-format.js';

/** Room to begin a block with; it grows. */
const roomBytes = 128 * 1024;

/** What a block will say, which has no sequence number yet. */
interface Closed {
  readonly operations: Buffer;
  /** Hashes of the keys in it. */
  readonly touched: readonly number[];
}

export class LogWriter {
  readonly #blockBytes: number;
  readonly #seal: BlockSeal | undefined;
  #header: LogHeader;
  #bytes = Buffer.alloc(roomBytes);
  /** The same bytes, for numbers: many times as fast as a Buffer's own methods. */
  #view = viewOf(this.#bytes);
  #at = 0;
  /** Hashes of the keys in the block that is being filled. */
  #touched: number[] = [];
  /** Those of the block that was made last, which the next one in the file repeats. */
  #touchedLast: readonly number[] = [];
  #closed: Closed[] = [];

  /** @param blockBytes A block is closed once it has so much. */
  constructor(header: LogHeader, blockBytes: number, seal: BlockSeal | undefined) {
    this.#header = header;
    this.#blockBytes = blockBytes;
    this.#seal = seal;
  }

  /** Hashes of the keys in the last block that was made. */
  get touchedLast(): readonly number[] {
    return this.#touchedLast;
  }

  /** What is taken from now on is for the file with this header, whose last block has keys with these hashes. */
  writeTo(header: LogHeader, touchedLast: readonly number[]): void {
    this.#header = header;
    this.#touchedLast = touchedLast;
  }

  /** True when there is nothing to commit. */
  get isEmpty(): boolean {
    return this.#closed.length === 0 && this.#at === 0;
  }

  /** Blocks that are full, in memory. */
  get fullBlocks(): number {
    return this.#closed.length;
  }

  set(key: StoredKey, location: Location): void {
    const { page, recordBytes, generation, expiresAtMs, ownSize } = location;
    const hasExtras = expiresAtMs !== 0 || ownSize !== 0;
    this.#key(Operation.Set | (hasExtras ? extrasFlag : 0), key);
    this.#room(24);
    const view = this.#view;
    const at = this.#at;
    view.setUint32(at, page, true);
    view.setInt32(at + 4, recordBytes, true);
    view.setInt32(at + 8, generation, true);
    if (hasExtras) {
      view.setFloat64(at + 12, expiresAtMs, true);
      view.setUint32(at + 20, ownSize, true);
    }
    this.#at = at + (hasExtras ? 24 : 12);
    this.#closeIfFull();
  }

  delete(key: StoredKey): void {
    this.#key(Operation.Delete, key);
    this.#closeIfFull();
  }

  clear(): void {
    this.#room(1)[this.#at++] = Operation.Clear;
    this.#closeIfFull();
  }

  /** So many keys are about to come. */
  expect(keys: number): void {
    const bytes = this.#room(5);
    bytes[this.#at] = Operation.Expect;
    this.#at = bytes.writeUInt32LE(keys, this.#at + 1);
  }

  /** A shape of records, with the next number. */
  shape(keys: readonly string[]): void {
    const bytes = this.#room(3);
    bytes[this.#at] = Operation.Shape;
    this.#at = bytes.writeUInt16LE(keys.length, this.#at + 1);
    for (const key of keys) this.#text(key);
    this.#closeIfFull();
  }

  /** The full blocks, as a part of the flush that began with block `first`; the first of them is number `sequence`. */
  takeFull(sequence: number, first: number): Buffer[] {
    const closed = this.#closed;
    this.#closed = [];
    return closed.map((one, index) => this.#block(one, sequence + index, first, BlockKind.Part));
  }

  /** All that was collected, and the commit of that flush; what comes next is of the next one. */
  takeAll(sequence: number, first: number): Buffer[] {
    this.#close();
    const last = this.#closed.pop()!;
    const blocks = this.takeFull(sequence, first);
    blocks.push(this.#block(last, sequence + blocks.length, first, BlockKind.Commit));
    return blocks;
  }

  /** Forgets all that was collected, as a list of everything is about to say it. */
  drop(): Buffer[] {
    this.#close();
    this.#closed = [];
    return [];
  }

  #key(operation: number, key: StoredKey): void {
    const bytes = this.#room(7 + key.byteLength);
    bytes[this.#at] = operation | (key.twoByte ? twoByteFlag : 0);
    this.#view.setUint16(this.#at + 1, key.length, true);
    this.#view.setInt32(this.#at + 3, key.hash, true);
    key.copyTo(bytes, this.#at + 7);
    this.#at += 7 + key.byteLength;
    this.#touched.push(key.hash);
  }

  #text(text: string): void {
    const twoByte = !isOneByte(text);
    const bytes = this.#room(2 + 2 * text.length);
    const at = bytes.writeUInt16LE(text.length | (twoByte ? 0x8000 : 0), this.#at);
    const written = twoByte
      ? bytes.ucs2Write(text, at, 2 * text.length)
      : bytes.latin1Write(text, at, text.length);
    this.#at = at + written;
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) {
      const grown = Buffer.alloc(2 * (this.#at + bytes));
      this.#bytes.copy(grown, 0, 0, this.#at);
      this.#bytes = grown;
      this.#view = viewOf(grown);
    }
    return this.#bytes;
  }

  #closeIfFull(): void {
    if (this.#at >= this.#blockBytes) this.#close();
  }

  #close(): void {
    this.#closed.push({ operations: Buffer.from(this.#bytes.subarray(0, this.#at)), touched: this.#touched });
    this.#touched = [];
    this.#at = 0;
  }

  #block(closed: Closed, sequence: number, first: number, kind: BlockKind): Buffer {
    const { salt, seedA, seedB } = this.#header;
    const plain = payloadOf(this.#touchedLast, closed.operations);
    this.#touchedLast = closed.touched;
    const payload = this.#seal?.seal(plain, authenticatedOf(salt, sequence, first, kind)) ?? plain;
    const bytes = Math.ceil((blockHeaderBytes + payload.length) / blockAlignment) * blockAlignment;
    const block = Buffer.alloc(bytes);
    payload.copy(block, blockHeaderBytes);
    block.writeUInt32LE(blockMagic, 0);
    block.writeUInt32LE(payload.length, 4);
    block.writeUInt32LE(sequence, 8);
    block.writeUInt32LE(kind, 12);
    block.writeUInt32LE(first, 24);
    sumOfBlock(block, payload.length, seedA, seedB);
    block.writeInt32LE(fingerprint.a, 16);
    block.writeInt32LE(fingerprint.b, 20);
    return block;
  }
}

function payloadOf(touchedBefore: readonly number[], operations: Buffer): Buffer {
  const from = 4 + 4 * touchedBefore.length;
  const payload = Buffer.allocUnsafe(from + operations.length);
  const view = viewOf(payload);
  view.setUint32(0, touchedBefore.length, true);
  for (let index = 0; index < touchedBefore.length; index++)
    view.setInt32(4 + 4 * index, touchedBefore[index]!, true);
  operations.copy(payload, from);
  return payload;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
