/**
 * What a value looked like when it was decoded: the objects that it is made of, and what the members of each were, by
 * identity. The decoder notes each object as it makes it, so that nobody has to walk over the value to see what it is
 * made of, and to look at the members of each once more takes a part of what it takes to encode the value.
 *
 * It knows plain records and dense arrays; a value that has anything else has none. A record whose prototype was changed
 * is what it was, as it comes back a plain one. Objects are noted one by one and not as a tree, so that references, to one
 * that is around them, too, are members like others.
 */
import { isDense } from './dense.js';

/** Objects and members of a value beyond which it is better encoded. */
const partsMax = 512;

export class Likeness {
  // Side by side: an object, the keys of its members where it is a record, and these.
  readonly #objects: Array<object | undefined> = [];
  readonly #keys: Array<readonly string[] | undefined> = [];
  readonly #members: Array<readonly unknown[] | undefined> = [];
  #count = 0;
  #parts = 0;
  /** True when all objects of the value have been noted. */
  isWhole = false;

  /** Another value is about to be decoded, in the place of the last one. */
  begin(): void {
    this.forget();
    this.isWhole = true;
  }

  /** A record has been made, whose keys are `keys`, in their order. */
  noteRecord(record: object, keys: readonly string[]): void {
    if (this.#hasRoom(keys.length)) this.#note(record, keys, Object.values(record));
  }

  /** A dense array has been made. */
  noteArray(array: readonly unknown[]): void {
    if (this.#hasRoom(array.length)) this.#note(array, undefined, array.slice());
  }

  /** True when no object of the value has changed since. May call getters. */
  isAsItWas(): boolean {
    // What is around others was made after them, and comes first, as it does where the value is encoded.
    for (let at = this.#count - 1; at >= 0; at--) {
      const object = this.#objects[at]!;
      const keys = this.#keys[at];
      const members = this.#members[at]!;
      const same =
        keys === undefined
          ? isArrayOf(object as readonly unknown[], members)
          : isRecordOf(object as Readonly<Record<string, unknown>>, keys, members);
      if (!same) return false;
    }
    return this.isWhole;
  }

  /** Keeps nothing of the value alive; one that is being decoded has no likeness, as it is made of something else, too. */
  forget(): void {
    // No `fill`, which is a call into the runtime.
    for (let at = 0; at < this.#count; at++) {
      this.#objects[at] = undefined;
      this.#keys[at] = undefined;
      this.#members[at] = undefined;
    }
    this.#count = 0;
    this.#parts = 0;
    this.isWhole = false;
  }

  #hasRoom(memberCount: number): boolean {
    this.#parts += 1 + memberCount;
    if (this.#parts > partsMax) this.forget();
    return this.isWhole;
  }

  #note(object: object, keys: readonly string[] | undefined, members: readonly unknown[]): void {
    const at = this.#count++;
    this.#objects[at] = object;
    this.#keys[at] = keys;
    this.#members[at] = members;
  }
}

function isArrayOf(array: readonly unknown[], members: readonly unknown[]): boolean {
  if (array.length !== members.length || !isDense(array)) return false;
  for (let at = 0; at < members.length; at++) if (!Object.is(array[at], members[at])) return false;
  return true;
}

function isRecordOf(
  record: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  members: readonly unknown[],
): boolean {
  let at = 0;
  for (const key in record) {
    if (keys[at] !== key || !Object.is(record[key], members[at])) return false;
    at++;
  }
  return at === members.length;
}
