/**
 * The value of the last `set`, if it need not stay in memory: it leaves as soon as the next one comes, as in the seed ("a
 * bulk load swaps as it goes, and each new value at once when sampling cannot keep up"). It is encoded while the
 * processor's caches still have it, the collector meets it while it is young, no victim need be looked for, and what is
 * used stays where it is. There are two such values:
 *
 * - One of a bulk load: one `set` after another of values that are not in memory, with no read in between; a load is a
 *   scan. The first read (a look by `peek` or an iteration is none), or the first `set` of what is in memory, ends it:
 *   then new values stay, as they may be wanted soon.
 * - One that the policy has no place for, unless it is read before the next comes.
 *
 * A value leaves with the next call of `set` and not with its own, so that a change in place right after it is kept.
 */
import type { Core } from './core.js';
import { Custody, type Entry } from './entry.js';

export class Leaver {
  readonly #core: Core;
  /** So many values in a row are a bulk load. Never with 'lru', which promises to keep what is newest. */
  readonly #runMin: number;
  /** Values in a row that were new to memory. */
  #run = 0;
  /** Calls that have read something, as of the last `set`. */
  #reads = 0;
  #entry: Entry | undefined = undefined;
  /** True when a read of anything keeps it, and not only one of itself. */
  #isOfLoad = false;

  constructor(core: Core) {
    this.#core = core;
    const { options, environment } = core;
    this.#runMin = options.policy === 'lru' ? Number.POSITIVE_INFINITY : environment.bulkLoadMin;
  }

  /** What came with the last `set`, if it need not stay: a candidate that is neither pinned nor in flight. */
  take(): Entry | undefined {
    const entry = this.#entry;
    this.#entry = undefined;
    if (entry === undefined || !this.#core.residents.isCandidate(entry)) return undefined;
    const isWanted = this.#isOfLoad ? this.#readsNow !== this.#reads : entry.custody !== Custody.Fresh;
    return isWanted ? undefined : entry;
  }

  /** A value that was not in memory is about to come in: whether it may stay, as the policy has it. */
  mayStay(hash: number): boolean {
    // In a bulk load nobody need be asked.
    return this.#run >= this.#runMin || this.#core.residents.policy.admits(hash, false);
  }

  /**
   * A value has been set. @param isNew It was not in memory before. @param mayStay What `mayStay` has said of it.
   */
  noteSet(entry: Entry | undefined, isNew: boolean, mayStay: boolean): void {
    const reads = this.#readsNow;
    this.#run = isNew && reads === this.#reads ? this.#run + 1 : 0;
    this.#reads = reads;
    this.#isOfLoad = this.#run >= this.#runMin;
    if (this.#isOfLoad || !mayStay) this.#entry = entry;
  }

  get #readsNow(): number {
    const { hits, faults, misses } = this.#core.counters;
    return hits + faults + misses;
  }
}
