/** Collects what is to be logged, and makes the blocks of the index of it (the format is in index-format.ts). */
import { fingerprint } from '../codec/fingerprint.js';
import { isOneByte } from '../codec/one-byte.js';
import type { Shape } from '../codec/shapes.js';
import type { StoredKey } from '../memory/stored-key.js';
import {
  allKeys,
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
  repeated,
  sumOfBlock,
  type Touched,
  twoByteFlag,
} from './index-format.js';

/** Room to begin a block with; it grows. */
const roomBytes = 128 * 1024;

/** What a block will say, which has no sequence number yet. */
interface Closed {
  readonly operations: Buffer;
  readonly hashes: readonly number[] | undefined;
  readonly shapes: readonly Buffer[];
}

export class LogWriter {
  readonly #blockBytes: number;
  readonly #seal: BlockSeal | undefined;
  #header: LogHeader;
  #bytes = Buffer.alloc(roomBytes);
  /** The same bytes, for numbers: many times as fast as a Buffer's own methods. */
  #view = viewOf(this.#bytes);
  #at = 0;
  /** Hashes of the keys in the block that is being filled, its operations that are shapes, and if it has a clear. */
  #hashes: number[] = [];
  #shapes: Buffer[] = [];
  #hasClear = false;
  #shapeNumber = 0;
  /** What the next block in the file repeats. */
  #before: readonly Touched[] = [];
  #closed: Closed[] = [];

  /** @param blockBytes A block is closed once it has so much. */
  constructor(header: LogHeader, blockBytes: number, seal: BlockSeal | undefined) {
    this.#header = header;
    this.#blockBytes = blockBytes;
    this.#seal = seal;
  }

  /** The last blocks that were made. */
  get before(): readonly Touched[] {
    return this.#before;
  }

  /** What is taken from now on is for the file with this header, which ends with these blocks. */
  writeTo(header: LogHeader, before: readonly Touched[]): void {
    this.#header = header;
    this.#before = before;
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
    const { page, recordBytes, generation, expiresAtMs, graceMs, ownSize } = location;
    const hasExtras = expiresAtMs !== 0 || ownSize !== 0;
    this.#key(Operation.Set | (hasExtras ? extrasFlag : 0), key);
    this.#room(28);
    const view = this.#view;
    const at = this.#at;
    view.setUint32(at, page, true);
    view.setInt32(at + 4, recordBytes, true);
    view.setInt32(at + 8, generation, true);
    if (hasExtras) {
      view.setFloat64(at + 12, expiresAtMs, true);
      view.setUint32(at + 20, ownSize, true);
      view.setUint32(at + 24, graceMs, true);
    }
    this.#at = at + (hasExtras ? 28 : 12);
    this.#closeIfFull();
  }

  delete(key: StoredKey): void {
    this.#key(Operation.Delete, key);
    this.#closeIfFull();
  }

  clear(): void {
    this.#room(1)[this.#at++] = Operation.Clear;
    this.#hasClear = true;
    this.#closeIfFull();
  }

  /** So many keys are about to come. */
  expect(keys: number): void {
    const bytes = this.#room(5);
    bytes[this.#at] = Operation.Expect;
    this.#at = bytes.writeUInt32LE(keys, this.#at + 1);
  }

  /** A shape of records. */
  shape({ number, keys }: Pick<Shape, 'number' | 'keys'>): void {
    const from = this.#at;
    const bytes = this.#room(5);
    bytes[from] = Operation.Shape;
    bytes.writeUInt16LE(number, from + 1);
    this.#at = bytes.writeUInt16LE(keys.length, from + 3);
    for (const key of keys) this.#text(key);
    this.#shapes.push(Buffer.from(this.#bytes.subarray(from, this.#at)));
    this.expectShapes(number + 1);
    this.#closeIfFull();
  }

  /** Shapes below this number may be in records, whether they are known or not. */
  expectShapes(nextNumber: number): void {
    this.#shapeNumber = Math.max(this.#shapeNumber, nextNumber);
  }

  /** The full blocks, as those of a list; the first of them is number `sequence`. */
  takeListed(sequence: number): Buffer[] {
    return this.#closed
      .splice(0)
      .map((one, index) => this.#block(one, sequence + index, 1, BlockKind.Listed));
  }

  /** All that was collected, be it nothing, as a flush of its own; what comes next is of the next one. */
  takeAll(sequence: number): Buffer[] {
    this.#close();
    const closed = this.#closed.splice(0);
    const last = closed.length - 1;
    return closed.map((one, index) =>
      this.#block(one, sequence + index, sequence, index < last ? BlockKind.Part : BlockKind.Commit),
    );
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
    this.#hashes.push(key.hash);
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
    this.#closed.push({
      operations: Buffer.from(this.#bytes.subarray(0, this.#at)),
      hashes: this.#hasClear ? undefined : this.#hashes,
      shapes: this.#shapes,
    });
    this.#hashes = [];
    this.#shapes = [];
    this.#hasClear = false;
    this.#at = 0;
  }

  #block(closed: Closed, sequence: number, first: number, kind: BlockKind): Buffer {
    const { salt, seedA, seedB } = this.#header;
    const plain = this.#payloadOf(closed.operations);
    const payload = this.#seal?.seal(plain, authenticatedOf(salt, sequence, first, kind)) ?? plain;
    const bytes = Math.ceil((blockHeaderBytes + payload.length) / blockAlignment) * blockAlignment;
    this.#before = repeated({ hashes: closed.hashes, shapes: closed.shapes, bytes }, this.#before);
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

  #payloadOf(operations: Buffer): Buffer {
    const before = this.#before;
    const shapes = before.flatMap((block) => block.shapes);
    let words = 2 + before.length;
    for (const { hashes } of before) words += hashes?.length ?? 0;
    const head = Buffer.allocUnsafe(4 * words);
    const view = viewOf(head);
    let at = put(view, 0, this.#shapeNumber);
    at = put(view, at, before.length);
    for (const { hashes } of before) at = put(view, at, hashes?.length ?? allKeys);
    for (const { hashes } of before) for (const hash of hashes ?? []) at = put(view, at, hash);
    return Buffer.concat([head, ...shapes, operations]);
  }
}

function put(view: DataView, at: number, word: number): number {
  view.setInt32(at, word, true);
  return at + 4;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
