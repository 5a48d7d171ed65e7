// S3-FIFO (Yang et al., SOSP 2023): a small queue of a tenth, a main queue, and a ghost queue of keys as long as the main.
import { List } from './list.mjs';

const smallShare = 0.1;
const frequencyMax = 3;

export class S3Fifo {
  #entries = new Map();
  #ghosts = new Map();
  #small = new List();
  #main = new List();
  #ghost = new List();
  #capacity;
  #smallCapacity;

  constructor(capacity) {
    this.#capacity = capacity;
    this.#smallCapacity = Math.max(1, Math.floor(capacity * smallShare));
  }

  request(key, size) {
    const found = this.#entries.get(key);
    if (found !== undefined) {
      found.frequency = Math.min(found.frequency + 1, frequencyMax);
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#small.bytes + this.#main.bytes + size > this.#capacity) this.#evict();
    const entry = { key, size, frequency: 0 };
    this.#entries.set(key, entry);
    const ghost = this.#ghosts.get(key);
    if (ghost === undefined) {
      this.#small.unshift(entry);
    } else {
      this.#forget(ghost);
      this.#main.unshift(entry);
    }
    return false;
  }

  #evict() {
    if (this.#small.bytes >= this.#smallCapacity || this.#main.count === 0) this.#evictSmall();
    else this.#evictMain();
  }

  #evictSmall() {
    while (this.#small.count > 0) {
      const entry = this.#small.last;
      this.#small.remove(entry);
      if (entry.frequency > 1) {
        entry.frequency = 0;
        this.#main.unshift(entry);
        continue;
      }
      this.#entries.delete(entry.key);
      const ghost = { key: entry.key, size: entry.size };
      this.#ghosts.set(ghost.key, ghost);
      this.#ghost.unshift(ghost);
      while (this.#ghost.bytes > this.#capacity - this.#smallCapacity) this.#forget(this.#ghost.last);
      return;
    }
  }

  #evictMain() {
    for (;;) {
      const entry = this.#main.last;
      this.#main.remove(entry);
      if (entry.frequency === 0) {
        this.#entries.delete(entry.key);
        return;
      }
      entry.frequency--;
      this.#main.unshift(entry);
    }
  }

  #forget(ghost) {
    this.#ghost.remove(ghost);
    this.#ghosts.delete(ghost.key);
  }
}
