import { describe, expect, it } from 'vitest';
import { makeSuperblock, readSuperblock, superblockBytes } from '../../dist/disk/superblock.js';

const persistent = { persistent: true, pageSize: 64, seedA: -5, seedB: 7 };
const block = () => Buffer.from(makeSuperblock(persistent));

describe('the superblock', () => {
  it('is a whole block, and is known again', () => {
    expect(block().length).toBe(superblockBytes);
    expect(readSuperblock(block())).toEqual(persistent);
    expect(readSuperblock(block().subarray(0, 512))).toEqual(persistent);
    const scratch = Buffer.from(makeSuperblock({ ...persistent, persistent: false }));
    expect(readSuperblock(scratch)).toEqual({ persistent: false, pageSize: 64, seedA: 0, seedB: 0 });
  });

  it('is not taken for ours when it is short, empty or somebody else’s', () => {
    expect(readSuperblock(Buffer.alloc(0))).toBeUndefined();
    expect(readSuperblock(block().subarray(0, 31))).toBeUndefined();
    expect(readSuperblock(Buffer.alloc(superblockBytes))).toBeUndefined();
    expect(readSuperblock(Buffer.from('SQLite format 3\0'.padEnd(superblockBytes)))).toBeUndefined();
  });

  it('is not taken for ours when any byte of it was changed', () => {
    for (let at = 0; at < 32; at++) {
      const changed = block();
      changed[at] = changed[at]! ^ 1;
      expect(readSuperblock(changed), `byte ${at}`).toBeUndefined();
    }
  });
});
