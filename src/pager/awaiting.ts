/**
 * The awaiting side: load, loadMany, preload and run. Each asks the same three questions of every key (in memory? not
 * there? in the file?) and waits for those in the file; a batch has one waiter and one promise, whatever its length.
 */
import { none } from '../memory/pointer-table.js';
import {
  FoundWaiter,
  ManyWaiter,
  PreloadWaiter,
  type PromisedWaiter,
  RunWaiter,
  SingleWaiter,
  Stay,
} from '../wait/waiter.js';
import { Custody, type Entry } from './entry.js';
import type { Pager } from './pager.js';
import { preload } from './preloading.js';

/** What `loadNow` says of a value that cannot be had at once. */
export const mustWait = Symbol('swapstore.mustWait');

type Waiting = PromisedWaiter<Entry>;

/** Who has asked for some of its keys, and asks for the others once there is time to read them. */
interface Asking {
  readonly waiter: Waiting;
  readonly keys: readonly string[];
  /** The first of them. */
  readonly index: number;
}

export class Awaiting {
  readonly #pager: Pager;
  /** Waiters that have not settled, so that closing can end them; each knows its place. No Set: see pager/flights.ts. */
  readonly #waiters: Waiting[] = [];
  #begun = 0;
  /**
   * Those that ask again in a later turn, in the order in which they will. Nobody is answered by a read on this thread before
   * them: one loop of loads could use up the slice of each turn, and the others wait without end.
   */
  readonly #asking: Asking[] = [];
  #asksSoon = false;
  #asksAgain = false;
  /** One read is made whatever this turn has spent: of the first that asks again, so that others cannot keep it waiting. */
  #mustRead = false;
  /** True while somebody asks who blocks, and for whom there is no later turn. */
  #blocks = false;
  /** `run` calls whose function has begun and not settled. */
  #running = 0;
  #onQuiet: Array<() => void> = [];
  /** Why nobody may wait any more, once the store has closed. */
  #ended: Error | undefined = undefined;

  // The last answer, so that one key needs no object: its value, whether it is there, and its entry if that is in memory.
  #value: unknown = undefined;
  #present = false;
  #entry: Entry | undefined = undefined;

  constructor(pager: Pager) {
    this.#pager = pager;
    pager.core.oldestWaitingTurn = () => this.#oldestTurn;
    // Others may fill them again in each turn, before those that ask again.
    pager.core.onHandsFree = () => {
      if (this.#asking.length > 0) this.#ask();
    };
  }

  /**
   * The value of a key where nobody need wait for it: it is in memory, or not there, or may be read on this thread in this
   * turn. `mustWait` where it is for `load` to bring it. Throws as a load rejects.
   */
  loadNow(key: string): unknown {
    const { core } = this.#pager;
    try {
      const slot = this.#find(key, false);
      if (slot === none) return this.#value;
      if (this.#isForThreads(slot) || !this.#mayRead) return mustWait;
      this.#read(slot, key, Stay.ForTurn);
      if (this.#waiters.length === 0) core.nobodyWaits();
      return this.#value;
    } finally {
      // Nothing is kept alive by having been asked for.
      this.#answer(undefined, false, undefined);
      core.notices.tell();
    }
  }

  load(key: string, signal: AbortSignal | undefined): Promise<unknown> {
    const waiter = new SingleWaiter<Entry>(signal, this.#leave);
    this.#want([key], waiter);
    return waiter.promise;
  }

  loadMany(keys: readonly string[], signal: AbortSignal | undefined): Promise<unknown[]> {
    const waiter = this.#manyWaiter(keys, signal);
    this.#want(keys, waiter);
    return waiter.promise;
  }

  /**
   * The values of many keys for a caller that blocks, read by the threads while this one waits for them; undefined when
   * reads are cheap, or there are no threads to do them, or they have not done them.
   */
  waitForMany(keys: readonly string[]): unknown[] | undefined {
    const { core, swapIn } = this.#pager;
    if (swapIn.readsInline || core.pool.threadsMax === 0) return undefined;
    const waiter = this.#manyWaiter(keys, undefined);
    // Whoever blocks is told by what is thrown here.
    waiter.promise.catch(() => {});
    this.#blocks = true;
    try {
      this.#want(keys, waiter);
    } finally {
      this.#blocks = false;
    }
    core.pool.waitUntil(() => waiter.settled);
    if (waiter.failure !== undefined) throw waiter.failure.error;
    if (waiter.settled) return waiter.values;
    waiter.failed(undefined);
    return undefined;
  }

  #manyWaiter(keys: readonly string[], signal: AbortSignal | undefined): ManyWaiter<Entry> {
    const waiter = new ManyWaiter<Entry>(signal, this.#leave);
    waiter.values.length = keys.length;
    waiter.values.fill(undefined);
    return waiter;
  }

  /** The value, or that there is none: for `fetch`, to whom undefined is a value. */
  find(key: string, takesStale: boolean, signal: AbortSignal | undefined): Promise<FoundWaiter<Entry>> {
    const version = () => this.#pager.lookUp.generation(key);
    const waiter = new FoundWaiter<Entry>(signal, this.#leave, takesStale, version);
    this.#want([key], waiter);
    return waiter.promise;
  }

  preload(keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    return preload(this.#pager, keys, async (some, hold) => {
      const waiter = new PreloadWaiter<Entry>(signal, this.#leave, hold);
      this.#want(some, waiter);
      await waiter.promise;
      this.#refuseIfEnded();
      // It may have been aborted while nobody listened to it.
      signal?.throwIfAborted();
      return !waiter.noRoom;
    });
  }

  async run<T>(
    keys: readonly string[],
    fn: (...values: unknown[]) => T | Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const pager = this.#pager;
    const waiter = new RunWaiter<Entry>(signal, this.#leave, (entry) => pager.staying.hold(entry));
    this.#want(keys, waiter);
    try {
      await waiter.promise;
      this.#refuseIfEnded();
    } catch (error) {
      this.#release(waiter);
      throw error;
    }
    this.#running++;
    try {
      return await fn(...this.#valuesOf(keys, waiter));
    } finally {
      this.#running--;
      this.#release(waiter);
      if (this.#running === 0) for (const quiet of this.#onQuiet.splice(0)) quiet();
    }
  }

  /** The turn in which the first of those that still wait began to; none: Infinity. */
  get #oldestTurn(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { turn } of this.#waiters) if (turn < oldest) oldest = turn;
    return oldest;
  }

  /** True while some function of `run` is under way. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Resolves once no function of `run` is under way, or nobody may wait for it any more. */
  quiet(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onQuiet.push(resolve));
  }

  /** What was waited for may have come, and its caller not have gone on yet, when the store is closed. */
  #refuseIfEnded(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** The store has closed. */
  rejectAll(error: Error): void {
    this.#ended = error;
    for (const quiet of this.#onQuiet.splice(0)) quiet();
    for (const waiter of this.#waiters.toSorted((a, b) => a.number - b.number)) waiter.failed(error);
  }

  /** Asks for each of `keys`; the waiter is complete when the last has arrived. */
  #want(keys: readonly string[], waiter: Waiting): void {
    // One more than there are keys, so that it cannot be complete before all have been asked for.
    waiter.remaining = keys.length + 1;
    waiter.number = ++this.#begun;
    waiter.turn = this.#pager.core.turn;
    waiter.place = this.#waiters.length;
    this.#waiters.push(waiter);
    this.#pager.core.counters.blockedCallers++;
    this.#pager.core.pool.hold();
    this.#wantFrom(0, keys, waiter);
  }

  #wantFrom(first: number, keys: readonly string[], waiter: Waiting): void {
    const { swapIn, core } = this.#pager;
    for (let index = first; index < keys.length; index++) {
      if (waiter.settled) break;
      if (this.#askFor(keys[index]!, index, waiter)) continue;
      // This turn has read enough on its own thread; the next one will be done sooner than another thread.
      this.#asking.push({ waiter, keys, index });
      this.#askSoon();
      core.notices.tell();
      return;
    }
    waiter.arrived(-1, undefined, false, undefined);
    if (swapIn.flights.size === 0) core.notices.tell();
  }

  #askSoon(): void {
    if (this.#asksSoon) return;
    this.#asksSoon = true;
    this.#pager.core.environment.clock.nextTurn(this.#askAgain);
  }

  readonly #askAgain = (): void => {
    this.#asksSoon = false;
    this.#ask();
  };

  #ask(): void {
    this.#asksAgain = true;
    this.#mustRead = true;
    while (this.#asking.length > 0 && this.#mayRead) {
      const { index, keys, waiter } = this.#asking.shift()!;
      this.#wantFrom(index, keys, waiter);
    }
    this.#mustRead = false;
    this.#asksAgain = false;
    if (this.#asking.length > 0) this.#askSoon();
  }

  /** Answers for one key, now or by a flight; false when it must be asked for again on a later turn. */
  #askFor(key: string, index: number, waiter: Waiting): boolean {
    const { core, swapIn } = this.#pager;
    const slot = this.#find(key, waiter.takesStale);
    if (slot !== none) {
      if (this.#isForThreads(slot)) {
        core.counters.faults++;
        swapIn.wait(slot, key, core.table.hashAt(slot), waiter, index);
        return true;
      }
      if (!this.#mayRead) return false;
      try {
        this.#read(slot, key, waiter.stay);
      } catch (error) {
        waiter.failed(error);
        return true;
      }
    }
    waiter.arrived(index, this.#value, this.#present, this.#entry);
    this.#answer(undefined, false, undefined);
    return true;
  }

  /** Answers for a key that is in memory or not there, and returns none; else the slot whose value must be read. */
  #find(key: string, takesStale: boolean): number {
    const { core, lookUp } = this.#pager;
    const entry = lookUp.resident(key, takesStale);
    if (entry !== undefined) {
      core.counters.hits++;
      lookUp.touch(entry);
      core.guard(entry);
      entry.custody = Custody.HandedOut;
      this.#answer(entry.value, true, entry);
      return none;
    }
    const slot = lookUp.slot(key, takesStale);
    if (slot === none) {
      core.counters.misses++;
      this.#answer(undefined, false, undefined);
    }
    return slot;
  }

  /** True when a slot is being read, or reads are better made by threads. */
  #isForThreads(slot: number): boolean {
    const { core, swapIn } = this.#pager;
    return swapIn.flights.has(slot) || !(swapIn.readsInline || core.isUnwritten(slot));
  }

  /** True while this turn may still read on its own thread. */
  get #mayRead(): boolean {
    const { swapIn, core } = this.#pager;
    if (this.#blocks) return true;
    if ((this.#asking.length > 0 && !this.#asksAgain) || core.handsAreFull) return false;
    return this.#mustRead || swapIn.hasTime;
  }

  /** Answers for a slot by a read on this thread. Throws what the read throws. */
  #read(slot: number, key: string, stay: Stay): void {
    const { core, swapIn } = this.#pager;
    this.#mustRead = false;
    const found = swapIn.fault(slot, key, core.table.hashAt(slot), stay);
    if (!found) {
      core.counters.misses++;
      this.#answer(undefined, false, undefined);
      return;
    }
    core.counters.faults++;
    const { promoted } = swapIn;
    if (promoted !== undefined) swapIn.guard(promoted, stay);
    this.#answer(swapIn.takeValue(), true, promoted);
  }

  #answer(value: unknown, present: boolean, entry: Entry | undefined): void {
    this.#value = value;
    this.#present = present;
    this.#entry = entry;
  }

  /** What the keys of a `run` hold at the moment that its function is called; all of it is held from here on. */
  #valuesOf(keys: readonly string[], waiter: RunWaiter<Entry>): unknown[] {
    const pager = this.#pager;
    return keys.map((key, index) => {
      let entry = pager.lookUp.resident(key);
      if (entry === undefined) {
        const slot = pager.lookUp.slot(key);
        // Set while it was waited for, and gone to the file at once; or not there.
        if (slot === none || !pager.swapIn.fault(slot, key, pager.core.table.hashAt(slot), Stay.Always))
          return undefined;
        entry = pager.swapIn.promoted;
        if (entry === undefined) return pager.swapIn.takeValue();
      }
      const before = waiter.held[index];
      if (before !== entry) {
        pager.staying.hold(entry);
        waiter.held[index] = entry;
        if (before !== undefined) pager.staying.letGo(before);
      }
      return entry.value;
    });
  }

  #release(waiter: RunWaiter<Entry>): void {
    for (const entry of waiter.held.splice(0)) if (entry !== undefined) this.#pager.staying.letGo(entry);
    this.#pager.core.notices.tell();
  }

  #leave = (waiter: Waiting): void => {
    const { place } = waiter;
    if (place === -1) return;
    waiter.place = -1;
    const last = this.#waiters.pop()!;
    if (last !== waiter) {
      this.#waiters[place] = last;
      last.place = place;
    }
    const { core, swapIn } = this.#pager;
    core.counters.blockedCallers--;
    core.pool.letGo();
    if (waiter.remaining > 0) swapIn.leave(waiter);
    // Some may have stayed until it has what it waited for.
    if (core.residents.guestsOfTurnsBytes > 0) core.endTurnSoon();
    if (this.#waiters.length === 0) core.nobodyWaits();
  };
}
