/**
 * The policy 'lru': what was used longest ago leaves first, exactly. A scan of more than memory flushes everything,
 * and a loop slightly larger than memory never hits; it is here to be compared with, and for uses that are recent or
 * never. An entry that comes back after it stood aside counts as used just then, as its old place is not kept.
 */
import { Place, type Policy, type Resident, setAside } from './resident.js';
import { Window } from './window.js';

export class LruPolicy<E extends Resident> implements Policy<E> {
  readonly #list = new Window<E>();

  get bytes(): number {
    return this.#list.overheadBytes;
  }

  add(entry: E): void {
    entry.place = Place.Window;
    entry.home = Place.Window;
    this.#list.push(entry);
  }

  restore(entry: E): void {
    this.add(entry);
  }

  touch(entry: E): void {
    this.#list.touch(entry);
  }

  remove(entry: E): void {
    this.#list.remove(entry);
    entry.place = Place.Aside;
  }

  takeVictim(): E | undefined {
    const entry = this.#list.pop();
    if (entry !== undefined) entry.place = Place.Aside;
    return entry;
  }

  resized(entry: E, oldSize: number): void {
    this.#list.resized(entry, oldSize);
  }

  clear(): void {
    this.#list.forEach(setAside);
    this.#list.clear();
  }
}
