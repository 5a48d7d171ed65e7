/**
 * A value that `get` has just read and handed out. Its caller may change it in place until the next call to the store, and
 * not after; the record that it came from is still where it was read to, and both are still in the processor's caches. So
 * at the next read, before that buffer is used again, the value is compared: with its likeness as it was handed out, or, if
 * it can have none, encoded once more with its record. If it is as it was, and nobody asks for it again, it can leave
 * later without being looked at, when it lies cold in memory.
 *
 * Feared most: a change in place that comes after the comparison and is lost. So only what a blocking `get` of one key
 * has returned is lent: whoever awaits may change a value later, and a batch is handed out when its last read is over.
 */
import type { RecordBuffer } from '../disk/record.js';
import { Custody, type Entry } from './entry.js';
import type { ForeignCode } from './foreign-code.js';
import { Likeness } from './likeness.js';
import type { RecordWriter } from './record-writer.js';

export class Loan {
  readonly #writer: RecordWriter;
  readonly #foreign: ForeignCode;
  readonly #likeness = new Likeness();
  #hasLikeness = false;
  #entry: Entry | undefined = undefined;
  #source: RecordBuffer | undefined = undefined;
  #from = 0;

  constructor(writer: RecordWriter, foreign: ForeignCode) {
    this.#writer = writer;
    this.#foreign = foreign;
  }

  /**
   * An entry goes out whose payload lies at `from` in `source`, where it stays until `settle`.
   *
   * @param isSimple As Likeness has it.
   */
  lend(entry: Entry, source: RecordBuffer, from: number, isSimple: boolean): void {
    entry.custody = Custody.Lent;
    this.#entry = entry;
    this.#source = source;
    this.#from = from;
    this.#hasLikeness = this.#likeness.take(entry.value, isSimple);
  }

  /** The buffer is about to be used again, by a later call: sees whether the value still is what it says. */
  settle(): void {
    const entry = this.#entry;
    if (entry === undefined) return;
    this.#entry = undefined;
    // It may have left; and who has set it, or was given it since, has said so.
    if (entry.custody === Custody.Lent && entry.copyIndex !== -1 && entry.batch === undefined)
      entry.custody = this.#isUnchanged(entry) ? Custody.Clean : Custody.HandedOut;
    this.#likeness.forget();
  }

  #isUnchanged({ value, copyBytes }: Entry): boolean {
    if (!this.#hasLikeness) return this.#writer.saysTheSame(value, this.#source!, this.#from, copyBytes);
    // What was made a getter in place is called.
    this.#foreign.depth++;
    try {
      return this.#likeness.isOf(value);
    } catch {
      return false;
    } finally {
      this.#foreign.depth--;
    }
  }
}
