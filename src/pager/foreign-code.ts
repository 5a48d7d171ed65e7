/**
 * Whether code of the user runs inside the pager: a serializer, or a getter of a value that is being encoded. Half of a
 * record is in a buffer then, and the store must not be called: the call is refused, the encoding fails with that, and
 * the value stays in memory. The same goes for a getter of a value that is being weighed, which then counts as empty.
 */
import { SwapError } from '../errors.js';

export class ForeignCode {
  /**
   * How many calls of such code are under way: whoever makes one adds to it before, and takes from it in a `finally`. Not by a
   * method: where the stack is at its end, the call of one would fail, too, and the store would be refused for good.
   */
  depth = 0;

  get runs(): boolean {
    return this.depth > 0;
  }

  /** Refuses a call of the store from inside. */
  refuseCalls(): void {
    if (this.depth === 0) return;
    const message =
      'the store was called from a serializer, or from a getter of a value that it is encoding or weighing';
    throw new SwapError('ERR_SWAP_UNSERIALIZABLE', message);
  }
}
