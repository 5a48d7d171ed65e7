/**
 * While memory is over its bound, which only pins, running `run` calls, a pause and values that cannot be encoded can
 * bring about, looks again and again whether it can shrink, and warns at a limited rate when it stays over by more
 * than a tenth. The seed's serverCron does the same.
 */
import { SwapError } from '../errors.js';
import type { Core } from './core.js';

const everyMs = 100;
const warnEveryMs = 30_000;

export class OverBoundCheck {
  readonly #core: Core;
  readonly #swap: () => void;
  #running = false;
  #cancel: () => void = () => {};
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(core: Core, swap: () => void) {
    this.#core = core;
    this.#swap = swap;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#cancel = this.#core.environment.clock.after(everyMs, () => this.#look());
  }

  close(): void {
    this.#running = true;
    this.#cancel();
  }

  #look(): void {
    this.#running = false;
    const { residents, options, environment, notices } = this.#core;
    const usedBytes = residents.usedBytes;
    if (usedBytes <= options.maxMemory) return;
    this.#swap();
    const nowMs = environment.clock.monotonic();
    if (usedBytes > options.maxMemory * 1.1 && nowMs - this.#warnedAtMs >= warnEveryMs) {
      this.#warnedAtMs = nowMs;
      const message = `memory is over its bound: ${usedBytes} bytes are used, maxMemory is ${options.maxMemory}`;
      notices.warn(new SwapError('ERR_SWAP_FULL', message));
      notices.tell();
    }
    this.start();
  }
}
