/**
 * The pager: every operation that makes an entry, ends it, or moves it between memory and the file goes through here
 * and through the parts it is made of (swap-out, swap-in, reclaim, space). The facade above it checks arguments and
 * keeps the promises of the public contract; nothing above this room touches a table.
 *
 * Each method leaves all structures sound before it returns, and listeners are told after that.
 */

import type { IndexFile } from '../disk/index-file.js';
import type { SwapError } from '../errors.js';
import { type Job, JobType } from '../io/job.js';
import { prefixIn } from '../key-prefix.js';
import { none } from '../memory/pointer-table.js';
import { Xorshift } from '../memory/xorshift.js';
import { Stay } from '../wait/waiter.js';
import { ClearedSweep } from './cleared-sweep.js';
import { Core, type JobOwner, type Rooms } from './core.js';
import { Departures } from './departures.js';
import { Durability } from './durability.js';
import type { Entry } from './entry.js';
import { ExpirySweep } from './expiry-sweep.js';
import { isFull } from './full.js';
import type { KeyspacePrefix } from './keyspaces.js';
import type { LoadFlight } from './load-flight.js';
import { Loan } from './loan.js';
import { LookUp } from './look-up.js';
import { Promotion } from './promotion.js';
import { Reclaim } from './reclaim.js';
import { RecordReader } from './record-reader.js';
import { RecordWriter } from './record-writer.js';
import { Setting } from './setting.js';
import { Space } from './space.js';
import { Spill } from './spill.js';
import { Staying } from './staying.js';
import { SwapIn } from './swap-in.js';
import { SwapOut } from './swap-out.js';
import type { WriteJobOwner } from './write-batch.js';
import { WriteBehind } from './write-behind.js';
import { WriteCost } from './write-cost.js';

export class Pager {
  declare readonly core: Core;
  readonly lookUp: LookUp;
  readonly swapOut: SwapOut;
  readonly swapIn: SwapIn;
  readonly reclaim: Reclaim;
  readonly sweep: ExpirySweep;
  readonly clearedSweep: ClearedSweep;
  readonly setting: Setting;
  readonly staying: Staying;
  readonly #spiller: Spill;

  constructor(rooms: Rooms) {
    const core = new Core(rooms);
    const { environment, options, codec, sealer } = rooms;
    const { foreign } = core;
    const { seedA, seedB } = rooms.file;
    const format = { codec, serializer: options.serializer, foreign, sealer, seedA, seedB };
    const reader = new RecordReader(format);
    const writer = new RecordWriter(format, options.pageSize);
    const random = new Xorshift(environment.random());
    const isOnItsWay = (slot: number): boolean => this.swapIn.flights.has(slot) || core.isUnwritten(slot);
    this.clearedSweep = new ClearedSweep(core, (slot, key) => this.#end(slot, key), isOnItsWay);
    const space = new Space(
      core,
      reader,
      () => random.below(2 ** 31),
      (slot) => this.#evictSlot(slot),
      this.clearedSweep,
      isOnItsWay,
    );
    this.core = core;
    this.lookUp = new LookUp(
      core,
      (entry) => this.swapOut.cancel(entry),
      (slot, key) => this.#expireSlot(slot, key),
    );
    const departures = new Departures(core, writer, space, (entry) => this.#endOver(entry));
    const cost = new WriteCost(environment.cheapWriteUsMax);
    if (WriteBehind.isFor(core)) core.behind = new WriteBehind(core, writer, space, cost);
    this.swapOut = new SwapOut(core, space, departures, cost);
    this.#spiller = new Spill(core, writer, space, departures);
    this.reclaim = new Reclaim(core, departures, this.swapOut, (entry) => this.#evictSlot(entry.slot));
    this.sweep = new ExpirySweep(core, (slot) => this.#expireSlot(slot, core.table.keyAt(slot)));
    const promotion = new Promotion(core, reader, new Loan(writer, foreign), departures, this.reclaim);
    this.swapIn = new SwapIn(core, reader, promotion, (slot) => this.#end(slot, core.table.keyAt(slot)));
    const { lookUp, swapIn, reclaim, sweep, clearedSweep } = this;
    reclaim.seeOffUnweighed = () => promotion.seeOffUnweighed();
    core.onTurnEnded = () => promotion.seeOffTurns();
    this.staying = new Staying(core, lookUp, swapIn, reclaim);
    const spiller = this.#spiller;
    this.setting = new Setting({
      core,
      lookUp,
      swapIn,
      promotion,
      reclaim,
      staying: this.staying,
      spiller,
      sweep,
      clearedSweep,
    });
    if (rooms.index !== undefined) core.durability = this.#durabilityOf(rooms.index, writer, space);
    this.clearedSweep.start();
  }

  #durabilityOf(index: IndexFile, writer: RecordWriter, space: Space): Durability {
    const { shapes } = this.core.codec;
    const durability = new Durability(
      this.core,
      writer,
      space,
      index,
      (entry) => this.swapOut.cancel(entry),
      (slot) => this.#writeAgain(slot),
      shapes,
      this.clearedSweep,
    );
    shapes.onShape = (shape) => durability.shaped(shape);
    return durability;
  }

  /**
   * Writes a swapped value to other pages; false when it is damaged. Where there are none it is evicted if the user chose
   * that: what others would leave is free only after the flush that this belongs to. Throws ERR_SWAP_IO and ERR_SWAP_FULL.
   */
  #writeAgain(slot: number): boolean {
    const { core } = this;
    const key = core.table.keyAt(slot);
    try {
      if (!this.#readAgain(slot, key)) return false;
    } catch (error) {
      if ((error as SwapError).code === 'ERR_SWAP_CORRUPT') return false;
      throw error;
    }
    const value = this.swapIn.takeValue();
    const { promoted } = this.swapIn;
    if (promoted !== undefined) {
      core.freeCopy(promoted);
      core.durability?.dirtied(promoted);
      return true;
    }
    const generation = core.nextGeneration();
    const size = core.table.ownSize(slot) || core.estimate(key, value);
    let spilled: { page: number; recordBytes: number };
    try {
      spilled = this.#spiller.spill(key, value, size, generation);
    } catch (error) {
      if (!core.options.evicts || !isFull(error as SwapError)) throw error;
      this.#evictSlot(slot);
      return true;
    }
    core.freePointer(slot);
    core.table.setGeneration(slot, generation);
    core.table.setPointer(slot, spilled.page, spilled.recordBytes);
    core.durability?.located(slot, undefined);
    return true;
  }

  /** Who awaits the value has it from here, as what is being read for them is not its record for much longer. */
  #readAgain(slot: number, key: string): boolean {
    const { swapIn, core } = this;
    if (!swapIn.flights.has(slot)) return swapIn.preview(slot, key);
    return swapIn.fault(slot, key, core.table.hashAt(slot), Stay.IfWorth);
  }

  // ── Delete, clear, expire ──

  /** Ends an entry; false when the key is not there. */
  delete(key: string): boolean {
    const slot = this.lookUp.slot(key, true);
    if (slot === none) return false;
    const wasStale = this.lookUp.isExpired(slot);
    this.#end(slot, key);
    return !wasStale;
  }

  /** Ends all entries of a keyspace; nobody finds one from here on. */
  clear(space: KeyspacePrefix): void {
    const { keyspaces, table } = this.core;
    const size = keyspaces.sizeOf(space);
    if (size === 0 && table.size > 0) return;
    if (size === table.size) {
      this.#clearAll();
      return;
    }
    for (const flight of this.swapIn.flights.inOrder())
      if (space.has(prefixIn(flight.key))) this.swapIn.settle(flight.slot, undefined, false, undefined);
    keyspaces.clear(space);
    this.clearedSweep.start();
  }

  #clearAll(): void {
    const core = this.core;
    this.reclaim.abandonOpen();
    core.copies.length = 0;
    core.durability?.cleared();
    core.residents.clear();
    const isScratch = core.durability === undefined;
    if (isScratch) core.pages.clear();
    core.behind?.abandon(isScratch);
    this.swapOut.abandon(isScratch);
    core.table.clear();
    core.keyspaces.clearAll();
    this.swapIn.settleAll();
    this.reclaim.mayHaveChanged();
  }

  /** Gives an entry another lifetime from now on; false when the key is not there. */
  expire(key: string, ttlMs: number): boolean {
    const { table, residents, durability } = this.core;
    const slot = this.lookUp.slot(key);
    if (slot === none) return false;
    const expiresAtMs = this.sweep.expiryOf(ttlMs);
    table.setExtras(slot, expiresAtMs, ttlMs === 0 ? 0 : table.graceMs(slot), table.ownSize(slot));
    const entry = residents.look(key);
    if (entry !== undefined) entry.expiresAtMs = expiresAtMs;
    // What has no record in the file yet is written with its extras.
    if (table.recordBytes(slot) > 0 && !this.core.isUnwritten(slot)) durability?.located(slot, entry);
    return true;
  }

  // ── Swapping by hand ──

  /** A resident that may be swapped out now by request, or undefined. */
  swappable(key: string): Entry | undefined {
    if (this.core.pauses > 0) return undefined;
    const entry = this.lookUp.resident(key);
    return entry === undefined || entry.mustStay ? undefined : entry;
  }

  /** Swaps one entry out on this thread. Throws ERR_SWAP_IO. */
  swapOutNow(entry: Entry): boolean {
    this.core.residents.policy.remove(entry);
    return this.swapOut.sendNow(entry);
  }

  /** Swaps one entry out through the threads; resolves when that is done or undone. */
  swapOutSoon(entry: Entry): Promise<boolean> {
    this.core.residents.policy.remove(entry);
    return this.swapOut.sendSoon(entry);
  }

  /** The best candidate for leaving, or undefined. */
  candidate(): Entry | undefined {
    if (this.core.pauses > 0) return undefined;
    for (;;) {
      const entry = this.reclaim.victims.take();
      if (entry === undefined) return undefined;
      this.core.residents.putBack(entry);
      if (!this.core.isOver(entry)) return entry;
      this.#endOver(entry);
    }
  }

  pause(): void {
    this.core.pauses++;
  }

  resume(): void {
    if (this.core.pauses === 0 || --this.core.pauses > 0) return;
    this.reclaim.mayHaveChanged();
    this.reclaim.trim();
  }

  // ── Jobs ──

  completed(job: Job<JobOwner>): void {
    if (job.type === JobType.Load) this.swapIn.completed(job as Job<LoadFlight>);
    else this.swapOut.completed(job as Job<WriteJobOwner>);
  }

  // ── The ends of an entry ──

  /** Takes an entry out of everything: memory, file, index; whoever waits for it is told that it is not there. */
  #end(slot: number, key: string): void {
    const core = this.core;
    const entry = core.residents.get(key);
    if (entry !== undefined) {
      if (entry.batch !== undefined) this.swapOut.cancel(entry);
      core.freeCopy(entry);
      core.residents.remove(entry);
    } else {
      core.freePointer(slot);
    }
    core.durability?.deleted(slot, entry);
    core.table.remove(slot);
    if (core.keyspaces.dead.size > 0) core.keyspaces.keyTaken();
    if (this.swapIn.flights.size > 0) this.swapIn.settle(slot, undefined, false, undefined);
    this.reclaim.mayHaveChanged();
  }

  /** For a victim that need not be kept. */
  #endOver(entry: Entry): void {
    if (this.core.keyspaces.isDead(entry.key)) this.#end(entry.slot, entry.key);
    else this.#expireEntry(entry);
  }

  #expireEntry(entry: Entry): void {
    this.#expireSlot(entry.slot, entry.key);
  }

  #expireSlot(slot: number, key: string): void {
    this.#end(slot, key);
    this.core.counters.expirations++;
    this.core.notices.moved('expire', key);
  }

  #evictSlot(slot: number): void {
    const key = this.core.table.keyAt(slot);
    this.#end(slot, key);
    this.core.counters.evictions++;
    this.core.notices.moved('evict', key);
  }
}
