/**
 * Since which turn of the event loop what was handed out may still be changed in place. Whoever awaits several values at
 * once changes the first of them when the last has come, which may be turns later: so what was handed out since the
 * oldest wait began had better not be encoded before that is over.
 *
 * It has its bound: where there is always somebody who waits, memory would fill up with what must not leave. So once
 * half of it was handed out since then, all but what is of the turn itself may leave, and it begins anew.
 */
import type { Core } from './core.js';

export class HandedOut {
  readonly #core: Core;
  #since = 0;
  /** What was handed out since then costs, bytes; what has left meanwhile included. */
  #bytes = 0;
  /** The turn that `#since` was found in. */
  #turn = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** The turn; it stays the same for all of the one that is under way, as who has what it waited for runs at its end. */
  get since(): number {
    const { turn } = this.#core;
    if (this.#turn !== turn) this.#look(turn);
    return this.#since;
  }

  #look(turn: number): void {
    const { oldestWaitingTurn, options } = this.#core;
    const oldest = this.#bytes > options.maxMemory / 2 ? turn : Math.min(turn, oldestWaitingTurn());
    this.#turn = turn;
    this.#since = Math.max(this.#since, oldest);
    if (this.#since === turn) this.#bytes = 0;
  }

  /** A value that costs so much, and was handed out last in `lastTurn`, is so again. */
  note(bytes: number, lastTurn: number): void {
    if (lastTurn < this.since) this.#bytes += bytes;
  }
}
