/**
 * Keeps memory within its bound. Two marks: above the low-water mark (7/8 of maxMemory) victims leave in the
 * background, through the threads; at maxMemory whoever wants more writes victims out on its own thread, so that the
 * bound holds when writers outrun the disk (blocking-pass.ts). With no threads there is only the second.
 *
 * Victims leave in batches: they are encoded into an open batch a few at a time, as memory is asked for, and the batch
 * goes out when it is full or when the turn of the event loop ends. A pass goes a batch below the mark, so that the
 * next value does not start another. After a failed write the background rests for a while that doubles; after a pass
 * that found nothing to leave, it rests until something changes.
 */
import { SwapError } from '../errors.js';
import { BlockingPass } from './blocking-pass.js';
import type { Core } from './core.js';
import { Departure, type Departures } from './departures.js';
import type { Entry } from './entry.js';
import { isFull } from './full.js';
import { OverBoundCheck } from './over-bound-check.js';
import { Readiness } from './readiness.js';
import { Rest } from './rest.js';
import type { SwapOut } from './swap-out.js';
import { uselessVictimsMax, Victims } from './victims.js';
import type { WriteBatch } from './write-batch.js';

/** What a batch takes of memory at most: as much as stays empty after a pass, half of it on average, and has no hits. */
const batchShare = 1 / 64;
/** One pass in the background takes this much of a turn. */
const sliceMs = 1;
/** The clock is looked at once for so many victims. */
const victimsPerLook = 16;

export class Reclaim {
  readonly victims: Victims;
  readonly #core: Core;
  readonly #departures: Departures;
  readonly #swapOut: SwapOut;
  readonly #blockingPass: BlockingPass;
  readonly #check: OverBoundCheck;
  readonly #maxBytes: number;
  /** What memory a batch of victims takes at most, one victim at least. */
  readonly #batchBytes: number;

  /** The batch that is being filled for the threads. */
  #open: WriteBatch | undefined = undefined;
  #turnIsDue = false;
  /** True when the last pass found nothing that could leave; cleared by whatever may have changed that. */
  #exhausted = false;
  readonly #rest: Rest;
  readonly #readiness: Readiness;
  /** Why the last victims that had to leave could not. */
  #failure: Error | undefined = undefined;
  /** Has a guest leave that nobody knows the size of. */
  seeOffUnweighed: () => void = () => {};
  /** Calls of drain that have not ended: nothing new leaves meanwhile. */
  drains = 0;
  #closed = false;

  constructor(core: Core, departures: Departures, swapOut: SwapOut, evict: (entry: Entry) => void) {
    this.victims = new Victims(core);
    this.#readiness = new Readiness(core.pool);
    this.#rest = new Rest(core.environment.clock, () => this.turnSoon());
    this.#core = core;
    this.#departures = departures;
    this.#swapOut = swapOut;
    this.#maxBytes = core.options.maxMemory;
    // With maxMemory 0 there is something to swap out only after a pause, a pin or a `run`.
    const share = this.#maxBytes === 0 ? Number.POSITIVE_INFINITY : Math.ceil(this.#maxBytes * batchShare);
    this.#batchBytes = Math.min(core.pool.slabs.slabBytes, share);
    this.#blockingPass = new BlockingPass({
      core,
      departures,
      swapOut,
      victims: this.victims,
      batchBytes: this.#batchBytes,
      evict,
      onWritten: (error) => this.#noteOutcome(error),
    });
    this.#check = new OverBoundCheck(core, () => {
      // Time alone may have changed it: a disk has room again, and what was handed out in the turn of a pass is not any more.
      this.mayHaveChanged();
      this.turnSoon();
    });
    swapOut.onSettled = (error) => this.#settled(error);
    if (core.behind !== undefined) core.behind.onFirst = () => this.turnSoon();
    core.onPagesFreed = () => this.mayHaveChanged();
  }

  /** 7/8 of maxMemory where threads swap in the background, else maxMemory. */
  get lowWaterBytes(): number {
    return this.#core.pool.threadsMax > 0 ? this.#maxBytes - Math.ceil(this.#maxBytes / 8) : this.#maxBytes;
  }

  /** What may be in memory without anything leaving soon. */
  get restfulBytes(): number {
    return this.lowWaterBytes - this.#batchBytes;
  }

  /** Why the last `makeRoom` made none, where there was an error. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get openBatch(): WriteBatch | undefined {
    return this.#open;
  }

  /** Something may be able to leave that could not before. */
  mayHaveChanged(): void {
    this.#exhausted = false;
  }

  /** True when nothing need leave for `bytes` more in memory. */
  isRestfulWith(bytes: number): boolean {
    return this.#isWithin(this.lowWaterBytes, bytes) && this.fits(bytes);
  }

  /**
   * A guest takes room that is there, where memory is so full that a place must be deserved: while it is further from full than
   * after a pass, what comes need not be worth one.
   */
  hasRoomForGuest(bytes: number): boolean {
    return this.fits(bytes) && !this.#isWithin(this.restfulBytes, bytes);
  }

  /** Makes room for `bytes` more in memory; false when that cannot be, for instance as they alone are too many. */
  makeRoom(bytes: number): boolean {
    const { residents, pool } = this.#core;
    if (this.isRestfulWith(bytes)) return true;
    if (this.#core.pauses > 0) {
      this.#check.start();
      return !residents.isFull;
    }
    this.#failure = undefined;
    if (bytes > this.#maxBytes - residents.asideBytes) return false;
    if (pool.threadsMax > 0) this.#swapABit(bytes);
    if (this.fits(bytes)) return true;
    if (pool.busy) pool.pollWrites();
    if (residents.usedBytes + bytes > this.#maxBytes) this.#blockingPass.run(this.#maxBytes - bytes);
    else if (residents.isFull) this.#blockingPass.run(residents.usedBytes - 1);
    return this.fits(bytes);
  }

  /** True when the bound allows for `bytes` more as things are. */
  fits(bytes: number): boolean {
    const { residents } = this.#core;
    return residents.usedBytes + bytes <= this.#maxBytes && !residents.isFull;
  }

  /** True when with `bytes` more no more than `limitBytes` would stay; guests of turns leave by themselves, and are not counted. */
  #isWithin(limitBytes: number, bytes: number): boolean {
    const { residents } = this.#core;
    return residents.stayingBytes + residents.inFlightBytes + bytes <= limitBytes;
  }

  /** Swapping in the background may go on, from the next turn of the event loop. */
  goOn(): void {
    if (this.#readiness.isAwaited || this.#isAboveMark) this.turnSoon();
  }

  get #isAboveMark(): boolean {
    return !this.#isWithin(this.lowWaterBytes, 0);
  }

  /** After a change that asked for no room first: what is over the bound leaves now, or as soon as it may. */
  trim(): void {
    const { residents, pool, pauses } = this.#core;
    // Nothing leaves a store that is closed: nobody would write what is in the open batch.
    if (this.#closed || residents.usedBytes <= this.lowWaterBytes) return;
    if (pauses === 0) {
      if (pool.threadsMax > 0) this.#swapABit(0);
      if (residents.usedBytes > this.#maxBytes) this.#blockingPass.run(this.#maxBytes);
    }
    this.watch();
  }

  /** After a change that may have passed the bound on purpose: looks from time to time whether it can shrink. */
  watch(): void {
    if (this.#core.residents.usedBytes > this.#maxBytes) this.#check.start();
  }

  /** Resolves at or below the low-water mark, but for guests of turns. */
  ready(): Promise<void> {
    if (!this.#isAboveMark) return Promise.resolve();
    this.#exhausted = false;
    this.turnSoon();
    return this.#readiness.wait();
  }

  /** Sends a candidate off before it has been chosen, where memory is full and something may leave in the background. */
  sendFirst(entry: Entry): void {
    const { residents, pool } = this.#core;
    if (pool.threadsMax === 0 || this.isRestfulWith(entry.size) || !this.#maySwap() || !this.#mayFly) return;
    if (!this.victims.mayTake(entry)) return;
    residents.takeOut(entry);
    this.#departOpen(entry);
  }

  /** Sends off what has come in as a candidate though it was to leave: before others, and at once if memory is too full. */
  sendKept(entry: Entry): void {
    if (this.fits(0)) {
      this.sendFirst(entry);
      return;
    }
    this.#core.residents.takeOut(entry);
    try {
      this.#swapOut.sendNow(entry);
    } catch (error) {
      this.#core.notices.warn(error as SwapError);
    }
    this.trim();
  }

  /** Gives the open batch to the threads. */
  flushOpen(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#swapOut.submit(open);
  }

  /** All entries are gone: nothing of the open batch is written. */
  abandonOpen(): void {
    this.#open?.abandon();
    this.flushOpen();
  }

  close(): void {
    this.#closed = true;
    this.#check.close();
    this.#rest.close();
  }

  rejectAll(error: Error): void {
    this.#readiness.rejectAll(error);
  }

  // ── In the background ──

  /** As much leaves in the background as is about to come in, so that each caller pays for its own. */
  #swapABit(bytes: number): void {
    if (!this.#maySwap()) return;
    const { residents } = this.#core;
    const goal = this.lowWaterBytes - bytes;
    let useless = 0;
    // A batch that finds no space is back at once, and nothing else may be tried then.
    while (residents.stayingBytes > goal && useless < 4 && this.#mayFly && this.#maySwap()) {
      const victim = this.victims.take();
      const departure = victim === undefined ? undefined : this.#departOpen(victim);
      if (departure === undefined) break;
      if (departure === Departure.Stays) useless++;
    }
    if (residents.stayingBytes > goal) this.turnSoon();
  }

  /** A turn of the event loop: a pass in the background, within its slice; then the open batch goes. */
  #turn(): void {
    this.#turnIsDue = false;
    if (this.#closed) return;
    const { residents, pool, notices } = this.#core;
    if (this.#maySwap() && residents.stayingBytes > this.lowWaterBytes) {
      // Without memory there is no room for what is in flight.
      if (pool.threadsMax > 0 && this.#maxBytes > 0) this.#pass();
      else this.#blockingPass.run(this.#maxBytes);
    }
    this.flushOpen();
    this.seeOffUnweighed();
    this.#core.behind?.flush();
    this.#answerWaiting();
    notices.tell();
  }

  /** There is something to do at the end of this turn of the event loop. */
  turnSoon(): void {
    if (this.#turnIsDue || this.#closed) return;
    this.#turnIsDue = true;
    this.#core.environment.clock.nextTurn(() => this.#turn());
  }

  /** Victims leave until memory is a batch below the mark, the slice is over, or nothing more can. */
  #pass(): void {
    const { residents, environment } = this.#core;
    const goal = this.restfulBytes;
    const endsMs = environment.clock.monotonic() + sliceMs;
    let useless = 0;
    for (let victims = 1; residents.stayingBytes > goal && this.#mayFly && this.#maySwap(); victims++) {
      const victim = this.victims.take();
      if (victim === undefined) {
        this.#exhausted = true;
        return;
      }
      const departure = this.#departOpen(victim);
      // All slabs are on their way; the first to return starts another pass.
      if (departure === undefined) return;
      if (departure === Departure.Stays && ++useless >= uselessVictimsMax) {
        this.#exhausted = true;
        return;
      }
      if (victims % victimsPerLook === 0 && environment.clock.monotonic() >= endsMs) {
        this.turnSoon();
        return;
      }
    }
  }

  /** Sends a victim off in the open batch; undefined when there is no batch to be had. */
  #departOpen(victim: Entry): Departure | undefined {
    for (;;) {
      this.#open ??= this.#departures.openThreaded();
      const open = this.#open;
      if (open === undefined) {
        this.#core.residents.putBack(victim);
        return undefined;
      }
      const departure = this.#departures.depart(victim, open);
      this.turnSoon();
      if (departure === Departure.BatchFull) {
        this.flushOpen();
        continue;
      }
      if (departure === Departure.TooLarge) return this.#departAlone(victim);
      if (open.memoryBytes >= this.#batchBytes) this.flushOpen();
      return departure;
    }
  }

  #departAlone(victim: Entry): Departure {
    const batch = this.#departures.departAlone(victim);
    if (batch === undefined) return victim.stuck ? Departure.Stays : Departure.Gone;
    this.#swapOut.submit(batch);
    return Departure.Sent;
  }

  #maySwap(): boolean {
    if (this.#closed || this.#exhausted || this.#core.pauses > 0 || this.drains > 0) return false;
    return !this.#rest.isUnderWay;
  }

  /** What is in flight takes memory until it has arrived: no more than what lies between the two marks. */
  get #mayFly(): boolean {
    return this.#core.residents.inFlightBytes < this.#maxBytes - this.lowWaterBytes;
  }

  /** A batch of the threads has ended. */
  #settled(error: Error | undefined): void {
    this.#noteOutcome(error);
    this.goOn();
  }

  /** After an error the background rests: until something is freed, or for a time that doubles. */
  #noteOutcome(error: Error | undefined): void {
    if (error === undefined) {
      this.#rest.succeeded();
      return;
    }
    this.#failure = error;
    if (isFull(error)) {
      this.#exhausted = true;
      return;
    }
    this.#rest.failed();
  }

  #answerWaiting(): void {
    if (!this.#readiness.isAwaited) return;
    if (!this.#isAboveMark) {
      this.#readiness.resolveAll();
      return;
    }
    // Nothing leaves while somebody drains, and all that can may leave after it.
    if (this.#turnIsDue || this.#swapOut.inFlight.size > 0 || this.drains > 0) return;
    const error =
      this.#failure ??
      new SwapError(
        'ERR_SWAP_FULL',
        'memory cannot get below its low-water mark: nothing in it can leave now',
      );
    this.#readiness.rejectAll(error);
  }
}
