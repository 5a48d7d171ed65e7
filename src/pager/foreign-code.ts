/**
 * Whether code of the user runs inside the pager: a serializer, or a getter of a value that is being encoded. Half of a
 * record is in a buffer then, and the store must not be called: the call is refused, the encoding fails with that, and
 * the value stays in memory.
 */
import { SwapError } from '../errors.js';

export class ForeignCode {
  #runs = false;

  /** Refuses a call of the store from inside. */
  refuseCalls(): void {
    if (!this.#runs) return;
    const message = 'the store was called from a serializer, or from a getter of a value that it is encoding';
    throw new SwapError('ERR_SWAP_UNSERIALIZABLE', message);
  }

  enter(): void {
    this.#runs = true;
  }

  leave(): void {
    this.#runs = false;
  }
}
