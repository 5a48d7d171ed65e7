/**
 * The policy 'lru': what was used longest ago leaves first, exactly; an lru-cache that holds each entry under itself. A
 * scan of more than memory flushes everything, and a loop slightly larger than memory never hits; it is here to be
 * compared with, and for uses that are recent or never. An entry that comes back after it stood aside counts as used
 * just then, as its old place is not kept.
 *
 * Only lru-cache's order is used, and its limit is set out of reach: with one of its own it drops a value that is too
 * large without a word, and the value it replaces with it. In that mode its arrays grow with use.
 *
 * What it does not do well: an entry costs some 100 bytes on the V8 heap, a hit a look-up in a Map, and that Map is
 * rehashed in one go: 20 ms with 200,000 entries.
 */
import { LRUCache } from 'lru-cache';
import { Place, type Policy, type Resident, setAside } from './resident.js';

/** Links, key, value and size in lru-cache's arrays, and the slot in its Map with its share of free room. */
const entryOverheadBytes = 104;

export class LruPolicy<E extends Resident> implements Policy<E> {
  #list = createList<E>();
  /** Most entries there have been: lru-cache gives no room back, so that its own memory goes by this. */
  #longest = 0;

  get bytes(): number {
    return this.#longest * entryOverheadBytes;
  }

  add(entry: E): void {
    entry.place = Place.Window;
    entry.home = Place.Window;
    this.#list.set(entry, entry);
    if (this.#list.size > this.#longest) this.#longest = this.#list.size;
  }

  restore(entry: E): void {
    this.add(entry);
  }

  putBack(entry: E): void {
    this.add(entry);
  }

  touch(entry: E): void {
    this.#list.get(entry);
  }

  remove(entry: E): void {
    // Deleting the last entry makes lru-cache wipe its arrays at their longest; popping it does not.
    if (this.#list.size === 1) this.#list.pop();
    else this.#list.delete(entry);
    entry.place = Place.Aside;
  }

  admits(): boolean {
    return true;
  }

  passedBy(_hash: number): void {}

  takeVictim(): E | undefined {
    const entry = this.#list.pop();
    if (entry !== undefined) entry.place = Place.Aside;
    return entry;
  }

  resized(_entry: E, _oldSize: number): void {}

  clear(): void {
    this.#list.forEach(setAside);
    this.#list = createList();
    this.#longest = 0;
  }
}

function createList<E extends Resident>(): LRUCache<E, E> {
  return new LRUCache<E, E>({ maxSize: Number.MAX_SAFE_INTEGER, sizeCalculation: () => 1 });
}
