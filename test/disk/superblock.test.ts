import { describe, expect, it } from 'vitest';
import { isScratch, makeSuperblock, superblockBytes } from '../../dist/disk/superblock.js';

const block = () => Buffer.from(makeSuperblock(64));

describe('the superblock', () => {
  it('is a whole block, and is known again', () => {
    expect(block().length).toBe(superblockBytes);
    expect(isScratch(block())).toBe(true);
    expect(isScratch(block().subarray(0, 512))).toBe(true);
  });

  it('is not taken for ours when it is short, empty or somebody else’s', () => {
    expect(isScratch(Buffer.alloc(0))).toBe(false);
    expect(isScratch(block().subarray(0, 31))).toBe(false);
    expect(isScratch(Buffer.alloc(superblockBytes))).toBe(false);
    expect(isScratch(Buffer.from('SQLite format 3\0'.padEnd(superblockBytes)))).toBe(false);
  });

  it('is not taken for ours when any byte of it was changed', () => {
    for (let at = 0; at < 32; at++) {
      const changed = block();
      changed[at] = changed[at]! ^ 1;
      expect(isScratch(changed), `byte ${at}`).toBe(false);
    }
  });
});
