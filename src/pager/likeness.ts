/**
 * What a value looked like at some moment: the objects that it is made of and what each of their members was, by
 * identity, in the order of a walk. To walk a record twice takes half of what it takes to encode it, and a value is
 * looked at each time that a caller who was given it may have changed it.
 *
 * It knows plain records and arrays of what cannot be changed in place; other values have none. A record whose prototype
 * was changed is what it was, as it comes back a plain one.
 */

import { isDense } from '../codec/dense.js';

/** Members of a value, keys included, beyond which it is better encoded. */
const partsMax = 512;
const depthMax = 16;

export class Likeness {
  /** For each object itself, then how many members it has, then these, with their keys in a record. */
  readonly #parts: unknown[] = [];
  /** How many there are. */
  #count = 0;
  #at = 0;
  #depth = 0;
  #isSimple = false;

  /**
   * Takes the likeness of a value in the place of the last one; false when it can have none.
   *
   * @param isSimple It is known to be made of plain records, dense arrays and primitives alone.
   */
  take(value: unknown, isSimple: boolean): boolean {
    this.forget();
    this.#depth = 0;
    this.#isSimple = isSimple;
    const isTaken = this.#note(value);
    this.#count = this.#at;
    if (!isTaken) this.forget();
    return isTaken;
  }

  /** Keeps nothing of the last value alive. */
  forget(): void {
    // No `fill`, which is a call into the runtime.
    for (let at = 0; at < this.#count; at++) this.#parts[at] = undefined;
    this.#count = 0;
    this.#at = 0;
  }

  /** True when a value is the one whose likeness was taken, and nothing of it has changed. May call getters. */
  isOf(value: unknown): boolean {
    this.#at = 0;
    return this.#isAsNoted(value);
  }

  #put(part: unknown): void {
    this.#parts[this.#at++] = part;
  }

  #note(value: unknown): boolean {
    if (this.#at >= partsMax) return false;
    this.#put(value);
    if (typeof value !== 'object' || value === null) return true;
    if (++this.#depth > depthMax) return false;
    const isNoted = Array.isArray(value) ? this.#noteArray(value) : this.#noteRecord(value);
    this.#depth--;
    return isNoted;
  }

  #noteArray(array: readonly unknown[]): boolean {
    const { length } = array;
    if (!this.#isSimple && !isDense(array)) return false;
    this.#put(length);
    for (let index = 0; index < length; index++) if (!this.#note(array[index])) return false;
    return true;
  }

  #noteRecord(record: object): boolean {
    if (!this.#isSimple && Object.getPrototypeOf(record) !== Object.prototype) return false;
    const countAt = this.#at++;
    let count = 0;
    for (const key in record) {
      this.#put(key);
      if (!this.#note((record as Record<string, unknown>)[key])) return false;
      count++;
    }
    this.#parts[countAt] = count;
    return true;
  }

  #isAsNoted(value: unknown): boolean {
    if (!Object.is(this.#parts[this.#at++], value)) return false;
    if (typeof value !== 'object' || value === null) return true;
    return Array.isArray(value) ? this.#isArrayAsNoted(value) : this.#isRecordAsNoted(value);
  }

  #isArrayAsNoted(array: readonly unknown[]): boolean {
    const { length } = array;
    if (this.#parts[this.#at++] !== length || !isDense(array)) return false;
    for (let index = 0; index < length; index++) if (!this.#isAsNoted(array[index])) return false;
    return true;
  }

  #isRecordAsNoted(record: object): boolean {
    let left = this.#parts[this.#at++] as number;
    for (const key in record) {
      if (left-- === 0 || this.#parts[this.#at++] !== key) return false;
      if (!this.#isAsNoted((record as Record<string, unknown>)[key])) return false;
    }
    return left === 0;
  }
}
