/**
 * The policy 'swappability': the early server's own. A few candidates are drawn at random, and the one with the
 * highest idle time x log(1 + size) leaves. It costs next to nothing, and in hit rate it is close to LRU with all its
 * weaknesses; the difference is that a large idle value leaves before a small one.
 */
import { MainSet } from './main-set.js';
import { Place, type Policy, type Resident, setAside } from './resident.js';
import { swappability } from './swappability.js';
import { Xorshift } from './xorshift.js';

const sampleCount = 5;

export class SwappabilityPolicy<E extends Resident> implements Policy<E> {
  readonly #candidates: MainSet<E>;
  #clock = 0;

  constructor(random: () => number) {
    this.#candidates = new MainSet(new Xorshift(random()), sampleCount, sampleCount, (entry, idle) =>
      swappability(idle, entry.size),
    );
  }

  get bytes(): number {
    return this.#candidates.overheadBytes;
  }

  add(entry: E): void {
    entry.place = Place.Main;
    entry.home = Place.Main;
    this.#candidates.add(entry);
    this.touch(entry);
  }

  restore(entry: E): void {
    this.add(entry);
  }

  putBack(entry: E): void {
    this.add(entry);
  }

  touch(entry: E): void {
    this.#clock = (this.#clock + 1) | 0;
    entry.stamp = this.#clock;
  }

  remove(entry: E): void {
    this.#candidates.remove(entry);
    entry.place = Place.Aside;
  }

  admits(): boolean {
    return true;
  }

  passedBy(_hash: number): void {}

  takeVictim(): E | undefined {
    const entry = this.#candidates.best(this.#clock);
    if (entry !== undefined) this.remove(entry);
    return entry;
  }

  resized(entry: E, oldSize: number): void {
    this.#candidates.resized(entry, oldSize);
  }

  clear(): void {
    this.#candidates.forEach(setAside);
    this.#candidates.clear();
  }
}
