/**
 * The policy 'adaptive', the default: a window for what is new, a main set for what has shown its worth, and a memory
 * of how often keys are used that reaches further back than memory itself. When room is needed, the oldest entry of
 * the window duels with the most swappable of a few entries of the main set: the one that is used less for its size
 * leaves, the other is in the main set from then on. A scan thus passes through the window and leaves the main set
 * alone. Where there is no window, what is read must be used more than what would leave for it, or is not taken in.
 *
 * The budgets are of bytes: the main set has what the window's share leaves of memory. Shadow caches find that share,
 * which may be nothing.
 * The policy moves entries only when it is asked for a victim, or while there is room in the main set; so it
 * does not matter whether room is made before or after a value comes, or for many at a time.
 */
import { FrequencySketch } from './frequency-sketch.js';
import { MainSet } from './main-set.js';
import { Arrival, Place, type Policy, type Resident, setAside } from './resident.js';
import { ShadowCaches } from './shadow-caches.js';
import { idleTicks, logOfSize, measuredByOne, moveCost, swappability } from './swappability.js';
import { Window } from './window.js';
import { Xorshift } from './xorshift.js';

const sampleCount = 8;
const freshCount = 3;
/** Entries that may move from the window to the main set in one call. */
const movesMax = 2;
/** Uses by which a key that is new may seem to lead though it was never used. */
const leadOfChance = 2;
/** Calls of `add` between two looks at how many entries memory holds. */
const scaleInterval = 32;
/**
 * Uses of an entry that follow each other within so many ticks, as parts of the entries that memory or the window
 * holds, count as one. The entry gains nothing by more: it would be counted up to the most anyway, and its place in the
 * order is at most that much too old. It makes a hit on what is hot a comparison.
 */
const burstPerMemory = 1 / 4;
const burstPerWindow = 1 / 2;

export class AdaptivePolicy<E extends Resident> implements Policy<E> {
  // A candidate is in the window or in the main set, as its `place` says, and never in both.
  readonly #window = new Window<E>();
  readonly #main: MainSet<E>;
  readonly #sketch = new FrequencySketch();
  readonly #shadows: ShadowCaches;
  readonly #capacityBytes: number;
  /** What the candidates take when room has been made: learned, as swapping may start well below the capacity. */
  #fullBytes: number;
  #leastBytes = Number.MAX_SAFE_INTEGER;
  #takenBytes = 0;
  // The one for the window is not above the one for the main set.
  #burstTicksMain = 0;
  #burstTicksWindow = 0;
  #clock = 0;
  #additions = 0;
  /** What would have left for the last that asked to be admitted, and how many have been measured against some such entry. */
  #weakest: E | undefined = undefined;
  #measured = 0;

  constructor(capacityBytes: number, random: () => number) {
    const sampling = new Xorshift(random());
    this.#main = new MainSet<E>(sampling, sampleCount, freshCount, rank);
    this.#shadows = new ShadowCaches(sampling);
    this.#capacityBytes = capacityBytes;
    this.#fullBytes = capacityBytes;
  }

  get bytes(): number {
    return this.#main.overheadBytes + this.#sketch.bytes + this.#shadows.bytes;
  }

  add(entry: E): void {
    entry.home = Place.Window;
    this.#put(entry);
    if (++this.#additions % scaleInterval === 1) this.#scale();
    this.#tick();
    this.#use(entry);
    this.#sketch.grow(this.#window.count + this.#main.count);
    this.#settle();
  }

  restore(entry: E): void {
    this.#put(entry);
    this.touch(entry);
  }

  putBack(entry: E): void {
    this.#put(entry);
    entry.stamp = this.#clock;
  }

  touch(entry: E): void {
    const clock = this.#tick();
    const burstTicks = entry.place === Place.Main ? this.#burstTicksMain : this.#burstTicksWindow;
    if (idleTicks(clock, entry.stamp) < burstTicks) return;
    if (entry.place === Place.Window) this.#window.touch(entry);
    this.#use(entry);
  }

  remove(entry: E): void {
    if (entry.place === Place.Main) this.#main.remove(entry);
    else this.#window.remove(entry);
    entry.place = Place.Aside;
  }

  /**
   * The window takes whatever comes, but for what is one of many: that must be used as much as what would leave for it,
   * else a scan could have all of memory, window first. Without a window each must be used more. The sketch of a small store
   * that has seen many keys takes one in six that are new for another: such a key must have been used by some more.
   */
  admits(hash: number, arrival: Arrival): boolean {
    const hasWindow = this.#shadows.share > 0;
    if (hasWindow && arrival !== Arrival.InBatch) return true;
    const weakest = hasWindow
      ? (this.#window.oldest ?? this.#weakestOfMain())
      : (this.#weakestOfMain() ?? this.#window.oldest);
    if (weakest === undefined) return true;
    const lead = this.#sketch.estimate(hash) - this.#sketch.estimate(weakest.hash);
    if (hasWindow) return lead >= -1;
    return lead > (arrival === Arrival.New ? leadOfChance : 0);
  }

  #weakestOfMain(): E | undefined {
    if (this.#measured++ % measuredByOne === 0 || this.#weakest?.place !== Place.Main)
      this.#weakest = this.#main.best(this.#clock);
    return this.#weakest;
  }

  passedBy(hash: number): void {
    this.#tick();
    this.#count(hash);
  }

  takeVictim(): E | undefined {
    this.#settle();
    const victim = this.#duel();
    if (victim !== undefined) this.#learnFull(victim);
    return victim;
  }

  resized(entry: E, oldSize: number): void {
    if (entry.place === Place.Main) this.#main.resized(entry, oldSize);
    else this.#window.resized(entry, oldSize);
  }

  clear(): void {
    this.#window.clear(setAside);
    this.#main.forEach(setAside);
    this.#main.clear();
    this.#sketch.clear();
    this.#shadows.clear();
    this.#weakest = undefined;
    this.#fullBytes = this.#capacityBytes;
    this.#leastBytes = Number.MAX_SAFE_INTEGER;
    this.#takenBytes = 0;
  }

  #put(entry: E): void {
    entry.place = entry.home;
    if (entry.place === Place.Main) this.#main.add(entry);
    else this.#window.push(entry);
  }

  /** A key is used; returns what the clock said before. */
  #tick(): number {
    const clock = this.#clock;
    this.#clock = (clock + 1) | 0;
    return clock;
  }

  /** Notes a use, at which the clock has ticked. */
  #use(entry: E): void {
    entry.uses = this.#count(entry.hash);
    entry.stamp = this.#clock;
  }

  /** Counts a use of a key, and returns how many there were lately. */
  #count(hash: number): number {
    const uses = this.#sketch.increment(hash);
    if (this.#shadows.samples(hash)) this.#shadows.use(hash, uses, this.#sketch);
    return uses;
  }

  /** Takes out the loser of a duel, and has the winner in the main set; or what there is, where a side is missing. */
  #duel(): E | undefined {
    const weakest = this.#main.best(this.#clock);
    const tooMuch = this.#main.bytes > this.#mainBytesMax;
    const candidate = weakest !== undefined && tooMuch ? undefined : this.#window.pop();
    if (candidate === undefined) {
      if (weakest !== undefined) this.remove(weakest);
      return weakest;
    }
    if (weakest === undefined || !this.#beats(candidate, weakest)) {
      candidate.place = Place.Aside;
      return candidate;
    }
    this.remove(weakest);
    this.#admit(candidate);
    return weakest;
  }

  /** True when keeping one is worth more than keeping the other: more uses for its size, which counts as in ranks. */
  #beats(one: E, other: E): boolean {
    const uses = this.#sketch.estimate(one.hash);
    const otherUses = this.#sketch.estimate(other.hash);
    if (one.size === other.size) return uses > otherUses;
    return uses * logOfSize(other.size) > otherUses * logOfSize(one.size);
  }

  #admit(entry: E): void {
    entry.home = Place.Main;
    this.#put(entry);
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

  /**
   * Learns what the candidates take when room has just been made: the least seen while a quarter of it was replaced.
   * Victims are taken many at a time, and what comes in between must stay in the window for the next duels; were the
   * main set's budget to follow the bytes up and down, all of that would slip into it without one.
   */
  #learnFull(victim: E): void {
    const totalBytes = this.#window.bytes + this.#main.bytes;
    if (totalBytes < this.#leastBytes) this.#leastBytes = totalBytes;
    this.#takenBytes += victim.size;
    if (this.#takenBytes * 4 < this.#fullBytes) return;
    this.#fullBytes = this.#leastBytes;
    this.#leastBytes = totalBytes;
    this.#takenBytes = 0;
  }

  #scale(): void {
    const count = this.#window.count + this.#main.count;
    const totalBytes = Math.max(1, this.#window.bytes + this.#main.bytes);
    const entryCount = (count * Math.max(this.#capacityBytes, totalBytes)) / totalBytes;
    this.#shadows.scale(entryCount);
    this.#sketch.period(entryCount);
    this.#burstTicksMain = Math.floor(entryCount * burstPerMemory);
    const windowTicks = Math.floor(entryCount * this.#shadows.share * burstPerWindow);
    this.#burstTicksWindow = Math.min(this.#burstTicksMain, windowTicks);
  }
}

/**
 * How well an entry of the main set is suited to leave. Were it idle time alone, a scan that lasts would be newer than
 * what is used all day, and that would leave. Uses are those that the entry remembers: to ask the sketch for each of
 * the sample takes as long as all the rest.
 */
function rank(entry: Resident, idle: number): number {
  return swappability(idle, entry.size) / ((1 + entry.uses) * moveCost(entry));
}
