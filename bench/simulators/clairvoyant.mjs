// Belady's optimum (1966): out goes what is wanted again last, the newcomer included. With sizes it is no longer the
// optimum, which is hard to find, but still a good bound.
export class Clairvoyant {
  #capacity;
  #bytes = 0;
  #next;
  #at = 0;
  #resident = new Map();
  /** A heap of [next request, key], the farthest first; what is out of date is skipped. */
  #heap = [];

  constructor(capacity, _random, _entriesMax, keys) {
    this.#capacity = capacity;
    this.#next = new Float64Array(keys.length);
    const last = new Map();
    for (let at = keys.length - 1; at >= 0; at--) {
      this.#next[at] = last.get(keys[at]) ?? Number.POSITIVE_INFINITY;
      last.set(keys[at], at);
    }
  }

  request(key, size) {
    const next = this.#next[this.#at++];
    const found = this.#resident.get(key);
    if (found !== undefined) {
      found.next = next;
      this.#push([next, key]);
      return true;
    }
    if (size > this.#capacity || next === Number.POSITIVE_INFINITY) return false;
    this.#resident.set(key, { next, size });
    this.#bytes += size;
    this.#push([next, key]);
    while (this.#bytes > this.#capacity) {
      const [at, victim] = this.#pop();
      const entry = this.#resident.get(victim);
      if (entry === undefined || entry.next !== at) continue;
      this.#resident.delete(victim);
      this.#bytes -= entry.size;
    }
    return false;
  }

  #push(item) {
    const heap = this.#heap;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent][0] >= item[0]) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = item;
  }

  #pop() {
    const heap = this.#heap;
    const top = heap[0];
    const item = heap.pop();
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1][0] > heap[child][0]) child++;
      if (heap[child][0] <= item[0]) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = item;
    return top;
  }
}
