/**
 * The index of a persistent store, as a log: where the value of each key lies, in the order in which that changed. It
 * begins as a list of all keys and grows by what changes; when it has grown far beyond that it is written anew.
 *
 *     file   header of 4,096 bytes, then blocks
 *     block  8 words: magic, payload bytes, sequence, kind, sum (2), first sequence of its flush, 0;
 *            then the payload: hashes of the keys in the block before, operations; padded to 32 bytes
 *
 * A flush is one or more blocks, the last of which is a commit. It counts if all of its blocks are sound: so a flush
 * that a crash has torn is no flush, whatever parts of it reached the disk in whatever order. A block that is damaged
 * later costs the keys in it, which the next block names by their hashes, so that no old value of theirs comes back.
 *
 * This file knows the format and no file system: `LogWriter` makes blocks, `readLog` reads them back.
 */
import { fingerprint, takeFingerprintOf } from '../codec/fingerprint.js';
import { isOneByte } from '../codec/one-byte.js';
import { hashKey } from '../memory/key-hash.js';

export const logHeaderBytes = 4096;
const headerMagic = Buffer.from('SWAPINDX', 'latin1');
const logVersion = 1;
const blockMagic = 0x424a5753; // 'SWJB'
const blockHeaderBytes = 32;
const alignment = 32;
/** Room to begin a block with; it grows. */
const roomBytes = 128 * 1024;
/** No block is larger: the longest key, two bytes a character, many times over. */
const blockBytesMax = 16 * 1024 * 1024;
const serializerNameMax = 1024;

const enum BlockKind {
  Part = 1,
  Commit = 2,
}

const enum Operation {
  Set = 1,
  Delete = 2,
  Clear = 3,
  Shape = 4,
}
const operationMask = 7;
const twoByteFlag = 16;
const extrasFlag = 32;

/** What the files of a store have in common, and no other store has. */
export interface LogIdentity {
  readonly pageSize: number;
  readonly seedA: number;
  readonly seedB: number;
  /** The name of the user's serializer; empty for the built-in codec. */
  readonly serializer: string;
}

/** Where a value lies, as the index says it. */
export interface Location {
  page: number;
  recordBytes: number;
  generation: number;
  expiresAtMs: number;
  ownSize: number;
}

export function makeLogHeader(identity: LogIdentity): Buffer {
  const header = Buffer.alloc(logHeaderBytes);
  headerMagic.copy(header);
  header.writeUInt32LE(logVersion, 8);
  header.writeUInt32LE(identity.pageSize, 12);
  header.writeInt32LE(identity.seedA, 16);
  header.writeInt32LE(identity.seedB, 20);
  const name = Buffer.from(identity.serializer.slice(0, serializerNameMax));
  header.writeUInt32LE(name.length, 24);
  name.copy(header, 40);
  sumOfHeader(header);
  header.writeInt32LE(fingerprint.a, 32);
  header.writeInt32LE(fingerprint.b, 36);
  return header;
}

/** The identity in a header, or undefined when it is none of this version. */
export function readLogHeader(header: Buffer): LogIdentity | undefined {
  if (header.length < logHeaderBytes || !header.subarray(0, 8).equals(headerMagic)) return undefined;
  sumOfHeader(header);
  if (header.readInt32LE(32) !== fingerprint.a || header.readInt32LE(36) !== fingerprint.b) return undefined;
  const nameBytes = header.readUInt32LE(24);
  if (header.readUInt32LE(8) !== logVersion || nameBytes > logHeaderBytes - 40) return undefined;
  return {
    pageSize: header.readUInt32LE(12),
    seedA: header.readInt32LE(16),
    seedB: header.readInt32LE(20),
    serializer: header.toString('utf8', 40, 40 + nameBytes),
  };
}

/** The sum of a header, for which its own place counts as zeros. */
function sumOfHeader(header: Buffer): void {
  takeFingerprintOf(Buffer.from(header.subarray(0, logHeaderBytes)).fill(0, 32, 40), 0, 0);
}

/** Collects operations and makes blocks of them. */
export class LogWriter {
  readonly #seedA: number;
  readonly #seedB: number;
  readonly #blockBytes: number;
  #bytes = Buffer.alloc(roomBytes);
  #at = 0;
  /** Hashes of the keys in the block that is being filled, and in the one before it. */
  #touched: number[] = [];
  #touchedBefore: number[] = [];
  /** Full blocks that have no sequence number yet. */
  #closed: Buffer[] = [];

  /** @param blockBytes A block is closed once it has so much. */
  constructor(identity: LogIdentity, blockBytes: number) {
    this.#blockBytes = blockBytes;
    this.#seedA = identity.seedA;
    this.#seedB = identity.seedB;
    this.#begin();
  }

  /** True when there is nothing to commit. */
  get isEmpty(): boolean {
    return this.#closed.length === 0 && this.#at === this.#start;
  }

  /** Blocks that are full, in memory. */
  get fullBlocks(): number {
    return this.#closed.length;
  }

  set(key: string, location: Location): void {
    const { page, recordBytes, generation, expiresAtMs, ownSize } = location;
    const hasExtras = expiresAtMs !== 0 || ownSize !== 0;
    this.#key(Operation.Set | (hasExtras ? extrasFlag : 0), key);
    const bytes = this.#room(24);
    let at = bytes.writeUInt32LE(page, this.#at);
    at = bytes.writeInt32LE(recordBytes, at);
    at = bytes.writeInt32LE(generation, at);
    if (hasExtras) at = bytes.writeUInt32LE(ownSize, bytes.writeDoubleLE(expiresAtMs, at));
    this.#at = at;
    this.#closeIfFull();
  }

  delete(key: string): void {
    this.#key(Operation.Delete, key);
    this.#closeIfFull();
  }

  clear(): void {
    this.#room(1)[this.#at++] = Operation.Clear;
    this.#closeIfFull();
  }

  /** A shape of records, with the next number. */
  shape(keys: readonly string[]): void {
    const bytes = this.#room(3);
    bytes[this.#at] = Operation.Shape;
    bytes.writeUInt16LE(keys.length, this.#at + 1);
    this.#at += 3;
    for (const key of keys) this.#text(key);
    this.#closeIfFull();
  }

  /** The full blocks, as a part of the flush that began with block `first`; the first of them is number `sequence`. */
  takeFull(sequence: number, first: number): Buffer[] {
    const blocks = this.#closed;
    this.#closed = [];
    for (const [index, block] of blocks.entries())
      this.#number(block, sequence + index, first, BlockKind.Part);
    return blocks;
  }

  /** All that was collected, and the commit of that flush; what comes next is of the next one. */
  takeAll(sequence: number, first: number): Buffer[] {
    this.#close();
    const blocks = this.takeFull(sequence, first);
    this.#number(blocks.at(-1)!, sequence + blocks.length - 1, first, BlockKind.Commit);
    return blocks;
  }

  get #start(): number {
    return blockHeaderBytes + 4 + 4 * this.#touchedBefore.length;
  }

  #begin(): void {
    this.#at = 0;
    const bytes = this.#room(this.#start);
    bytes.writeUInt32LE(this.#touchedBefore.length, blockHeaderBytes);
    this.#touchedBefore.forEach((hash, index) => {
      bytes.writeInt32LE(hash, blockHeaderBytes + 4 + 4 * index);
    });
    this.#at = this.#start;
  }

  #key(operation: number, key: string): void {
    const twoByte = !isOneByte(key);
    const bytes = this.#room(3);
    bytes[this.#at] = operation | (twoByte ? twoByteFlag : 0);
    bytes.writeUInt16LE(key.length, this.#at + 1);
    this.#at += 3;
    this.#characters(key, twoByte);
    this.#touched.push(hashKey(key, this.#seedA, this.#seedB));
  }

  #text(text: string): void {
    const twoByte = !isOneByte(text);
    this.#room(2).writeUInt16LE(text.length | (twoByte ? 0x8000 : 0), this.#at);
    this.#at += 2;
    this.#characters(text, twoByte);
  }

  #characters(text: string, twoByte: boolean): void {
    const bytes = this.#room(2 * text.length);
    this.#at += twoByte
      ? bytes.ucs2Write(text, this.#at, 2 * text.length)
      : bytes.latin1Write(text, this.#at, text.length);
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#bytes.length) {
      const grown = Buffer.alloc(2 * (this.#at + bytes));
      this.#bytes.copy(grown, 0, 0, this.#at);
      this.#bytes = grown;
    }
    return this.#bytes;
  }

  #closeIfFull(): void {
    if (this.#at >= this.#blockBytes) this.#close();
  }

  #close(): void {
    const block = Buffer.alloc(Math.ceil(this.#at / alignment) * alignment);
    this.#bytes.copy(block, 0, 0, this.#at);
    block.writeUInt32LE(blockMagic, 0);
    block.writeUInt32LE(this.#at - blockHeaderBytes, 4);
    this.#closed.push(block);
    this.#touchedBefore = this.#touched;
    this.#touched = [];
    this.#begin();
  }

  #number(block: Buffer, sequence: number, first: number, kind: BlockKind): void {
    block.writeUInt32LE(sequence, 8);
    block.writeUInt32LE(kind, 12);
    block.writeUInt32LE(first, 24);
    sumOfBlock(block, block.readUInt32LE(4), this.#seedA, this.#seedB);
    block.writeInt32LE(fingerprint.a, 16);
    block.writeInt32LE(fingerprint.b, 20);
  }
}

/** The sum of a block: of its payload, and of the header by way of the seeds. */
function sumOfBlock(block: Buffer, payloadBytes: number, seedA: number, seedB: number): void {
  const payload = block.subarray(blockHeaderBytes, blockHeaderBytes + payloadBytes);
  const sequence = block.readUInt32LE(8);
  const kindAndFirst = Math.imul(block.readUInt32LE(24), 8) ^ block.readUInt32LE(12);
  takeFingerprintOf(payload, seedA ^ Math.imul(sequence, 0x9e3779b1), seedB ^ kindAndFirst);
}

/** What a log says, in its order. */
export interface LogVisitor {
  set(key: string, location: Location): void;
  delete(key: string): void;
  clear(): void;
  shape(keys: string[]): void;
  /** A block is damaged: keys with one of these hashes are not what the log says so far; all keys if undefined. */
  damaged(isTouched: ((key: string) => boolean) | undefined): void;
}

/** Where a log ends, and what its next block is numbered. */
export interface LogEnd {
  readonly bytes: number;
  readonly sequence: number;
}

interface Block {
  readonly offset: number;
  readonly bytes: number;
  readonly sequence: number;
  readonly kind: number;
  /** Of the first block of its flush. */
  readonly first: number;
  /** Blocks that are missing before it. */
  missing: number;
}

/** Returns up to `bytes` bytes of a file from `offset` on; they are good until the next call. */
export type ReadAt = (offset: number, bytes: number) => Buffer;

/** Reads the log of `length` bytes and tells `visitor` all that was committed. */
export function readLog(identity: LogIdentity, length: number, read: ReadAt, visitor: LogVisitor): LogEnd {
  const blocks: Block[] = [];
  let committed = 0;
  let end: LogEnd = { bytes: logHeaderBytes, sequence: 1 };
  let expected = 1;
  // Blocks from this sequence number on follow each other without a gap.
  let wholeFrom = 1;
  for (let offset = logHeaderBytes; offset + blockHeaderBytes <= length; ) {
    const block = readBlock(identity, offset, length, read);
    if (block === undefined || block.sequence < expected) {
      // Torn, or damaged: what comes behind it, if anything does, will tell.
      offset += alignment;
      continue;
    }
    block.missing = block.sequence - expected;
    if (block.missing > 0) wholeFrom = block.sequence;
    blocks.push(block);
    expected = block.sequence + 1;
    offset += block.bytes;
    if (block.kind !== BlockKind.Commit || block.first < wholeFrom) continue;
    // What came before was on the disk when this flush began: if some of it is missing now, it was damaged since.
    committed = blocks.length;
    end = { bytes: offset, sequence: expected };
  }
  for (const block of blocks.slice(0, committed)) applyBlock(block, read, identity, visitor);
  return end;
}

function readBlock(identity: LogIdentity, offset: number, length: number, read: ReadAt): Block | undefined {
  const header = read(offset, blockHeaderBytes);
  if (header.length < blockHeaderBytes || header.readUInt32LE(0) !== blockMagic) return undefined;
  const payloadBytes = header.readUInt32LE(4);
  const bytes = Math.ceil((blockHeaderBytes + payloadBytes) / alignment) * alignment;
  if (bytes > blockBytesMax || offset + bytes > length) return undefined;
  const block = read(offset, bytes);
  if (block.length < bytes) return undefined;
  sumOfBlock(block, payloadBytes, identity.seedA, identity.seedB);
  if (block.readInt32LE(16) !== fingerprint.a || block.readInt32LE(20) !== fingerprint.b) return undefined;
  const sequence = block.readUInt32LE(8);
  return { offset, bytes, sequence, kind: block.readUInt32LE(12), first: block.readUInt32LE(24), missing: 0 };
}

/** Its sum has been checked, so that its content is what a writer has made. */
function applyBlock(block: Block, read: ReadAt, identity: LogIdentity, visitor: LogVisitor): void {
  const bytes = read(block.offset, block.bytes);
  const end = blockHeaderBytes + bytes.readUInt32LE(4);
  const touchedCount = bytes.readUInt32LE(blockHeaderBytes);
  let at = blockHeaderBytes + 4 + 4 * touchedCount;
  if (block.missing === 1) {
    const touched = new Set<number>();
    for (let index = 0; index < touchedCount; index++)
      touched.add(bytes.readInt32LE(blockHeaderBytes + 4 + 4 * index));
    visitor.damaged((key) => touched.has(hashKey(key, identity.seedA, identity.seedB)));
  } else if (block.missing > 1) {
    visitor.damaged(undefined);
  }
  while (at < end) {
    const head = bytes[at]!;
    const operation: Operation = head & operationMask;
    if (operation === Operation.Clear) {
      visitor.clear();
      at++;
      continue;
    }
    const count = bytes.readUInt16LE(at + 1);
    at += 3;
    if (operation === Operation.Shape) {
      const keys: string[] = [];
      for (let index = 0; index < count; index++) {
        const word = bytes.readUInt16LE(at);
        const key = textAt(bytes, at + 2, word & 0x7fff, (word & 0x8000) !== 0);
        at += 2 + (word & 0x7fff) * ((word & 0x8000) !== 0 ? 2 : 1);
        keys.push(key);
      }
      visitor.shape(keys);
      continue;
    }
    const twoByte = (head & twoByteFlag) !== 0;
    const key = textAt(bytes, at, count, twoByte);
    at += twoByte ? 2 * count : count;
    if (operation === Operation.Delete) {
      visitor.delete(key);
      continue;
    }
    const hasExtras = (head & extrasFlag) !== 0;
    visitor.set(key, {
      page: bytes.readUInt32LE(at),
      recordBytes: bytes.readInt32LE(at + 4),
      generation: bytes.readInt32LE(at + 8),
      expiresAtMs: hasExtras ? bytes.readDoubleLE(at + 12) : 0,
      ownSize: hasExtras ? bytes.readUInt32LE(at + 20) : 0,
    });
    at += hasExtras ? 24 : 12;
  }
}

function textAt(bytes: Buffer, from: number, length: number, twoByte: boolean): string {
  return twoByte ? bytes.ucs2Slice(from, from + 2 * length) : bytes.latin1Slice(from, from + length);
}
