// SIEVE (Zhang et al., NSDI 2024): a queue in the order of arrival, a bit an entry, and a hand that goes from old to new.
import { List } from './list.mjs';

export class Sieve {
  #entries = new Map();
  #list = new List();
  #hand = undefined;
  #capacity;

  constructor(capacity) {
    this.#capacity = capacity;
  }

  request(key, size) {
    const found = this.#entries.get(key);
    if (found !== undefined) {
      found.visited = true;
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#list.bytes + size > this.#capacity) this.#evict();
    const entry = { key, size, visited: false };
    this.#entries.set(key, entry);
    this.#list.unshift(entry);
    return false;
  }

  #evict() {
    let entry = this.#hand ?? this.#list.last;
    while (entry.visited) {
      entry.visited = false;
      entry = this.#newer(entry) ?? this.#list.last;
    }
    this.#hand = this.#newer(entry);
    this.#list.remove(entry);
    this.#entries.delete(entry.key);
  }

  #newer(entry) {
    return entry.prev === this.#list.head ? undefined : entry.prev;
  }
}
