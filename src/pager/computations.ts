/**
 * `fetch`: the value of a key, or what a function of the caller's computes for it. Callers who want one key at the
 * same time share one computation; whoever sets or deletes the key meanwhile wins over what is computed, which those
 * callers still get; a later caller starts anew.
 *
 * Where the caller says so, a value that has expired is returned while a fresh one is computed (RFC 5861's
 * stale-while-revalidate), or when that fails (its stale-if-error).
 */

import type { SetTerms, StaleTerms } from '../call-options.js';
import { reasonOf, SwapError } from '../errors.js';
import { keyIn, prefixIn, quoteKey } from '../key-prefix.js';
import { ignoreAbort, onAbort } from '../wait/abort-signals.js';
import type { FoundWaiter } from '../wait/waiter.js';
import type { Awaiting } from './awaiting.js';
import type { Entry } from './entry.js';
import type { KeyspacePrefix } from './keyspaces.js';
import type { Pager } from './pager.js';
import type { EntryTerms } from './setting.js';

export type Compute = (key: string, options: { signal: AbortSignal }) => unknown;

/** One run of a caller's function. */
interface Computation {
  readonly promise: Promise<unknown>;
  readonly controller: AbortController;
  /** Callers who still wait; when the last of them goes away it is aborted. */
  callers: number;
  /** What the function threw. */
  failure: { readonly error: unknown } | undefined;
  /** Nobody may be waiting, so that a failure is told to listeners. */
  isInBackground: boolean;
}

export class Computations {
  readonly #pager: Pager;
  readonly #awaiting: Awaiting;
  /** Computations that will be stored; one that was superseded is not here any more. */
  readonly #running = new Map<string, Computation>();
  readonly #ends = new Set<(error: Error) => void>();
  /** Why nothing may be computed any more, once the store has closed. */
  #ended: Error | undefined = undefined;

  constructor(pager: Pager, awaiting: Awaiting) {
    this.#pager = pager;
    this.#awaiting = awaiting;
  }

  async fetch(
    key: string,
    compute: Compute,
    terms: SetTerms,
    stale: StaleTerms,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const graceMs = Math.max(stale.whileRevalidateMs, stale.ifErrorMs);
    let found: FoundWaiter<Entry>;
    do {
      found = await this.#awaiting.find(key, graceMs > 0, signal);
      if (this.#ended !== undefined) throw this.#ended;
      // What was set or deleted between the answer and now came during this call, and wins over what it would compute.
    } while (!found.isCurrent);
    const staleMs =
      graceMs > 0 && found.present ? (this.#pager.lookUp.staleMs(key) ?? Number.POSITIVE_INFINITY) : 0;
    if (found.present && staleMs <= 0) return found.value;
    const computation = this.#running.get(key) ?? this.#start(key, compute, { ...terms, graceMs });
    if (found.present && staleMs < stale.whileRevalidateMs) {
      this.#tellFailure(key, computation);
      return found.value;
    }
    const joined = this.#join(key, computation, signal);
    if (!found.present || staleMs >= stale.ifErrorMs) return joined;
    return joined.catch((error: unknown) => {
      if (computation.failure?.error !== error) throw error;
      return found.value;
    });
  }

  /** The key was set or deleted by someone else. */
  supersede(key: string): void {
    if (this.#running.size > 0) this.#running.delete(key);
  }

  /** All keys of a keyspace were deleted. */
  supersedeAll(space: KeyspacePrefix): void {
    for (const key of this.#running.keys()) if (space.has(prefixIn(key))) this.#running.delete(key);
  }

  /** A `clear` may have had another keyspace change its prefix: what would be stored under the old one is not. */
  supersedeOutdated(): void {
    const { keyspaces } = this.#pager.core;
    for (const key of this.#running.keys()) if (!keyspaces.isCurrent(key)) this.#running.delete(key);
  }

  /** The store has closed. */
  rejectAll(error: Error): void {
    this.#ended = error;
    for (const computation of this.#running.values()) computation.controller.abort(error);
    this.#running.clear();
    for (const end of [...this.#ends]) end(error);
  }

  #start(key: string, compute: Compute, terms: EntryTerms): Computation {
    const controller = new AbortController();
    // A microtask later, so that the computation is in the list before the function runs, and may itself call us.
    const promise = Promise.resolve()
      .then(() => {
        // All of its callers have gone by now.
        if (controller.signal.aborted) throw controller.signal.reason;
        return compute(keyIn(key), { signal: controller.signal });
      })
      .then(
        (value) => {
          if (this.#running.get(key) === computation) {
            this.#running.delete(key);
            this.#pager.setting.set(key, value, terms);
            // Its callers are told after this, and may change it in place.
            const entry = this.#pager.core.residents.get(key);
            if (entry !== undefined) this.#pager.core.guard(entry);
            this.#pager.core.notices.tell();
          }
          return value;
        },
        (error: unknown) => {
          computation.failure = { error };
          if (this.#running.get(key) === computation) this.#running.delete(key);
          throw error;
        },
      );
    const computation: Computation = {
      promise,
      controller,
      callers: 0,
      failure: undefined,
      isInBackground: false,
    };
    // One that begins after its keyspace was cleared, for a caller from before, is not stored.
    if (this.#pager.core.keyspaces.isCurrent(key)) this.#running.set(key, computation);
    return computation;
  }

  /** A computation that nobody need wait for goes on all the same, and what goes wrong with it is told to listeners. */
  #tellFailure(key: string, computation: Computation): void {
    if (computation.isInBackground) return;
    computation.isInBackground = true;
    const { notices } = this.#pager.core;
    computation.promise.catch((cause: unknown) => {
      const message = `the value of ${quoteKey(key)} could not be computed anew: ${reasonOf(cause)}`;
      const error =
        cause instanceof SwapError
          ? cause
          : new SwapError('ERR_SWAP_COMPUTE', message, { cause, storedKey: key });
      notices.warn(error);
      notices.tell();
    });
  }

  #join(key: string, computation: Computation, signal: AbortSignal | undefined): Promise<unknown> {
    const { counters } = this.#pager.core;
    computation.callers++;
    counters.blockedCallers++;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (!this.#ends.delete(fail)) return;
        if (signal !== undefined) ignoreAbort(signal, abort);
        counters.blockedCallers--;
        settle();
      };
      const fail = (error: unknown): void => end(() => reject(error));
      const abort = (): void => {
        fail(signal!.reason);
        if (--computation.callers > 0 || computation.isInBackground) return;
        if (this.#running.get(key) === computation) this.#running.delete(key);
        computation.controller.abort(signal!.reason);
      };
      this.#ends.add(fail);
      if (signal !== undefined) onAbort(signal, abort);
      computation.promise.then((value) => end(() => resolve(value)), fail);
      if (signal?.aborted) abort();
    });
  }
}
