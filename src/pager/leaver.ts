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
 * A value leaves with the next call of `set` and not with its own, so that a change in place right after it is kept. Where
 * the short way out is open (write-behind.ts) it is a guest until then, else a candidate like others.
 */
import { none } from '../memory/pointer-table.js';
import { Arrival } from '../memory/resident.js';
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
  /** Of the value that is being set: whether the policy has a place for it. */
  #hasPlace = true;

  constructor(core: Core) {
    this.#core = core;
    const { options, environment } = core;
    this.#runMin = options.policy === 'lru' ? Number.POSITIVE_INFINITY : environment.bulkLoadMin;
  }

  /** As a `set` begins: what came with the last, if it need not stay; a candidate, neither pinned nor in flight. */
  take(): Entry | undefined {
    const entry = this.#entry;
    this.#entry = undefined;
    this.#hasPlace = true;
    if (entry === undefined || !this.#core.residents.isCandidate(entry)) return undefined;
    // A candidate: a read of anything keeps one of a load, and only a read of itself the other.
    const isWanted = this.#isRun ? !this.isLoad : entry.custody !== Custody.Fresh;
    return isWanted ? undefined : entry;
  }

  /** A value that is not in memory is about to come in, before the policy counts that as a use: true if it need not stay. */
  needNotStay(key: string, hash: number): boolean {
    // In a load the policy need not be asked.
    this.#hasPlace = !this.isLoad && this.#core.residents.policy.admits(hash, this.#arrivalOf(key, hash));
    return !this.#hasPlace;
  }

  #arrivalOf(key: string, hash: number): Arrival {
    return this.#core.table.find(key, hash) === none ? Arrival.New : Arrival.Alone;
  }

  /** A value has been set. @param isNew It was not in memory before. */
  noteSet(entry: Entry | undefined, isNew: boolean): void {
    const reads = this.#readsNow;
    this.#run = isNew && reads === this.#reads ? this.#run + 1 : 0;
    this.#reads = reads;
    if (this.isLoad || !this.#hasPlace) this.#entry = entry;
  }

  /** True while one value after another comes that is not in memory, and nothing is read. */
  get isLoad(): boolean {
    return this.#isRun && this.#readsNow === this.#reads;
  }

  get #isRun(): boolean {
    return this.#run >= this.#runMin;
  }

  get #readsNow(): number {
    const { hits, faults, misses } = this.#core.counters;
    return hits + faults + misses;
  }
}
