/**
 * Sees a bulk load: one `set` after another of values that are not in memory, with no read in between. While it lasts and
 * memory is full, each value leaves as soon as the next one comes, as in the seed ("a bulk load swaps as it goes, and each
 * new value at once when sampling cannot keep up"). The value is encoded while the processor's caches still have it, the
 * collector meets it while it is young, no victim need be looked for, and what is used stays where it is: a load is a scan.
 *
 * A value leaves with the next call and not with its own, so that a change in place right after `set` is kept. The first
 * read (a look by `peek` or an iteration is none), or the first `set` of what is in memory, ends it: then new values stay,
 * as they may be wanted soon.
 */
import type { Core } from './core.js';
import type { Entry } from './entry.js';

export class BulkLoad {
  readonly #core: Core;
  /** So many values in a row are one. Never with 'lru', which promises to keep what is newest. */
  readonly #runMin: number;
  /** Values in a row that were new to memory. */
  #run = 0;
  /** Calls that have read something, as of the last `set`. */
  #reads = 0;
  /** The value of the last `set`, once there is a run. */
  #last: Entry | undefined = undefined;

  constructor(core: Core) {
    this.#core = core;
    const { options, environment } = core;
    this.#runMin = options.policy === 'lru' ? Number.POSITIVE_INFINITY : environment.bulkLoadMin;
  }

  /** What came with the last `set`, if it need not stay: a candidate that is neither pinned nor in flight. */
  takeLast(): Entry | undefined {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined || this.#readsNow !== this.#reads) return undefined;
    return this.#core.residents.isCandidate(last) ? last : undefined;
  }

  /** A value has been set. @param isNew It was not in memory before. */
  noteSet(entry: Entry | undefined, isNew: boolean): void {
    const reads = this.#readsNow;
    this.#run = isNew && reads === this.#reads ? this.#run + 1 : 0;
    this.#reads = reads;
    if (this.#run >= this.#runMin) this.#last = entry;
  }

  get #readsNow(): number {
    const { hits, faults, misses } = this.#core.counters;
    return hits + faults + misses;
  }
}
