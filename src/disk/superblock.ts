/**
 * The first block of a swap file says what it is: ours, of which version, scratch or persistent, with which page size.
 * Nothing is done to a file that does not say so. The seeds are those of the records' sums, and what a persistent file
 * and its index have in common.
 */
import { fingerprint, takeFingerprintOf } from '../codec/fingerprint.js';

export const superblockBytes = 4096;
const magic = Buffer.from('SWAPSTOR', 'latin1');
const formatVersion = 1;
const scratchKind = 1;
const persistentKind = 2;
/** What of the block is in use: magic, version, kind, page size, two seeds, and their checksum. */
const usedBytes = 32;
const checksumOffset = 28;

export interface Superblock {
  readonly persistent: boolean;
  readonly pageSize: number;
  readonly seedA: number;
  readonly seedB: number;
}

export function makeSuperblock({ persistent, pageSize, seedA, seedB }: Superblock): Uint8Array {
  const block = Buffer.alloc(superblockBytes);
  magic.copy(block);
  block.writeUInt32LE(formatVersion, 8);
  block.writeUInt32LE(persistent ? persistentKind : scratchKind, 12);
  block.writeUInt32LE(pageSize, 16);
  // Of a scratch file the seeds are a secret of its process.
  if (persistent) block.writeInt32LE(seedB, block.writeInt32LE(seedA, 20));
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
  };
}

function checksum(block: Buffer): number {
  takeFingerprintOf(block.subarray(0, checksumOffset), 0, 0);
  return fingerprint.a;
}
