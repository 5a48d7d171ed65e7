/**
 * When what has ended is delivered: in slices of a turn of the event loop, so that no flood of completions keeps it from
 * anything else. At once, where someone asks; step by step when a thread has rung or a turn begins, so that who awaits one
 * thing runs before the next is delivered, and the threads read what they ask for meanwhile.
 *
 * Feared most: a delivery in the middle of another, which finds structures half changed.
 */
import type { Clock } from '../environment.js';

/** Completions are handled for so long in a turn of the event loop, at least one. */
const sliceMs = 1;
/** What is asked of it runs behind the microtasks that are there; in Node queueMicrotask makes an async resource for each. */
const resolved = Promise.resolve();

export interface DeliveryOptions {
  readonly clock: Clock;
  /** What `one` does. */
  deliverOne(onlyWrites: boolean): boolean;
  /** True when no more should be delivered in this turn. */
  mustYield(): boolean;
  /** A slice is over in which so many were delivered. */
  onSliceEnd(count: number): void;
  /** Before it is looked for what has ended: whatever ends from then on rings again. */
  onLook(): void;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  #isUnderWay = false;
  #lookIsDue = false;
  // The slice that is being delivered step by step.
  #stepIsDue = false;
  #stepsEndMs = 0;
  #steps = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** True in the middle of one. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Delivers what has ended, at once, for a slice of time. */
  all(): void {
    if (this.#isUnderWay) return;
    const endsMs = this.#options.clock.monotonic() + sliceMs;
    let count = 0;
    while (this.one()) {
      count++;
      if (!this.#goesOn(endsMs)) return this.#leaveRest(count);
    }
    this.#options.onSliceEnd(count);
  }

  /**
   * Delivers what has been written, at once, for a slice of time, in the middle of a call. What has been read comes later, as it
   * may be of the call's own key, and so does whoever is told of anything.
   */
  writes(): void {
    if (this.#isUnderWay) return;
    const endsMs = this.#options.clock.monotonic() + sliceMs;
    while (this.one(true) && this.#options.clock.monotonic() < endsMs);
    this.soon();
  }

  /** A thread has rung. */
  rung(): void {
    this.#options.onLook();
    this.#inSteps();
  }

  /** As `all`, one by one: who awaits what was delivered runs before the next is. */
  #inSteps(): void {
    if (this.#isUnderWay) return;
    if (!this.#stepIsDue) {
      this.#stepsEndMs = this.#options.clock.monotonic() + sliceMs;
      this.#steps = 0;
    }
    this.#step();
  }

  /** In the next turn, step by step. */
  soon(): void {
    if (this.#lookIsDue) return;
    this.#lookIsDue = true;
    this.#options.clock.nextTurn(this.#look);
  }

  /** Delivers one thing, a write only where that is said; false when there is none. */
  one(onlyWrites = false): boolean {
    this.#isUnderWay = true;
    try {
      return this.#options.deliverOne(onlyWrites);
    } finally {
      this.#isUnderWay = false;
    }
  }

  readonly #look = (): void => {
    this.#lookIsDue = false;
    this.rung();
  };

  #step(): void {
    if (!this.one()) return this.#options.onSliceEnd(this.#steps);
    this.#steps++;
    if (!this.#goesOn(this.#stepsEndMs)) return this.#leaveRest(this.#steps);
    // What they ask for is read meanwhile. Were all delivered first, the threads would have nothing to do until then.
    if (!this.#stepIsDue) void resolved.then(this.#nextStep);
    this.#stepIsDue = true;
  }

  readonly #nextStep = (): void => {
    this.#stepIsDue = false;
    // Whoever ran in between may have been long, or have values in hand that leave no room for the next.
    if (this.#goesOn(this.#stepsEndMs)) this.#step();
    else this.#leaveRest(this.#steps);
  };

  #goesOn(endsMs: number): boolean {
    return this.#options.clock.monotonic() < endsMs && !this.#options.mustYield();
  }

  /** Ends a slice before it is known that there is no more. */
  #leaveRest(count: number): void {
    this.soon();
    this.#options.onSliceEnd(count);
  }
}
