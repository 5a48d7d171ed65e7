/**
 * The policy 'adaptive', the default: a window for what is new, a main set for what has shown its worth, and a memory
 * of how often keys are used that reaches further back than memory itself. When room is needed, the oldest entry of
 * the window duels with the most swappable of a few entries of the main set: the one that is used less leaves, the
 * other is in the main set from then on. A scan thus passes through the window and leaves the main set alone.
 *
 * The budgets are of bytes: the main set has what the window's share leaves of memory. Shadow caches find that share.
 * The policy moves entries only when it is asked for a victim, or while there is room in the main set; so it
 * does not matter whether room is made before or after a value comes, or for many at a time.
 *
 * It does not see sizes in a duel: a large value and a small one that are used equally often are worth the same.
 */
import { FrequencySketch } from './frequency-sketch.js';
import { MainSet } from './main-set.js';
import { Place, type Policy, type Resident } from './resident.js';
import { ShadowCaches } from './shadow-caches.js';
import { Window } from './window.js';
import { Xorshift } from './xorshift.js';

const sampleCount = 8;
/** Entries that may move from the window to the main set in one call. */
const movesMax = 2;
/** Calls of `add` between two looks at how many entries memory holds. */
const scaleInterval = 32;

export class AdaptivePolicy<E extends Resident> implements Policy<E> {
  // A candidate is in the window or in the main set, as its `place` says, and never in both.
  readonly #window = new Window<E>();
  readonly #main: MainSet<E>;
  readonly #sketch = new FrequencySketch();
  readonly #shadows: ShadowCaches;
  readonly #capacityBytes: number;
  /** What the candidates take when memory is full: learned, as swapping may start well below the capacity. */
  #fullBytes: number;
  #clock = 0;
  #additions = 0;

  constructor(capacityBytes: number, random: () => number) {
    const sampling = new Xorshift(random());
    this.#main = new MainSet(sampling);
    this.#shadows = new ShadowCaches(sampling);
    this.#capacityBytes = capacityBytes;
    this.#fullBytes = capacityBytes;
  }

  get bytes(): number {
    return this.#window.overheadBytes + this.#main.overheadBytes + this.#sketch.bytes + this.#shadows.bytes;
  }

  /** The part of memory that the window has now, 0 to 1. */
  get windowShare(): number {
    return this.#shadows.share;
  }

  add(entry: E): void {
    entry.home = Place.Window;
    this.restore(entry);
    this.#use(entry);
    this.#sketch.grow(this.#window.count + this.#main.count);
    if (++this.#additions % scaleInterval === 1) this.#scale();
    this.#settle();
  }

  restore(entry: E): void {
    entry.place = entry.home;
    if (entry.place === Place.Main) this.#main.add(entry);
    else this.#window.push(entry);
  }

  touch(entry: E): void {
    if (entry.place === Place.Window) this.#window.touch(entry);
    this.#use(entry);
  }

  remove(entry: E): void {
    if (entry.place === Place.Main) this.#main.remove(entry);
    else this.#window.remove(entry);
    entry.place = Place.Aside;
  }

  takeVictim(): E | undefined {
    this.#learnFull();
    this.#settle();
    const weakest = this.#main.best(sampleCount, this.#clock);
    if (weakest !== undefined && (this.#window.count === 0 || this.#main.bytes > this.#mainBytesMax)) {
      this.remove(weakest);
      return weakest;
    }
    const candidate = this.#window.pop();
    if (candidate === undefined) return undefined;
    if (weakest === undefined || !this.#wins(candidate, weakest)) {
      candidate.place = Place.Aside;
      return candidate;
    }
    this.remove(weakest);
    this.#admit(candidate);
    return weakest;
  }

  resized(entry: E, oldSize: number): void {
    if (entry.place === Place.Main) this.#main.resized(entry, oldSize);
    else this.#window.resized(entry, oldSize);
  }

  clear(): void {
    this.#window.clear();
    this.#main.clear();
    this.#sketch.clear();
    this.#shadows.clear();
    this.#fullBytes = this.#capacityBytes;
  }

  #use(entry: E): void {
    const hash = entry.hash;
    this.#clock = (this.#clock + 1) | 0;
    entry.stamp = this.#clock;
    this.#sketch.increment(hash);
    if (this.#shadows.samples(hash)) this.#shadows.use(hash, this.#sketch);
  }

  #wins(candidate: E, weakest: E): boolean {
    return this.#sketch.estimate(candidate.hash) > this.#sketch.estimate(weakest.hash);
  }

  #admit(entry: E): void {
    entry.place = Place.Main;
    entry.home = Place.Main;
    this.#main.add(entry);
  }

  get #mainBytesMax(): number {
    return this.#fullBytes * (1 - this.#shadows.share);
  }

  /** Moves the window's oldest to the main set while it has room and the window has too much. */
  #settle(): void {
    for (let moved = 0; moved < movesMax; moved++) {
      const totalBytes = this.#window.bytes + this.#main.bytes;
      const meanBytes = totalBytes / (this.#window.count + this.#main.count);
      if (this.#window.bytes - meanBytes < this.#shadows.share * totalBytes) return;
      if (this.#main.bytes + meanBytes > this.#mainBytesMax) return;
      const oldest = this.#window.pop();
      if (oldest === undefined) return;
      this.#admit(oldest);
    }
  }

  /** Follows what the candidates take when a victim is wanted: up at once, down slowly, as victims come in batches. */
  #learnFull(): void {
    const totalBytes = this.#window.bytes + this.#main.bytes;
    if (totalBytes > this.#fullBytes) this.#fullBytes = totalBytes;
    else this.#fullBytes += (totalBytes - this.#fullBytes) / 64;
  }

  #scale(): void {
    const count = this.#window.count + this.#main.count;
    const totalBytes = this.#window.bytes + this.#main.bytes;
    const entryCount = (count * Math.max(this.#capacityBytes, totalBytes)) / totalBytes;
    this.#shadows.scale(entryCount);
    this.#sketch.period(entryCount);
  }
}
