/** A clock that stands still until the test moves it, and an event loop that turns only when the test turns it. */
import type { Clock } from '../../dist/environment.js';

interface Timer {
  readonly dueMs: number;
  readonly fn: () => void;
}

/** Lets everything that is already resolved run on: all microtasks, and one real turn of the loop. */
export function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class ManualClock implements Clock {
  nowMs = 1_700_000_000_000;
  monotonicMs = 1_000;
  /** With true, turns and timers are the runtime's own; only the time shown is the test's. */
  passThrough = false;
  #turns: Array<() => void> = [];
  #timers: Timer[] = [];

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.monotonicMs;
  }

  nextTurn(fn: () => void): void {
    if (this.passThrough) setImmediate(fn);
    else this.#turns.push(fn);
  }

  after(delayMs: number, fn: () => void): () => void {
    if (this.passThrough) {
      const timeout = setTimeout(fn, delayMs).unref();
      return () => clearTimeout(timeout);
    }
    const timer: Timer = { dueMs: this.monotonicMs + delayMs, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many calls wait for the next turn. */
  get pendingTurns(): number {
    return this.#turns.length;
  }

  /** Something took time: only what measures durations sees it; no timer fires before the next `advance`. */
  spend(ms: number): void {
    this.monotonicMs += ms;
  }

  /** One turn of the loop: what waited for it when it began, then what was resolved by that. */
  async turn(): Promise<boolean> {
    const turns = this.#turns;
    this.#turns = [];
    // As between two immediates of the real loop.
    await microtasks();
    for (const fn of turns) {
      fn();
      await microtasks();
    }
    return turns.length > 0;
  }

  /** Lets time pass: fires what falls due, in order. Turns asked for meanwhile wait for `turn`. */
  async advance(ms: number): Promise<void> {
    const endMs = this.monotonicMs + ms;
    const endNowMs = this.nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      const stepMs = Math.max(0, due.dueMs - this.monotonicMs);
      this.monotonicMs += stepMs;
      this.nowMs += stepMs;
      due.fn();
      await microtasks();
    }
    this.monotonicMs = Math.max(this.monotonicMs, endMs);
    this.nowMs = Math.max(this.nowMs, endNowMs);
    await microtasks();
  }
}
