/**
 * The first block of a swap file says what it is: ours, of which version, scratch or persistent, with which page size.
 * Nothing is done to a file that does not say so. The seeds are those of the records' sums, and what a persistent file
 * and its index have in common.
 */
import { fingerprint, takeFingerprintOf } from '../codec/fingerprint.js';

export const superblockBytes = 4096;
const magic = Buffer.from('SWAPSTOR', 'latin1');
const formatVersion = 3;
const scratchKind = 1;
const persistentKind = 2;
/** What of the block is in use: magic, version, kind, page size, two seeds, salt and check of a key, their checksum. */
const usedBytes = 68;
const saltOffset = 32;
const checkOffset = 48;
const checksumOffset = 64;
/** The salt, and the check, of a key: all zeros where there is none. */
const keyPartBytes = 16;

export interface Superblock {
  readonly persistent: boolean;
  readonly pageSize: number;
  readonly seedA: number;
  readonly seedB: number;
  /** Of the key that a persistent file is encrypted with. */
  readonly keyProof: KeyProof | undefined;
}

/** What tells whether a key is the one, and does not give it away. */
export interface KeyProof {
  readonly salt: Uint8Array;
  readonly check: Uint8Array;
}

export function makeSuperblock(superblock: Superblock): Uint8Array {
  const { persistent, pageSize, seedA, seedB, keyProof } = superblock;
  const block = Buffer.alloc(superblockBytes);
  magic.copy(block);
  block.writeUInt32LE(formatVersion, 8);
  block.writeUInt32LE(persistent ? persistentKind : scratchKind, 12);
  block.writeUInt32LE(pageSize, 16);
  // Of a scratch file the seeds are a secret of its process.
  if (persistent) block.writeInt32LE(seedB, block.writeInt32LE(seedA, 20));
  if (keyProof !== undefined) {
    block.set(keyProof.salt, saltOffset);
    block.set(keyProof.check, checkOffset);
  }
  block.writeInt32LE(checksum(block), checksumOffset);
  return block;
}

/** What a block says, or undefined when it is not that of a file of ours, of this version. */
export function readSuperblock(block: Buffer): Superblock | undefined {
  if (block.length < usedBytes || !block.subarray(0, magic.length).equals(magic)) return undefined;
  if (block.readInt32LE(checksumOffset) !== checksum(block) || block.readUInt32LE(8) !== formatVersion)
    return undefined;
  const kind = block.readUInt32LE(12);
  if (kind !== scratchKind && kind !== persistentKind) return undefined;
  return {
    persistent: kind === persistentKind,
    pageSize: block.readUInt32LE(16),
    seedA: block.readInt32LE(20),
    seedB: block.readInt32LE(24),
    keyProof: keyProofIn(block),
  };
}

function keyProofIn(block: Buffer): KeyProof | undefined {
  const salt = Uint8Array.from(block.subarray(saltOffset, saltOffset + keyPartBytes));
  const check = Uint8Array.from(block.subarray(checkOffset, checkOffset + keyPartBytes));
  return check.every((byte) => byte === 0) ? undefined : { salt, check };
}

function checksum(block: Buffer): number {
  takeFingerprintOf(block.subarray(0, checksumOffset), 0, 0);
  return fingerprint.a;
}
