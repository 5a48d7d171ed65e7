/**
 * One read that is under way for one key. There is at most one a key; whoever else wants the key joins its waiters.
 * A flight that nobody waits for any more is cancelled; its landing place is given back only when its job has ended.
 */
import type { Job } from '../io/job.js';
import { Stay, type Waiter } from '../wait/waiter.js';
import type { Entry } from './entry.js';

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

  /** Index-aligned: waiters[i] wants this key as its number indexes[i]. */
  readonly waiters: Array<Waiter<Entry>> = [];
  readonly indexes: number[] = [];

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
  ) {
    this.slot = slot;
    this.key = key;
    this.hash = hash;
    this.page = page;
    this.recordBytes = recordBytes;
    this.generation = generation;
    this.beganMs = beganMs;
  }

  /** What the waiter says that wants the value to stay most. */
  get stay(): Stay {
    let most = Stay.IfWorth;
    for (const { stay } of this.waiters) if (stay > most) most = stay;
    return most;
  }
}
