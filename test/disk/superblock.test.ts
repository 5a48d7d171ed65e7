import { describe, expect, it } from 'vitest';
import { makeSuperblock, readSuperblock, superblockBytes } from '../../dist/disk/superblock.js';

const keyProof = { salt: new Uint8Array(16).fill(8), check: new Uint8Array(16).fill(9) };
const persistent = { persistent: true, pageSize: 64, seedA: -5, seedB: 7, keyProof };
const block = () => Buffer.from(makeSuperblock(persistent));

describe('the superblock', () => {
  it('is a whole block, and is known again', () => {
    expect(block().length).toBe(superblockBytes);
    expect(readSuperblock(block())).toEqual(persistent);
    expect(readSuperblock(block().subarray(0, 512))).toEqual(persistent);
    const plain = { ...persistent, keyProof: undefined };
    expect(readSuperblock(Buffer.from(makeSuperblock(plain)))).toEqual(plain);
    const scratch = { ...plain, persistent: false };
    const found = readSuperblock(Buffer.from(makeSuperblock(scratch)));
    expect(found).toEqual({ ...scratch, seedA: 0, seedB: 0 });
  });

  it('is not taken for ours when it is short, empty or somebody else’s', () => {
    expect(readSuperblock(Buffer.alloc(0))).toBeUndefined();
    expect(readSuperblock(block().subarray(0, 67))).toBeUndefined();
    expect(readSuperblock(Buffer.alloc(superblockBytes))).toBeUndefined();
    expect(readSuperblock(Buffer.from('SQLite format 3\0'.padEnd(superblockBytes)))).toBeUndefined();
  });

  it('is not taken for ours when any byte of it was changed', () => {
    for (let at = 0; at < 68; at++) {
      const changed = block();
      changed[at] = changed[at]! ^ 1;
      expect(readSuperblock(changed), `byte ${at}`).toBeUndefined();
    }
  });
});
