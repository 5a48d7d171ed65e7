// Least recently used.
import { List } from './list.mjs';

export class Lru {
  #entries = new Map();
  #list = new List();
  #capacity;

  constructor(capacity) {
    this.#capacity = capacity;
  }

  request(key, size) {
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.#list.remove(found);
      this.#list.unshift(found);
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#list.bytes + size > this.#capacity) {
      const victim = this.#list.last;
      this.#list.remove(victim);
      this.#entries.delete(victim.key);
    }
    const entry = { key, size };
    this.#entries.set(key, entry);
    this.#list.unshift(entry);
    return false;
  }
}
