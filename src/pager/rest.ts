/**
 * After a write that has failed: nothing more is tried for a while, which doubles with each failure, and is forgotten with
 * the first success.
 */
import type { Clock } from '../environment.js';

const restMsMin = 100;
const restMsMax = 10_000;

export class Rest {
  readonly #clock: Clock;
  readonly #onOver: () => void;
  /** How long the next one takes. */
  #nextMs = restMsMin;
  /** When the last one is over; 0 when nothing has failed since the last success. */
  #untilMs = 0;
  #cancel: () => void = () => {};

  /** @param onOver Called when a rest is over. */
  constructor(clock: Clock, onOver: () => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** True from a failure to the next success, whether it is time to try again or not. */
  get hasFailed(): boolean {
    return this.#untilMs !== 0;
  }

  get isUnderWay(): boolean {
    return this.hasFailed && this.#clock.monotonic() < this.#untilMs;
  }

  failed(): void {
    this.#untilMs = this.#clock.monotonic() + this.#nextMs;
    this.close();
    this.#cancel = this.#clock.after(this.#nextMs, this.#onOver);
    this.#nextMs = Math.min(2 * this.#nextMs, restMsMax);
  }

  succeeded(): void {
    this.#nextMs = restMsMin;
    this.#untilMs = 0;
  }

  close(): void {
    this.#cancel();
  }
}
