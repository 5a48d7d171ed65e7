/**
 * One read that is under way for one key. There is at most one a key; whoever else wants the key joins its waiters.
 * A flight that nobody waits for any more is cancelled; its landing place is given back only when its job has ended.
 */
import type { Job } from '../io/job.js';
import { Stay, type Waiter } from '../wait/waiter.js';
import type { Entry } from './entry.js';

/** A waiter, and the number under which it wants the key. */
interface Wish {
  readonly waiter: Waiter<Entry>;
  readonly index: number;
}

export class LoadFlight {
  readonly slot: number;
  readonly key: string;
  readonly hash: number;
  // What the pointer said when the flight began. It cannot change while the flight is in the pager's list: whoever
  // changes the pointer settles the flight first.
  readonly page: number;
  readonly recordBytes: number;
  readonly generation: number;
  /** 0 while nobody wants to know. */
  readonly beganMs: number;
  /** Those that began earlier have smaller ones. */
  number = 0;

  #wishes: Wish[];

  /** The job that reads it, once there was room to land. */
  job: Job<LoadFlight> | undefined = undefined;
  /** Settled or cancelled; what its read brings is ignored. */
  ended = false;

  constructor(
    slot: number,
    key: string,
    hash: number,
    page: number,
    recordBytes: number,
    generation: number,
    beganMs: number,
    waiter: Waiter<Entry>,
    index: number,
  ) {
    this.slot = slot;
    this.key = key;
    this.hash = hash;
    this.page = page;
    this.recordBytes = recordBytes;
    this.generation = generation;
    this.beganMs = beganMs;
    this.#wishes = [{ waiter, index }];
  }

  join(waiter: Waiter<Entry>, index: number): void {
    this.#wishes.push({ waiter, index });
  }

  /** A waiter has gone away, if it was here, as often as it wanted the key; true when there is nobody left. */
  leave(waiter: Waiter<Entry>): boolean {
    this.#wishes = this.#wishes.filter((wish) => wish.waiter !== waiter);
    return !this.isWanted;
  }

  get isWanted(): boolean {
    return this.#wishes.length > 0;
  }

  /** What the waiter says that wants the value to stay most. */
  get stay(): Stay {
    let most = Stay.IfWorth;
    for (const { waiter } of this.#wishes) if (waiter.stay > most) most = waiter.stay;
    return most;
  }

  /** Tells all who wait, in the order in which they came. The flight has ended, so that nobody leaves it meanwhile. */
  tell(value: unknown, present: boolean, entry: Entry | undefined): void {
    for (const { waiter, index } of this.#wishes) waiter.arrived(index, value, present, entry);
  }

  fail(error: unknown): void {
    for (const { waiter } of this.#wishes) waiter.failed(error);
  }
}
