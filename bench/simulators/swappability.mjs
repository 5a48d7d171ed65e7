// The seed's choice (vmSwapOneObject): of five sampled entries, the one with the most idle time x log(1 + size).
const samples = 5;

export class Swappability {
  #entries = new Map();
  #all = [];
  #bytes = 0;
  #clock = 0;
  #capacity;
  #random;

  constructor(capacity, random) {
    this.#capacity = capacity;
    this.#random = random;
  }

  request(key, size) {
    this.#clock++;
    const found = this.#entries.get(key);
    if (found !== undefined) {
      found.at = this.#clock;
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#bytes + size > this.#capacity) this.#evict();
    const entry = { key, size, at: this.#clock, index: this.#all.length };
    this.#entries.set(key, entry);
    this.#all.push(entry);
    this.#bytes += size;
    return false;
  }

  #evict() {
    let best;
    let most = -1;
    for (let tries = 0; tries < samples; tries++) {
      const entry = this.#all[Math.floor(this.#random(this.#all.length))];
      const swappability = (this.#clock - entry.at) * Math.log(1 + entry.size);
      if (swappability <= most) continue;
      most = swappability;
      best = entry;
    }
    const last = this.#all.pop();
    if (last !== best) {
      this.#all[best.index] = last;
      last.index = best.index;
    }
    this.#entries.delete(best.key);
    this.#bytes -= best.size;
  }
}
