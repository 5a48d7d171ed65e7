/**
 * A list of candidates in the order of their last use: lru-cache, used as an ordered set that holds each entry under
 * itself. What is new stands here before it has shown that it is used again; the 'lru' policy is nothing but this list.
 *
 * Bytes are counted here and not by lru-cache: with a limit of its own it drops a value that is too large without a
 * word, and the value it replaces with it. Its limit is therefore set out of reach, and only its order is used. In
 * that mode its arrays grow with use instead of being allocated for the most entries there could ever be.
 *
 * What it does not do well: an entry costs some 100 bytes on the V8 heap, a hit a look-up in a Map, and that Map is
 * rehashed in one go when it grows. The main set has none of this; the list is meant to be short.
 */
import { LRUCache } from 'lru-cache';
import type { Resident } from './resident.js';

/** Links, key, value and size in lru-cache's arrays, and the slot in its Map with its share of free room. */
const entryOverheadBytes = 104;

export class Window<E extends Resident> {
  // `bytes` is the sum of the sizes of the entries in the list.
  #list = createList<E>();
  #bytes = 0;
  /** Most entries there have been: lru-cache gives no room back, so that its own memory goes by this. */
  #longest = 0;

  get count(): number {
    return this.#list.size;
  }

  /** Bytes of the values in the list. */
  get bytes(): number {
    return this.#bytes;
  }

  get overheadBytes(): number {
    return this.#longest * entryOverheadBytes;
  }

  /** Puts an entry that is not in the list at its young end. */
  push(entry: E): void {
    this.#list.set(entry, entry);
    this.#bytes += entry.size;
    if (this.#list.size > this.#longest) this.#longest = this.#list.size;
  }

  /** Moves an entry of the list to its young end. */
  touch(entry: E): void {
    this.#list.get(entry);
  }

  remove(entry: E): void {
    this.#bytes -= entry.size;
    // Deleting the last entry makes lru-cache wipe its arrays at their longest; popping it does not.
    if (this.#list.size === 1) this.#list.pop();
    else this.#list.delete(entry);
  }

  /** Takes the entry that was used longest ago. */
  pop(): E | undefined {
    const entry = this.#list.pop();
    if (entry !== undefined) this.#bytes -= entry.size;
    return entry;
  }

  resized(entry: E, oldSize: number): void {
    this.#bytes += entry.size - oldSize;
  }

  /** Calls `visit` for each entry. */
  forEach(visit: (entry: E) => void): void {
    this.#list.forEach(visit);
  }

  clear(): void {
    this.#list = createList();
    this.#bytes = 0;
    this.#longest = 0;
  }
}

function createList<E extends Resident>(): LRUCache<E, E> {
  return new LRUCache<E, E>({ maxSize: Number.MAX_SAFE_INTEGER, sizeCalculation: () => 1 });
}
