/**
 * The index of a persistent store, as a log: where the value of each key lies, in the order in which that changed. It
 * begins as a list of all keys and grows by what changes; when it has grown far beyond that it is written anew.
 *
 *     file       header of 4,096 bytes, then blocks
 *     block      8 words: magic, payload bytes, sequence, kind, sum (2), first sequence of its flush, 0;
 *                then the payload, padded to 32 bytes
 *     payload    number of the next new shape; count of the blocks before that it repeats; for each of them, the
 *                nearest first, the count of its keys, or 2^32 - 1 for all keys; the hashes of these keys; operations,
 *                first the shapes of the blocks that it repeats. Sealed as a whole where the store is encrypted
 *     operation  one byte that says what it is, then
 *                  set     length (2), hash (4), key, page (4), record bytes (4), generation (4), perhaps extras (16)
 *                  delete  length (2), hash (4), key
 *                  clear   nothing
 *                  shape   number (2), count (2), for each key of it length (2) and characters
 *                  expect  how many keys are about to come (4)
 *
 * A flush is one or more blocks, the last of which is a commit. It counts if all of its blocks are sound: so a flush
 * that a crash has torn is no flush, whatever parts of it reached the disk in whatever order. A block that is damaged
 * later costs the keys in it, which the next blocks name by their hashes, so that no old value of theirs comes back;
 * each names those of the last 4 KiB, as a disk loses whole sectors.
 * The last block of all has no next one, and looks as if it were torn: so a close adds a commit of nothing.
 *
 * A list is in the order of the hashes, so that reading it fills the table of keys from one end to the other. Its blocks
 * need no commit: the file got its name when all of them were on the disk.
 */
import { fingerprint, takeFingerprintOf } from '../codec/fingerprint.js';
import { saltBytes } from './record.js';

export const logHeaderBytes = 4096;
const headerMagic = Buffer.from('SWAPINDX', 'latin1');
const logVersion = 5;
export const blockMagic = 0x424a5753; // 'SWJB'
export const blockHeaderBytes = 32;
export const blockAlignment = 32;
/** No block is larger: the longest key, two bytes a character, many times over. */
export const blockBytesMax = 16 * 1024 * 1024;
/** What goes bad at once: a sector of a disk, or a page of memory. */
const damagedBytesMax = 4096;
const serializerNameMax = 1024;
const nameOffset = 56;

/** Stands for a count of keys: the block has a clear. */
export const allKeys = 0xffffffff;

/** What is to be known of a block when it is damaged: hashes of its keys, undefined for all keys; and its shapes. */
export interface Touched {
  readonly hashes: readonly number[] | undefined;
  readonly shapes: readonly Buffer[];
  readonly bytes: number;
}

/**
 * Adds a block to those that the next one repeats, the nearest first: as many as one damage can touch when it ends in
 * the nearest.
 */
export function repeated(block: Touched, before: readonly Touched[]): readonly Touched[] {
  const blocks = [block];
  for (let bytes = 0; bytes < damagedBytesMax && blocks.length <= before.length; ) {
    const next = before[blocks.length - 1]!;
    blocks.push(next);
    bytes += next.bytes;
  }
  return blocks;
}

export const enum BlockKind {
  Part = 1,
  Commit = 2,
  Listed = 3,
}

export const enum Operation {
  Set = 1,
  Delete = 2,
  Clear = 3,
  Shape = 4,
  Expect = 5,
}
export const operationMask = 7;
export const twoByteFlag = 16;
export const extrasFlag = 32;

/** What the files of a store have in common, and no other store has. */
export interface LogIdentity {
  readonly pageSize: number;
  readonly seedA: number;
  readonly seedB: number;
  /** The name of the user's serializer; empty for the built-in codec. */
  readonly serializer: string;
}

export interface LogHeader extends LogIdentity {
  /** Of this file alone: a sealed block of another does not open in it. */
  readonly salt: Uint8Array;
}

/** Where a value lies, as the index says it. */
export interface Location {
  page: number;
  recordBytes: number;
  generation: number;
  expiresAtMs: number;
  graceMs: number;
  ownSize: number;
}

/** Seals the blocks of an encrypted store. */
export interface BlockSeal {
  /** Bytes that are used once. */
  newSalt(): Uint8Array;
  seal(plain: Uint8Array, authenticated: Uint8Array): Buffer;
  open(sealed: Buffer, authenticated: Uint8Array): Buffer | undefined;
}

export function makeLogHeader(header: LogHeader): Buffer {
  const block = Buffer.alloc(logHeaderBytes);
  headerMagic.copy(block);
  block.writeUInt32LE(logVersion, 8);
  block.writeUInt32LE(header.pageSize, 12);
  block.writeInt32LE(header.seedA, 16);
  block.writeInt32LE(header.seedB, 20);
  const name = Buffer.from(header.serializer.slice(0, serializerNameMax));
  block.writeUInt32LE(name.length, 24);
  block.set(header.salt, 40);
  name.copy(block, nameOffset);
  sumOfHeader(block);
  block.writeInt32LE(fingerprint.a, 32);
  block.writeInt32LE(fingerprint.b, 36);
  return block;
}

/** What a header says, or undefined when it is none of this version. */
export function readLogHeader(block: Buffer): LogHeader | undefined {
  if (block.length < logHeaderBytes || !block.subarray(0, 8).equals(headerMagic)) return undefined;
  sumOfHeader(block);
  if (block.readInt32LE(32) !== fingerprint.a || block.readInt32LE(36) !== fingerprint.b) return undefined;
  const nameBytes = block.readUInt32LE(24);
  if (block.readUInt32LE(8) !== logVersion || nameBytes > logHeaderBytes - nameOffset) return undefined;
  return {
    pageSize: block.readUInt32LE(12),
    seedA: block.readInt32LE(16),
    seedB: block.readInt32LE(20),
    serializer: block.toString('utf8', nameOffset, nameOffset + nameBytes),
    salt: Uint8Array.from(block.subarray(40, 40 + saltBytes)),
  };
}

/** The sum of a header, for which its own place counts as zeros. */
function sumOfHeader(block: Buffer): void {
  takeFingerprintOf(Buffer.from(block.subarray(0, logHeaderBytes)).fill(0, 32, 40), 0, 0);
}

/** The sum of a block, in `fingerprint`: of its payload, and of the header by way of the seeds. */
export function sumOfBlock(block: Buffer, payloadBytes: number, seedA: number, seedB: number): void {
  const payload = block.subarray(blockHeaderBytes, blockHeaderBytes + payloadBytes);
  const sequence = block.readUInt32LE(8);
  const kindAndFirst = Math.imul(block.readUInt32LE(24), 8) ^ block.readUInt32LE(12);
  takeFingerprintOf(payload, seedA ^ Math.imul(sequence, 0x9e3779b1), seedB ^ kindAndFirst);
}

/** What a sealed block must not be taken out of: its file, its place in the order, its flush. */
export function authenticatedOf(salt: Uint8Array, sequence: number, first: number, kind: number): Buffer {
  const bytes = Buffer.alloc(saltBytes + 12);
  bytes.set(salt);
  bytes.writeUInt32LE(sequence, saltBytes);
  bytes.writeUInt32LE(first, saltBytes + 4);
  bytes.writeUInt32LE(kind, saltBytes + 8);
  return bytes;
}
