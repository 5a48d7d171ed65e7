/**
 * What all parts of the pager share: the rooms below it, the counters, and the few moves that more than one part
 * makes. It decides nothing; it keeps the pointer table, the resident set, the page map and the list of clean copies
 * in step with one another.
 */
import debug from 'debug';
import type { Codec } from '../codec/codec.js';
import { compressionKinds } from '../codec/compression.js';
import type { IndexFile } from '../disk/index-file.js';
import type { PageMap } from '../disk/page-map.js';
import type { RecordBuffer } from '../disk/record.js';
import type { Sealer } from '../disk/seal.js';
import type { SwapFile } from '../disk/swap-file.js';
import type { Environment } from '../environment.js';
import { assert, reasonOf, SwapError } from '../errors.js';
import type { IoPool } from '../io/io-pool.js';
import { prepareRecords, sealRecords } from '../io/run-job.js';
import { Latencies } from '../latencies.js';
import type { PointerTable } from '../memory/pointer-table.js';
import type { ResidentSet } from '../memory/resident-set.js';
import { entryOverheadBytes, keySize, sizeOf } from '../memory/size-of.js';
import type { CheckedOptions } from '../options.js';
import { Counters } from '../stats.js';
import type { Durability } from './durability.js';
import type { Entry } from './entry.js';
import { ForeignCode } from './foreign-code.js';
import { HandedOut } from './handed-out.js';
import { Keyspaces } from './keyspaces.js';
import type { LoadFlight } from './load-flight.js';
import { Notices } from './notices.js';
import type { WriteJobOwner } from './write-batch.js';
import type { WriteBehind } from './write-behind.js';

const pageLine = debug('swapstore:page');

/** Guests of turns have so much of memory; what comes beyond that takes a place. */
const guestsShare = 1 / 8;

/** What a job of the pool belongs to. */
export type JobOwner = WriteJobOwner | LoadFlight;

export interface Rooms {
  readonly options: CheckedOptions;
  readonly environment: Environment;
  readonly table: PointerTable;
  readonly residents: ResidentSet<Entry>;
  readonly pages: PageMap;
  readonly file: SwapFile;
  readonly pool: IoPool<JobOwner>;
  readonly codec: Codec;
  readonly sealer: Sealer | undefined;
  /** Of a persistent store. */
  readonly index: IndexFile | undefined;
}

export class Core {
  readonly options: CheckedOptions;
  readonly environment: Environment;
  readonly table: PointerTable;
  readonly residents: ResidentSet<Entry>;
  readonly pages: PageMap;
  readonly file: SwapFile;
  readonly pool: IoPool<JobOwner>;
  readonly codec: Codec;
  readonly sealer: Sealer | undefined;
  readonly counters = new Counters();
  readonly keyspaces: Keyspaces;
  readonly notices: Notices;
  readonly foreign = new ForeignCode();
  readonly handedOut = new HandedOut(this);

  /** Residents whose pages in the file still hold what they held when they were read; each knows its index here. */
  readonly copies: Entry[] = [];
  /** How long values take on their way, once somebody has asked. */
  latencies: Latencies | undefined = undefined;
  /** What guests of turns may cost together. */
  readonly guestsOfTurnsBytesMax: number;
  /** Counted calls of pauseSwapping. */
  pauses = 0;
  /** True once `close` or `closeSync` was called: no call of the user's is answered. */
  isClosing = false;
  /** What a persistent store does besides; absent for a scratch one. */
  durability: Durability | undefined = undefined;
  /** What has its pages and waits to be written there; absent where records take the long way only. */
  behind: WriteBehind | undefined = undefined;
  /** Set by whoever must know that pages have become free. */
  onPagesFreed: () => void = () => {};
  /** Has guests of turns that are over leave; false when some that could are left for the next. */
  onTurnEnded: () => boolean = () => true;
  /** Called as a turn begins after one in which hands were full, before anybody else is handed anything. */
  onHandsFree: () => void = () => {};
  /** The turn in which the first of those that still await something began to; none: Infinity. */
  oldestWaitingTurn: () => number = () => Number.POSITIVE_INFINITY;

  // Entries handed out in this turn of the event loop carry its number; it is advanced by a later turn.
  turn = 1;
  /** What those of this turn cost. */
  guardedBytes = 0;
  #guestsAreMany = false;
  #turnEnds = false;
  #generation: number;
  #afterProgress: Array<() => void> = [];
  #tick = 0;
  #untilTick = 0;

  constructor(rooms: Rooms) {
    this.options = rooms.options;
    this.environment = rooms.environment;
    this.table = rooms.table;
    this.residents = rooms.residents;
    this.residents.weigh = ({ key, value }) => this.estimate(key, value);
    this.pages = rooms.pages;
    this.file = rooms.file;
    this.pool = rooms.pool;
    this.codec = rooms.codec;
    this.sealer = rooms.sealer;
    this.keyspaces = new Keyspaces(rooms.table);
    this.notices = new Notices(this.keyspaces);
    this.guestsOfTurnsBytesMax = rooms.options.maxMemory * guestsShare;
    this.#generation = rooms.environment.random() | 0;
  }

  /** Begins to measure how long values take on their way. */
  measure(): Latencies {
    if (this.latencies === undefined) {
      this.latencies = new Latencies();
      this.pool.queueWait = this.latencies.queueWait;
    }
    return this.latencies;
  }

  /** The time, for `Latencies`; 0 while nobody wants to know. */
  measuredMs(): number {
    return this.latencies === undefined ? 0 : this.environment.clock.monotonic();
  }

  /** A number that no other record in the file carries, but for those of 2^32 encodings ago. */
  nextGeneration(): number {
    this.#generation = (this.#generation + 1) | 0;
    return this.#generation;
  }

  pagesOf(recordBytes: number): number {
    return Math.ceil(recordBytes / this.options.pageSize);
  }

  /** What `value` under `key` costs in memory, if the user did not say. */
  estimate(key: string, value: unknown): number {
    this.foreign.depth++;
    try {
      return entryOverheadBytes + keySize(key) + sizeOf(value);
    } finally {
      // What it calls throws nothing, but the stack may be at its end.
      this.foreign.depth--;
    }
  }

  isExpired(expiresAtMs: number): boolean {
    return expiresAtMs !== 0 && expiresAtMs <= this.environment.clock.now();
  }

  /** True for a victim that need not be kept: it has expired, or its keyspace was cleared. */
  isOver(entry: Entry): boolean {
    return this.isPast(entry.slot, entry.expiresAtMs) || this.keyspaces.isDead(entry.key);
  }

  /** True for what has expired, and may not be used though it has. */
  isPast(slot: number, expiresAtMs: number): boolean {
    return this.isExpired(expiresAtMs) && this.isExpired(expiresAtMs + this.table.graceMs(slot));
  }

  /** A value has left memory, or went straight to the file; its pointer is in the table. */
  swappedOut(slot: number, key: string): void {
    this.table.setResident(slot, false);
    this.table.setStamp(slot, this.#coarseTick());
    this.counters.swapOuts++;
    this.notices.moved('swapout', key);
  }

  /** How long ago a swapped entry left memory, from 0 to 255, in units of a part of what has been swapped out. */
  ageOf(slot: number): number {
    return (this.#tick - this.table.stamp(slot)) & 0xff;
  }

  /** The coarse clock: it ticks so slowly that its 256 steps see every swapped entry leave about twice. */
  #coarseTick(): number {
    if (--this.#untilTick <= 0) {
      this.#tick = (this.#tick + 1) & 0xff;
      this.#untilTick = Math.max(1, (this.table.size - this.residents.count) >>> 7);
    }
    return this.#tick;
  }

  /** True for a slot whose record waits to be written: it is in the buffer, and not in the file. */
  isUnwritten(slot: number): boolean {
    return this.behind?.has(this.table.page(slot)) === true;
  }

  /** Gives up the pages that a slot points to, if any. */
  freePointer(slot: number): void {
    const recordBytes = this.table.recordBytes(slot);
    if (recordBytes === 0) return;
    const page = this.table.page(slot);
    if (this.behind?.has(page)) this.behind.died(page, this.pagesOf(recordBytes));
    // The pages of a persistent store are free when the index on the disk no longer points to them.
    else if (this.durability !== undefined) this.durability.retired(slot);
    else this.freePages(page, this.pagesOf(recordBytes));
    this.table.clearPointer(slot);
  }

  freePages(first: number, count: number): void {
    if (pageLine.enabled) pageLine('free %d +%d', first, count);
    this.pages.release(first, count);
    this.onPagesFreed();
  }

  /** The pages that `entry` was read from still hold it. */
  addCopy(entry: Entry): void {
    assert(entry.copyIndex === -1, 'an entry has one copy');
    entry.copyIndex = this.copies.length;
    this.copies.push(entry);
  }

  /** The copy will not be used: it is stale, or its entry leaves with it. The pages are not given up here. */
  removeCopy(entry: Entry): void {
    const last = this.copies.pop()!;
    if (last !== entry) {
      this.copies[entry.copyIndex] = last;
      last.copyIndex = entry.copyIndex;
    }
    entry.copyIndex = -1;
    entry.copyBytes = 0;
  }

  /** The file's copy of a resident is worth nothing any more. */
  freeCopy(entry: Entry): void {
    if (entry.copyIndex === -1) return;
    // One that has not been written is in no log, and its entry not among those that a flush writes.
    const isInNoLog = this.isUnwritten(entry.slot);
    this.removeCopy(entry);
    this.freePointer(entry.slot);
    if (isInNoLog) this.durability?.dirtied(entry);
  }

  /**
   * Keeps `entry` from being encoded in this turn: whoever awaits it runs after us in the same turn, and may still
   * change the value in place.
   */
  guard(entry: Entry): void {
    if (entry.guardTurn !== this.turn) this.guardedBytes += entry.size;
    this.handedOut.note(entry.size, entry.guardTurn);
    entry.guardTurn = this.turn;
    this.endTurnSoon();
  }

  /** This turn is one of its own, and what is guarded in it, or was before, may leave when it has ended. */
  endTurnSoon(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    this.environment.clock.nextTurn(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#turnEnds = false;
    this.turn++;
    const wereFull = this.handsAreFull;
    this.guardedBytes = 0;
    this.#guestsAreMany = false;
    // Guests first: one that is handed out from here on is of the turn that begins.
    const isDone = this.onTurnEnded();
    if (wereFull) this.onHandsFree();
    if (!isDone) this.endTurnSoon();
  };

  /** Calls `fn` once some job has ended. */
  afterProgress(fn: () => void): void {
    this.#afterProgress.push(fn);
  }

  /** Some jobs have ended: listeners are told, and whoever waits for an end looks again. */
  progressed(): void {
    this.notices.tell();
    if (this.#afterProgress.length > 0) for (const fn of this.#afterProgress.splice(0)) fn();
  }

  /**
   * True when so much has been handed out in this turn that what comes next might find no room beside it: it waits for
   * the next turn, as who awaits it may change it in place, and only a value in memory keeps that.
   */
  get handsAreFull(): boolean {
    return this.#guestsAreMany || this.guardedBytes > this.options.maxMemory / 2;
  }

  /**
   * Somebody was given what it wanted, and nobody waits for more. Once guests are many, what comes next waits for the next turn, in
   * which it may be a guest as well; but not while somebody waits, who keeps all of them longer.
   */
  nobodyWaits(): void {
    if (this.residents.guestsOfTurnsBytes <= this.guestsOfTurnsBytesMax / 2) return;
    this.#guestsAreMany = true;
    this.endTurnSoon();
  }

  /** Encrypts the records that `buffer` holds for the pages from `firstPage` on, where records are. */
  seal(buffer: RecordBuffer, offset: number, length: number, firstPage: number): void {
    const { sealer, options } = this;
    if (sealer !== undefined) sealRecords(buffer, offset, length, firstPage, options.pageSize, sealer);
  }

  /** Compresses the records at the start of `buffer`, on this thread, and packs them. Throws ERR_SWAP_IO. */
  compress(buffer: RecordBuffer, recordCount: number): void {
    const { pageSize, compression } = this.options;
    try {
      prepareRecords(buffer, 0, recordCount, pageSize, compressionKinds[compression]);
    } catch (cause) {
      this.counters.ioErrors++;
      throw this.ioError('cannot compress a record', cause);
    }
  }

  /** An I/O error in the words of the store. */
  ioError(doing: string, cause: unknown, about: { storedKey?: string; page?: number } = {}): SwapError {
    if (cause instanceof SwapError) return cause;
    return new SwapError('ERR_SWAP_IO', `${doing}: ${reasonOf(cause)}`, {
      ...about,
      cause,
      path: this.file.path,
    });
  }
}
