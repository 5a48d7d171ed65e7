/**
 * One flush at a time: begun by who asks for one, by the interval, or when too much waits for it. Its steps are driven in
 * turns of the event loop, or at once by who cannot wait.
 *
 * Feared most: a flush that is said to be done for what was set after it had begun. So who asks while one is under way has
 * the next.
 */
import { drive, driveNow, type Steps } from '../disk/file-steps.js';
import type { SwapError } from '../errors.js';
import type { Core } from './core.js';

export interface FlushesOptions {
  readonly core: Core;
  /** What a flush does. */
  steps(): Steps;
  /** True when so much waits in memory for a flush that it must not wait for the interval. */
  isTooMuch(): boolean;
}

export class Flushes {
  readonly #options: FlushesOptions;
  readonly #core: Core;
  #running: Promise<void> | undefined = undefined;
  #queued: Promise<void> | undefined = undefined;
  #isUnderWay = false;
  #cancelTimer: (() => void) | undefined = undefined;
  /** True while the timer is for what cannot wait for the interval. */
  #isDueNow = false;
  #isStopped = false;

  constructor(options: FlushesOptions) {
    this.#options = options;
    this.#core = options.core;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** A flush that begins after the call. */
  soon(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    // The one that is under way may have passed what was set just now.
    this.#queued ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#queued = undefined;
        return this.soon();
      });
    return this.#queued;
  }

  /** Resolves when the one that is under way has ended; the next may begin before its caller runs. */
  async ended(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  /** Drives `steps` at once, if no flush is under way; true when it was done. Throws as a flush rejects. */
  now(steps: Steps): boolean {
    if (this.#isUnderWay) return false;
    this.#isUnderWay = true;
    try {
      driveNow(steps, this.#core.environment, this.#asError);
    } finally {
      this.#isUnderWay = false;
    }
    return true;
  }

  /** Something has changed: a flush begins by itself after the interval. */
  schedule(): void {
    if (this.#isStopped || this.#isDueNow) return;
    const { flushIntervalMs } = this.#core.options;
    // What waits for a flush takes memory: there is a bound to it, whatever was asked for.
    const isTooMuch = this.#options.isTooMuch();
    if (!isTooMuch && (flushIntervalMs === 0 || this.#cancelTimer !== undefined)) return;
    this.#cancelTimer?.();
    this.#isDueNow = isTooMuch;
    this.#cancelTimer = this.#core.environment.clock.after(isTooMuch ? 0 : flushIntervalMs, () => {
      this.#cancelTimer = undefined;
      this.#isDueNow = false;
      this.soon().catch((error: SwapError) => {
        this.#core.notices.warn(error);
        this.#core.notices.tell();
        this.schedule();
      });
    });
  }

  /** None begins by itself any more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  async #run(): Promise<void> {
    this.#isUnderWay = true;
    try {
      await drive(this.#options.steps(), this.#core.environment, this.#asError);
    } finally {
      this.#isUnderWay = false;
      this.#core.progressed();
    }
  }

  readonly #asError = (cause: unknown): SwapError =>
    this.#core.ioError('cannot make the store durable', cause);
}
