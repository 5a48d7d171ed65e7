/**
 * Ends entries whose time is over though nobody asks for them, so that dead values hold no memory and no pages. Once a
 * second it looks at the entries that have a ttl, and at no others, in slices of a turn; no value is read for it.
 */
import { none } from '../memory/pointer-table.js';
import type { Core } from './core.js';

const everyMs = 1000;
const sliceMs = 1;
/** The clock is looked at once for so many entries. */
const entriesPerLook = 4096;

export class ExpirySweep {
  readonly #core: Core;
  readonly #expire: (slot: number) => void;
  #isDue = false;
  #cancel: () => void = () => {};
  #closed = false;

  constructor(core: Core, expire: (slot: number) => void) {
    this.#core = core;
    this.#expire = expire;
  }

  /** There is an entry with a ttl. */
  start(): void {
    if (this.#isDue || this.#closed) return;
    this.#isDue = true;
    this.#cancel = this.#core.environment.clock.after(everyMs, () => this.#slice());
  }

  /** When what is set now with this ttl ends, ms since the epoch, and it will be ended then; 0 = never. */
  expiryOf(ttlMs: number): number {
    if (ttlMs === 0) return 0;
    this.start();
    return this.#core.environment.clock.now() + ttlMs;
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #slice(): void {
    if (this.#closed) return;
    const { clock } = this.#core.environment;
    const { table, notices } = this.#core;
    const endsMs = clock.monotonic() + sliceMs;
    const nowMs = clock.now();
    do {
      const slot = table.sweep(entriesPerLook, nowMs);
      if (slot !== none) this.#expire(slot);
      else if (table.sweepIsOver) {
        this.#isDue = false;
        if (table.size > 0) this.start();
        notices.tell();
        return;
      }
    } while (clock.monotonic() < endsMs);
    notices.tell();
    clock.nextTurn(() => this.#slice());
  }
}
