import { describe, expect, it } from 'vitest';
import { SlabPool } from '../../dist/io/slab-pool.js';

const pageSize = 64;

describe('the slab pool', () => {
  it('gives out every slab once, each at its own place, and then none', () => {
    const pool = new SlabPool(4_096, 3);
    const slabs = [pool.acquire(), pool.acquire(), pool.acquire()];
    expect(slabs.map((slab) => slab?.offset)).toEqual([0, 4_096, 8_192]);
    expect(pool.acquire()).toBeUndefined();
  });

  it('uses the slab again that was written longest ago', () => {
    const pool = new SlabPool(4_096, 2);
    const first = pool.acquire()!;
    const second = pool.acquire()!;
    pool.release(second);
    pool.release(first);
    expect(pool.acquire()).toBe(second);
    expect(pool.acquire()).toBe(first);
  });

  it('refuses a slab that is released twice', () => {
    const pool = new SlabPool(4_096, 2);
    const slab = pool.acquire()!;
    pool.release(slab);
    expect(() => pool.release(slab)).toThrow('a slab is released once');
  });

  it('finds a page in any of the runs that a slab was written to, until the slab is used again', () => {
    const pool = new SlabPool(4_096, 2);
    const first = pool.acquire()!;
    const second = pool.acquire()!;
    pool.noteRun(first, 100, 3, first.offset);
    pool.noteRun(first, 7, 1, first.offset + 3 * pageSize);
    pool.noteRun(second, 50, 2, second.offset);
    pool.release(first);
    pool.release(second);
    const found = [99, 100, 102, 103, 7, 8, 50, 51, 52].map((page) => pool.find(page, pageSize));
    expect(found).toEqual([-1, 0, 128, -1, 192, -1, 4_096, 4_160, -1]);
    pool.acquire();
    expect([pool.find(100, pageSize), pool.find(7, pageSize), pool.find(51, pageSize)]).toEqual([
      -1, -1, 4_160,
    ]);
  });

  it('forgets the runs of a slab beyond a bound, and no others', () => {
    const pool = new SlabPool(4_096, 1);
    const slab = pool.acquire()!;
    for (let run = 0; run < 20; run++) pool.noteRun(slab, 10 * run, 1, run * pageSize);
    expect(pool.find(150, pageSize)).toBe(15 * pageSize);
    expect(pool.find(160, pageSize)).toBe(-1);
  });
});
