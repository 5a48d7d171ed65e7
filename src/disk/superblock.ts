/**
 * The first block of a swap file says what it is: ours, of which version, scratch, with which page size. Nothing is
 * done to a file that does not say so.
 */
import { fingerprint, takeFingerprint } from '../codec/fingerprint.js';

export const superblockBytes = 4096;
const magic = Buffer.from('SWAPSTOR', 'latin1');
const formatVersion = 1;
const scratchKind = 1;
/** What of the block is in use: magic, version, kind, page size, and their checksum. */
const usedBytes = 32;

export function makeSuperblock(pageSize: number): Uint8Array {
  const block = Buffer.alloc(superblockBytes);
  magic.copy(block);
  block.writeUInt32LE(formatVersion, 8);
  block.writeUInt32LE(scratchKind, 12);
  block.writeUInt32LE(pageSize, 16);
  block.writeInt32LE(checksum(block), 28);
  return block;
}

/** True when `block` is the beginning of a scratch file of this library. */
export function isScratch(block: Buffer): boolean {
  if (block.length < usedBytes || !block.subarray(0, magic.length).equals(magic)) return false;
  if (block.readInt32LE(28) !== checksum(block)) return false;
  return block.readUInt32LE(8) === formatVersion && block.readUInt32LE(12) === scratchKind;
}

function checksum(block: Buffer): number {
  const words = new Int32Array(7);
  for (let word = 0; word < words.length; word++) words[word] = block.readInt32LE(word * 4);
  takeFingerprint(words, 0, words.byteLength, 0, 0);
  return fingerprint.a;
}
