// ARC (Megiddo and Modha, FAST 2003): two lists by recency and frequency, their ghosts, and a target between them. Sizes
// are counted in the units of the capacity; the adaptation moves by the size of the ghost that was hit.
import { List } from './list.mjs';

export class Arc {
  #entries = new Map();
  #once = new List();
  #often = new List();
  #onceGhosts = new List();
  #oftenGhosts = new List();
  #target = 0;
  #capacity;

  constructor(capacity) {
    this.#capacity = capacity;
  }

  request(key, size) {
    const found = this.#entries.get(key);
    const list = found?.list;
    if (list === this.#once || list === this.#often) {
      list.remove(found);
      this.#often.unshift(found);
      return true;
    }
    if (size > this.#capacity) return false;
    if (found !== undefined) {
      this.#adapt(list === this.#onceGhosts, size);
      this.#makeRoom(size, list === this.#oftenGhosts);
      // It may have been pushed out of its list of ghosts meanwhile.
      if (found.list !== undefined) found.list.remove(found);
      found.size = size;
      this.#entries.set(key, found);
      this.#often.unshift(found);
      return false;
    }
    const first = this.#once.bytes + this.#onceGhosts.bytes;
    if (first + size > this.#capacity) {
      while (this.#onceGhosts.count > 0 && this.#once.bytes + this.#onceGhosts.bytes + size > this.#capacity)
        this.#drop(this.#onceGhosts);
    }
    const all = () => this.#once.bytes + this.#often.bytes + this.#onceGhosts.bytes + this.#oftenGhosts.bytes;
    while (this.#oftenGhosts.count > 0 && all() + size > 2 * this.#capacity) this.#drop(this.#oftenGhosts);
    this.#makeRoom(size, false);
    const entry = { key, size };
    this.#entries.set(key, entry);
    this.#once.unshift(entry);
    return false;
  }

  #adapt(towardsRecency, size) {
    const ratio = towardsRecency
      ? this.#oftenGhosts.bytes / this.#onceGhosts.bytes
      : this.#onceGhosts.bytes / this.#oftenGhosts.bytes;
    const step = Math.max(1, ratio) * size;
    if (towardsRecency) this.#target = Math.min(this.#capacity, this.#target + step);
    else this.#target = Math.max(0, this.#target - step);
  }

  /** REPLACE of the paper, as often as it takes. */
  #makeRoom(size, wasOften) {
    while (this.#once.bytes + this.#often.bytes + size > this.#capacity) {
      const fromOnce =
        this.#once.count > 0 &&
        (this.#often.count === 0 ||
          this.#once.bytes > this.#target ||
          (wasOften && this.#once.bytes === this.#target));
      const list = fromOnce ? this.#once : this.#often;
      const victim = list.last;
      list.remove(victim);
      // The first list and its ghosts never hold more than the cache does.
      if (fromOnce && this.#once.bytes + this.#onceGhosts.bytes + victim.size > this.#capacity)
        this.#entries.delete(victim.key);
      else (fromOnce ? this.#onceGhosts : this.#oftenGhosts).unshift(victim);
    }
  }

  #drop(ghosts) {
    const ghost = ghosts.last;
    ghosts.remove(ghost);
    this.#entries.delete(ghost.key);
  }
}
