/**
 * The buffers of the threaded side: slabs, into which victims are encoded and from which threads write them. A slab
 * that has been written stays readable until it is used again, the one that was written longest ago first, so that a
 * value that is wanted back soon needs no read.
 */
import { assert } from '../errors.js';

/** Runs remembered for a slab; of a slab that went out in more, the rest is read from the file. */
const runsMax = 16;

export interface Slab {
  readonly index: number;
  /** Where it begins in the shared area, bytes. */
  readonly offset: number;
  /** The pages that its bytes were written to: first page, count and area offset of each run. */
  readonly runs: number[];
}

export class SlabPool {
  readonly slabBytes: number;
  /** Those that nobody fills or writes, the one that was written longest ago first. */
  readonly #free: Slab[] = [];
  readonly #slabs: Slab[] = [];

  constructor(slabBytes: number, count: number) {
    this.slabBytes = slabBytes;
    for (let index = 0; index < count; index++) {
      const slab: Slab = { index, offset: index * slabBytes, runs: [] };
      this.#slabs.push(slab);
      this.#free.push(slab);
    }
  }

  /** A slab to fill; what it held cannot be read any more. undefined while all are on their way. */
  acquire(): Slab | undefined {
    const slab = this.#free.shift();
    if (slab !== undefined) slab.runs.length = 0;
    return slab;
  }

  /** Its jobs have ended. */
  release(slab: Slab): void {
    assert(!this.#free.includes(slab), 'a slab is released once');
    this.#free.push(slab);
  }

  /** The bytes from `areaOffset` on are those of these pages now. */
  noteRun(slab: Slab, firstPage: number, pageCount: number, areaOffset: number): void {
    if (slab.runs.length < 3 * runsMax) slab.runs.push(firstPage, pageCount, areaOffset);
  }

  /**
   * Where in the area the record lies that begins at `page`, if a slab still has it, else -1. The page may have been
   * written again since: the record's generation says so.
   */
  find(page: number, pageSize: number): number {
    for (const { runs } of this.#slabs) {
      for (let at = 0; at < runs.length; at += 3) {
        const distance = page - runs[at]!;
        if (distance >= 0 && distance < runs[at + 1]!) return runs[at + 2]! + distance * pageSize;
      }
    }
    return -1;
  }
}
