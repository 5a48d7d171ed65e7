// W-TinyLFU (Einziger, Friedman and Manes, ACM TOS 2017) with the window's share found by climbing hills (Einziger, Eytan,
// Friedman and Manes, Middleware 2018), as its authors' library has it: a window of 1% at first, a segmented LRU of which
// 80% is protected, a count-min sketch of 4-bit counters that are halved after ten times the capacity.
import { List } from './list.mjs';

const windowShareAtFirst = 0.01;
const protectedShare = 0.8;
const samplesPerEntry = 10;
const stepShareAtFirst = 0.0625;
const restartThreshold = 0.05;
const stepDecay = 0.98;
const admitAnyway = 128;

class Sketch {
  #table;
  #mask;
  #additions = 0;
  #samplesMax;

  constructor(entries) {
    const width = 2 ** Math.max(3, Math.ceil(Math.log2(entries)));
    this.#table = new Uint8Array(width * 4);
    this.#mask = width - 1;
    this.#samplesMax = samplesPerEntry * entries;
  }

  #index(key, row) {
    let hash = Math.imul(key ^ Math.imul(row + 1, 0x9e3779b1), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
    return ((hash ^ (hash >>> 13)) & this.#mask) * 4 + row;
  }

  of(key) {
    let least = 15;
    for (let row = 0; row < 4; row++) least = Math.min(least, this.#table[this.#index(key, row)]);
    return least;
  }

  add(key) {
    let added = false;
    for (let row = 0; row < 4; row++) {
      const at = this.#index(key, row);
      if (this.#table[at] === 15) continue;
      this.#table[at]++;
      added = true;
    }
    if (!added || ++this.#additions < this.#samplesMax) return;
    for (let at = 0; at < this.#table.length; at++) this.#table[at] >>= 1;
    this.#additions >>= 1;
  }
}

export class WTinyLfu {
  #entries = new Map();
  #window = new List();
  #probation = new List();
  #protected = new List();
  #sketch;
  #capacity;
  #windowCapacity;
  #protectedCapacity;
  #random;
  // Of the climbing.
  #samplePeriod;
  #hits = 0;
  #requests = 0;
  #previousRate = 0;
  #step;

  constructor(capacity, random, entriesMax) {
    const entries = Math.max(16, entriesMax);
    this.#capacity = capacity;
    this.#random = random;
    this.#sketch = new Sketch(entries);
    this.#windowCapacity = Math.max(1, capacity * windowShareAtFirst);
    this.#protectedCapacity = (capacity - this.#windowCapacity) * protectedShare;
    this.#samplePeriod = samplesPerEntry * entries;
    this.#step = -stepShareAtFirst * capacity;
  }

  request(key, size) {
    this.#sketch.add(key);
    const found = this.#entries.get(key);
    this.#requests++;
    if (found !== undefined) {
      this.#hits++;
      this.#touch(found);
    } else if (size <= this.#capacity) {
      const entry = { key, size };
      this.#entries.set(key, entry);
      this.#window.unshift(entry);
      this.#evict();
    }
    if (this.#requests >= this.#samplePeriod) this.#climb();
    return found !== undefined;
  }

  #touch(entry) {
    const { list } = entry;
    list.remove(entry);
    if (list !== this.#probation) {
      list.unshift(entry);
      return;
    }
    this.#protected.unshift(entry);
    while (this.#protected.bytes > this.#protectedCapacity) this.#move(this.#protected, this.#probation);
  }

  #move(from, to) {
    const entry = from.last;
    from.remove(entry);
    to.unshift(entry);
    return entry;
  }

  #evict() {
    while (this.#window.bytes > this.#windowCapacity && this.#window.count > 0) {
      const candidate = this.#move(this.#window, this.#probation);
      while (this.#bytes() > this.#capacity && candidate.list !== undefined) {
        const victim = this.#victimBut(candidate);
        const loser = victim === undefined || !this.#admits(candidate, victim) ? candidate : victim;
        loser.list.remove(loser);
        this.#entries.delete(loser.key);
      }
    }
    while (this.#bytes() > this.#capacity) {
      const victim = this.#probation.last ?? this.#protected.last ?? this.#window.last;
      victim.list.remove(victim);
      this.#entries.delete(victim.key);
    }
  }

  #bytes() {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes;
  }

  #victimBut(candidate) {
    const last = this.#probation.last;
    if (last !== candidate) return last;
    return this.#protected.last;
  }

  #admits(candidate, victim) {
    const candidateCount = this.#sketch.of(candidate.key);
    const victimCount = this.#sketch.of(victim.key);
    if (candidateCount > victimCount) return true;
    // Against who knows the hashes: a warm candidate has a small chance.
    return candidateCount > 5 && this.#random(admitAnyway) < 1;
  }

  #climb() {
    const rate = this.#hits / this.#requests;
    const change = rate - this.#previousRate;
    const amount = change >= 0 ? this.#step : -this.#step;
    const isNew = Math.abs(change) >= restartThreshold;
    this.#step = isNew ? stepShareAtFirst * this.#capacity * Math.sign(amount) : stepDecay * amount;
    this.#previousRate = rate;
    this.#hits = 0;
    this.#requests = 0;
    this.#windowCapacity = Math.min(this.#capacity * 0.99, Math.max(1, this.#windowCapacity + amount));
    this.#protectedCapacity = (this.#capacity - this.#windowCapacity) * protectedShare;
    while (this.#protected.bytes > this.#protectedCapacity) this.#move(this.#protected, this.#probation);
    while (this.#window.bytes < this.#windowCapacity && this.#probation.count > 0 && amount > 0)
      if (this.#window.bytes + this.#probation.last.size > this.#windowCapacity) break;
      else this.#move(this.#probation, this.#window);
    while (this.#window.bytes > this.#windowCapacity && this.#window.count > 0)
      this.#move(this.#window, this.#probation);
  }
}
