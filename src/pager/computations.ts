/**
 * `fetch`: the value of a key, or what a function of the caller's computes for it. Callers who want one key at the
 * same time share one computation; whoever sets or deletes the key meanwhile wins over what is computed, which those
 * callers still get; a later caller starts anew.
 */
import { keyIn, prefixIn } from '../memory/key-prefix.js';
import type { Awaiting } from './awaiting.js';
import type { KeyspacePrefix } from './keyspaces.js';
import type { EntryTerms, Pager } from './pager.js';

export type Compute = (key: string, options: { signal: AbortSignal }) => unknown;

/** One run of a caller's function. */
interface Computation {
  readonly promise: Promise<unknown>;
  readonly controller: AbortController;
  /** Callers who still wait; without any it is aborted. */
  callers: number;
}

export class Computations {
  readonly #pager: Pager;
  readonly #awaiting: Awaiting;
  /** Computations that will be stored; one that was superseded is not here any more. */
  readonly #running = new Map<string, Computation>();
  readonly #ends = new Set<(error: Error) => void>();

  constructor(pager: Pager, awaiting: Awaiting) {
    this.#pager = pager;
    this.#awaiting = awaiting;
  }

  async fetch(
    key: string,
    compute: Compute,
    terms: EntryTerms,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const found = await this.#awaiting.find(key, signal);
    if (found.present) return found.value;
    let computation = this.#running.get(key);
    if (computation === undefined) {
      computation = this.#start(key, compute, terms);
      this.#running.set(key, computation);
    }
    return this.#join(key, computation, signal);
  }

  /** The key was set or deleted by someone else. */
  supersede(key: string): void {
    if (this.#running.size > 0) this.#running.delete(key);
  }

  /** All keys of a keyspace were deleted. */
  supersedeAll(space: KeyspacePrefix): void {
    for (const key of this.#running.keys()) if (space.has(prefixIn(key))) this.#running.delete(key);
  }

  rejectAll(error: Error): void {
    for (const computation of this.#running.values()) computation.controller.abort(error);
    this.#running.clear();
    for (const end of [...this.#ends]) end(error);
  }

  #start(key: string, compute: Compute, terms: EntryTerms): Computation {
    const controller = new AbortController();
    // A microtask later, so that the computation is in the list before the function runs, and may itself call us.
    const promise = Promise.resolve()
      .then(() => compute(keyIn(key), { signal: controller.signal }))
      .then(
        (value) => {
          if (this.#running.get(key) === computation) {
            this.#running.delete(key);
            // It may have begun after its keyspace was cleared, for a caller from before.
            if (!this.#pager.core.keyspaces.isCurrent(key)) return value;
            this.#pager.set(key, value, terms);
            this.#pager.core.notices.tell();
          }
          return value;
        },
        (error: unknown) => {
          if (this.#running.get(key) === computation) this.#running.delete(key);
          throw error;
        },
      );
    const computation: Computation = { promise, controller, callers: 0 };
    return computation;
  }

  #join(key: string, computation: Computation, signal: AbortSignal | undefined): Promise<unknown> {
    const { counters } = this.#pager.core;
    computation.callers++;
    counters.blockedCallers++;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (!this.#ends.delete(fail)) return;
        signal?.removeEventListener('abort', abort);
        counters.blockedCallers--;
        settle();
      };
      const fail = (error: unknown): void => end(() => reject(error));
      const abort = (): void => {
        fail(signal!.reason);
        if (--computation.callers > 0) return;
        if (this.#running.get(key) === computation) this.#running.delete(key);
        computation.controller.abort(signal!.reason);
      };
      this.#ends.add(fail);
      signal?.addEventListener('abort', abort, { once: true });
      computation.promise.then((value) => end(() => resolve(value)), fail);
      if (signal?.aborted) abort();
    });
  }
}
