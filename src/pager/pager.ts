/**
 * The pager: every operation that makes an entry, ends it, or moves it between memory and the file goes through here
 * and through the parts it is made of (swap-out, swap-in, reclaim, space). The facade above it checks arguments and
 * keeps the promises of the public contract; nothing above this room touches a table.
 *
 * Each method leaves all structures sound before it returns, and listeners are told after that.
 */

import type { IndexFile } from '../disk/index-file.js';
import { recordBytesMax } from '../disk/record.js';
import { SwapError } from '../errors.js';
import { type Job, JobType } from '../io/job.js';
import { prefixIn } from '../key-prefix.js';
import { none } from '../memory/pointer-table.js';
import { Place } from '../memory/resident.js';
import { Xorshift } from '../memory/xorshift.js';
import { Stay } from '../wait/waiter.js';
import { ClearedSweep } from './cleared-sweep.js';
import { Core, type JobOwner, type Rooms } from './core.js';
import { Departures } from './departures.js';
import { Durability } from './durability.js';
import { Custody, Entry } from './entry.js';
import { ExpirySweep } from './expiry-sweep.js';
import { ForeignCode } from './foreign-code.js';
import type { KeyspacePrefix } from './keyspaces.js';
import { Leaver } from './leaver.js';
import type { LoadFlight } from './load-flight.js';
import { Loan } from './loan.js';
import { LookUp } from './look-up.js';
import { Reclaim } from './reclaim.js';
import { RecordReader } from './record-reader.js';
import { RecordWriter, tooLarge } from './record-writer.js';
import { Space } from './space.js';
import { Spill } from './spill.js';
import { SwapIn } from './swap-in.js';
import { SwapOut, type WriteJobOwner } from './swap-out.js';

/** What `set` is told of an entry, every figure given. */
export interface EntryTerms {
  readonly ttlMs: number;
  /** How long after that `fetch` may still return it. */
  readonly graceMs: number;
  readonly pin: boolean;
  /** 0 = estimate it. */
  readonly size: number;
}

export class Pager {
  readonly core: Core;
  readonly lookUp: LookUp;
  readonly swapOut: SwapOut;
  readonly swapIn: SwapIn;
  readonly reclaim: Reclaim;
  readonly sweep: ExpirySweep;
  readonly clearedSweep: ClearedSweep;
  readonly foreign = new ForeignCode();
  readonly #spiller: Spill;
  readonly #leaver: Leaver;
  /** Of what was set last: whether the policy has a place for it. */
  #mayStay = true;

  constructor(rooms: Rooms) {
    const core = new Core(rooms);
    const { environment, options, codec, sealer } = rooms;
    const { foreign } = this;
    const { seedA, seedB } = rooms.file;
    const format = { codec, serializer: options.serializer, foreign, sealer, seedA, seedB };
    const reader = new RecordReader(format);
    const writer = new RecordWriter(format);
    const random = new Xorshift(environment.random());
    const isLoading = (slot: number): boolean => this.swapIn.flights.has(slot);
    this.clearedSweep = new ClearedSweep(core, (slot, key) => this.#end(slot, key), isLoading);
    const space = new Space(
      core,
      reader,
      () => random.below(2 ** 31),
      (slot) => this.#evictSlot(slot),
      this.clearedSweep,
      isLoading,
    );
    this.core = core;
    this.#leaver = new Leaver(core);
    this.lookUp = new LookUp(
      core,
      (entry) => this.swapOut.cancel(entry),
      (slot, key) => this.#expireSlot(slot, key),
    );
    const departures = new Departures(core, writer, space, (entry) => this.#endOver(entry));
    this.swapOut = new SwapOut(core, space, departures);
    this.#spiller = new Spill(core, writer, space, departures);
    this.reclaim = new Reclaim(core, departures, this.swapOut, (entry) => this.#evictSlot(entry.slot));
    this.sweep = new ExpirySweep(core, (slot) => this.#expireSlot(slot, core.table.keyAt(slot)));
    this.swapIn = new SwapIn(core, reader, new Loan(writer, foreign), departures, this, (slot) =>
      this.#end(slot, core.table.keyAt(slot)),
    );
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

  /** Writes a swapped value to other pages; false when it is damaged. Throws ERR_SWAP_IO and ERR_SWAP_FULL. */
  #writeAgain(slot: number): boolean {
    const { core } = this;
    const key = core.table.keyAt(slot);
    try {
      if (!this.swapIn.preview(slot, key)) return false;
    } catch (error) {
      if ((error as SwapError).code === 'ERR_SWAP_CORRUPT') return false;
      throw error;
    }
    const generation = core.nextGeneration();
    const { value } = this.swapIn;
    const size = core.table.ownSize(slot) || core.estimate(key, value);
    const { page, recordBytes } = this.#spiller.spill(key, value, size, generation);
    core.freePointer(slot);
    core.table.setGeneration(slot, generation);
    core.table.setPointer(slot, page, recordBytes);
    core.durability?.located(slot, undefined);
    return true;
  }

  isRestfulWith(bytes: number): boolean {
    return this.reclaim.isRestfulWith(bytes);
  }

  /** A guest takes room that is there, where memory is so full that a place must be deserved. */
  hasRoomForGuest(bytes: number): boolean {
    return this.reclaim.fits(bytes) && !this.reclaim.isAmpleWith(bytes);
  }

  /** For swap-in: as reclaim's, but an error on the way is nobody's but the listeners'. */
  makeRoom(bytes: number): boolean {
    const made = this.reclaim.makeRoom(bytes);
    const { failure } = this.reclaim;
    if (!made && failure instanceof SwapError && failure.code !== 'ERR_SWAP_FULL')
      this.core.notices.warn(failure);
    return made;
  }

  // ── Set, delete, clear ──

  set(key: string, value: unknown, terms: EntryTerms): void {
    const core = this.core;
    const { residents } = core;
    if (isTooLarge(value)) throw tooLarge(key);
    if (this.clearedSweep.isPending) this.clearedSweep.step();
    const leaver = this.#leaver.take();
    if (leaver !== undefined && leaver.key !== key) this.reclaim.sendFirst(leaver);
    const size = terms.size !== 0 ? terms.size : core.estimate(key, value);
    const old = this.lookUp.resident(key, true);
    // The old value must not be encoded to make room for the new one; and if that fails, it is still there.
    const wasCandidate = old !== undefined && old.place !== Place.Aside;
    if (wasCandidate) residents.setAside(old);
    let spilled: { page: number; recordBytes: number } | undefined;
    const generation = core.nextGeneration();
    try {
      const stays = terms.pin || (old !== undefined && old.holds > 0) || this.#mustStayForRun(key);
      if (!this.reclaim.makeRoom(size - (old?.size ?? 0))) {
        if (stays) this.#refuseWhenFull(key);
        else spilled = this.#spill(key, value, size, generation);
      }
    } finally {
      if (wasCandidate && residents.get(key) === old) residents.restore(old);
    }
    const entry =
      spilled === undefined
        ? this.#install(key, value, size, terms, generation, old === undefined)
        : this.#installSpilled(key, spilled, terms, generation);
    if (terms.pin && entry !== undefined) this.#pinEntry(entry);
    this.#leaver.noteSet(entry, old === undefined, this.#mayStay);
    if (this.swapIn.flights.size > 0) this.swapIn.settle(this.lookUp.anySlot(key), value, true, entry);
    this.reclaim.mayHaveChanged();
    this.reclaim.watch();
  }

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
    this.reclaim.flushOpen();
    core.copies.length = 0;
    core.durability?.cleared();
    core.residents.clear();
    const isScratch = core.durability === undefined;
    if (isScratch) core.pages.clear();
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
    const expiresAtMs = this.#expiryOf(ttlMs);
    table.setExtras(slot, expiresAtMs, ttlMs === 0 ? 0 : table.graceMs(slot), table.ownSize(slot));
    const entry = residents.get(key);
    if (entry !== undefined) entry.expiresAtMs = expiresAtMs;
    // What has no record yet is written with its extras.
    if (table.recordBytes(slot) > 0) durability?.located(slot, entry);
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

  // ── What must stay ──

  /** Brings a value in and keeps it, past the bound if it must; false when there is no such key. */
  pin(key: string): boolean {
    let entry = this.lookUp.resident(key);
    if (entry === undefined) {
      const slot = this.lookUp.slot(key);
      if (slot === none || !this.swapIn.fault(slot, key, this.core.table.hashAt(slot), Stay.Always))
        return false;
      entry = this.swapIn.promoted;
      if (entry === undefined) this.#refuseWhenFull(key);
    }
    if (entry === undefined) return false;
    this.#pinEntry(entry);
    this.reclaim.watch();
    return true;
  }

  unpin(key: string): boolean {
    const entry = this.lookUp.resident(key);
    if (entry === undefined || !entry.pinned) return false;
    entry.pinned = false;
    this.#mayLeaveAgain(entry);
    return true;
  }

  pause(): void {
    this.core.pauses++;
  }

  resume(): void {
    if (this.core.pauses === 0 || --this.core.pauses > 0) return;
    this.reclaim.mayHaveChanged();
    this.reclaim.trim();
  }

  hold(entry: Entry): void {
    if (entry.place !== Place.Aside) this.core.residents.setAside(entry);
    entry.holds++;
  }

  letGo(entry: Entry): void {
    entry.holds--;
    // Whoever held it has had the time to change it in place.
    entry.guardTurn = 0;
    if (this.core.residents.get(entry.key) === entry) this.#mayLeaveAgain(entry);
  }

  // ── Jobs ──

  completed(job: Job<JobOwner>): void {
    if (job.type === JobType.Load) this.swapIn.completed(job as Job<LoadFlight>);
    else this.swapOut.completed(job as Job<WriteJobOwner>);
  }

  // ── The parts of set ──

  #spill(
    key: string,
    value: unknown,
    size: number,
    generation: number,
  ): { page: number; recordBytes: number } {
    const { failure } = this.reclaim;
    if (failure instanceof SwapError && failure.code === 'ERR_SWAP_IO') throw failure;
    return this.#spiller.spill(key, value, size, generation);
  }

  /** What must be in memory cannot be, as there are as many values there as can be. */
  #refuseWhenFull(key: string): void {
    if (!this.core.residents.isFull || this.core.residents.get(key) !== undefined) return;
    const message = `memory is full: ${this.core.residents.count} values are in it, and none of them can leave`;
    throw new SwapError('ERR_SWAP_FULL', message, { storedKey: key });
  }

  #install(
    key: string,
    value: unknown,
    size: number,
    terms: EntryTerms,
    generation: number,
    isNew: boolean,
  ): Entry {
    const { residents, table } = this.core;
    let entry = isNew ? undefined : residents.get(key);
    if (entry === undefined) {
      const hash = table.hash(key);
      let slot = table.find(key, hash);
      if (slot === none) slot = table.insert(key, hash);
      else this.core.freePointer(slot);
      entry = new Entry(key, value, hash, size, slot);
      this.#mayStay = this.#leaver.mayStay(hash);
      residents.admit(entry);
      table.setResident(slot, true);
    } else {
      this.core.freeCopy(entry);
      this.#forgetTerms(entry);
      this.#mayStay = true;
      entry.value = value;
      entry.custody = Custody.Fresh;
      residents.resize(entry, size);
      this.lookUp.touch(entry);
    }
    table.setGeneration(entry.slot, generation);
    entry.expiresAtMs = this.#expiryOf(terms.ttlMs);
    table.setExtras(entry.slot, entry.expiresAtMs, terms.graceMs, terms.size);
    this.core.durability?.dirtied(entry);
    return entry;
  }

  #installSpilled(
    key: string,
    spilled: { page: number; recordBytes: number },
    terms: EntryTerms,
    generation: number,
  ): undefined {
    const { residents, table } = this.core;
    const hash = table.hash(key);
    let slot = table.find(key, hash);
    const entry = residents.get(key);
    if (entry !== undefined) {
      this.core.freeCopy(entry);
      residents.remove(entry);
    } else if (slot !== none) {
      this.core.freePointer(slot);
    }
    if (slot === none) slot = table.insert(key, hash);
    table.setGeneration(slot, generation);
    table.setPointer(slot, spilled.page, spilled.recordBytes);
    table.setExtras(slot, this.#expiryOf(terms.ttlMs), terms.graceMs, terms.size);
    this.core.durability?.located(slot, entry);
    this.core.swappedOut(slot, key);
    return undefined;
  }

  #expiryOf(ttlMs: number): number {
    if (ttlMs === 0) return 0;
    this.sweep.start();
    return this.core.environment.clock.now() + ttlMs;
  }

  /** An overwrite keeps no pin, and whether the old value could be encoded says nothing of the new one. */
  #forgetTerms(entry: Entry): void {
    const stayed = entry.mustStay;
    entry.pinned = false;
    entry.stuck = false;
    entry.pagesWanted = 0;
    if (stayed && !entry.mustStay) this.core.residents.restore(entry);
  }

  #pinEntry(entry: Entry): void {
    if (entry.place !== Place.Aside) this.core.residents.setAside(entry);
    entry.pinned = true;
  }

  #mayLeaveAgain(entry: Entry): void {
    entry.custody = Custody.HandedOut;
    if (entry.mustStay || entry.place !== Place.Aside) return;
    this.core.residents.restore(entry);
    this.reclaim.mayHaveChanged();
    this.reclaim.trim();
  }

  /** True when a `run` waits for this key to be in memory. */
  #mustStayForRun(key: string): boolean {
    const { flights } = this.swapIn;
    if (flights.size === 0) return false;
    return flights.get(this.lookUp.anySlot(key))?.stay === Stay.Always;
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

/** A value that is by itself too large for any record; others are found out when they are encoded. */
function isTooLarge(value: unknown): boolean {
  if (!ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)) return false;
  return value.byteLength > recordBytesMax - 1_000_000;
}
