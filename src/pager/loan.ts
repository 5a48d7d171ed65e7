/**
 * A value that `get` has just read and handed out. Its caller may change it in place until the next call to the store, and
 * not after; it is still in the processor's caches, and so is the record that it came from, where that was read to. So
 * at the next read, before that buffer is used again, the value is compared: with its likeness as it was decoded, or, if
 * it can have none, encoded once more with its record. If it is as it was, and nobody asks for it again, it can leave
 * later without being looked at, when it lies cold in memory.
 *
 * Feared most: a change in place that comes after the comparison and is lost. So only what a blocking `get` of one key
 * has returned is lent: whoever awaits may change a value later, and a batch is handed out when its last read is over.
 */
import { Likeness } from '../codec/likeness.js';
import type { RecordBuffer } from '../disk/record.js';
import { Custody, type Entry } from './entry.js';
import type { ForeignCode } from './foreign-code.js';
import type { RecordWriter } from './record-writer.js';

export class Loan {
  readonly #writer: RecordWriter;
  readonly #foreign: ForeignCode;
  /** Of a value from when it is decoded, if it may be lent, until the next is read. */
  readonly likeness = new Likeness();
  #entry: Entry | undefined = undefined;
  #source: RecordBuffer | undefined = undefined;
  #from = 0;

  constructor(writer: RecordWriter, foreign: ForeignCode) {
    this.#writer = writer;
    this.#foreign = foreign;
  }

  /** True when it can be seen whether the value that was read last is changed, given where its payload lies. */
  canLend(source: RecordBuffer | undefined): boolean {
    return this.likeness.isWhole || source !== undefined;
  }

  /** An entry goes out whose payload lies at `from` in `source`, where it stays until `settle`; or has a likeness. */
  lend(entry: Entry, source: RecordBuffer | undefined, from: number): void {
    entry.custody = Custody.Lent;
    this.#entry = entry;
    this.#source = source;
    this.#from = from;
  }

  /** The buffer is about to be used again, by a later call: sees whether the value still is what it says. */
  settle(): void {
    const entry = this.#entry;
    this.#entry = undefined;
    // It may have left; and who has set it, or was given it since, has said so.
    if (entry?.custody === Custody.Lent && entry.copyIndex !== -1 && entry.batch === undefined) {
      const isUnchanged = this.#isUnchanged(entry);
      // A getter of its own may have been given it just now.
      if (entry.custody === Custody.Lent) entry.custody = isUnchanged ? Custody.Clean : Custody.HandedOut;
    }
    this.likeness.forget();
  }

  #isUnchanged({ value, copyBytes }: Entry): boolean {
    if (!this.likeness.isWhole) return this.#writer.saysTheSame(value, this.#source!, this.#from, copyBytes);
    // What was made a getter in place is called.
    this.#foreign.depth++;
    try {
      return this.likeness.isAsItWas();
    } catch {
      return false;
    } finally {
      this.#foreign.depth--;
    }
  }
}
