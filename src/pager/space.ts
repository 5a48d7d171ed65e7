/**
 * Finds pages for records. When the map has no run, it gives up the pages of clean copies, which are a convenience;
 * when that is not enough and the user chose to evict, it clears the pages around the coldest of a few sampled
 * swapped entries. 'No space' is an ordinary answer.
 *
 * A disk that is full is a swap file that is full: after ENOSPC only pages that were written before are given out,
 * until some are freed or a second has passed.
 */
import debug from 'debug';
import { RecordBuffer, recordBytesMax } from '../disk/record.js';
import { none } from '../memory/pointer-table.js';
import { Place } from '../memory/resident.js';
import type { ClearedSweep } from './cleared-sweep.js';
import type { Core } from './core.js';
import type { RecordReader } from './record-reader.js';

const pageLine = debug('swapstore:page');

/** Evictions that may fail to make a run before 'no space' is the answer. */
const evictionTriesMax = 32;
/** Swapped entries looked at for one eviction. */
const sampleCount = 8;
/** After ENOSPC, how long until the file may grow again. */
const diskFullMs = 1000;
/** A file of fewer pages may have as many holes as it likes. */
const sparsePagesMin = 4096;
/** Enough of a record to see its header and most keys. */
const headBytes = 4096;

export class Space {
  readonly #core: Core;
  readonly #reader: RecordReader;
  /** Takes an entry out for good: its key, its pages, its waiters. */
  readonly #evict: (slot: number) => void;
  readonly #random: () => number;
  readonly #cleared: ClearedSweep;
  /** True while the value of a slot is being read, or waits to be written, so that it must not be evicted. */
  readonly #isOnItsWay: (slot: number) => boolean;
  #diskFullUntilMs = 0;
  #head: RecordBuffer | undefined = undefined;

  constructor(
    core: Core,
    reader: RecordReader,
    random: () => number,
    evict: (slot: number) => void,
    cleared: ClearedSweep,
    isOnItsWay: (slot: number) => boolean,
  ) {
    this.#core = core;
    this.#reader = reader;
    this.#random = random;
    this.#evict = evict;
    this.#cleared = cleared;
    this.#isOnItsWay = isOnItsWay;
  }

  /** Takes a run of `count` pages and returns its first, or -1. */
  take(count: number): number {
    let first = this.#find(count);
    if (first === -1 && this.#core.behind?.giveBack()) first = this.#find(count);
    if (first === -1 && this.#cleared.freePages()) first = this.#find(count);
    // To a persistent store a copy is what it has on the disk, and no convenience.
    const { durability } = this.#core;
    if (durability === undefined) while (first === -1 && this.#giveUpCopy()) first = this.#find(count);
    else if (first === -1 && durability.release()) first = this.#find(count);
    if (first === -1 && this.#core.options.evicts) first = this.#evictFor(count);
    if (pageLine.enabled) pageLine('take %d +%d', first, count);
    if (first !== -1) this.#core.pages.take(first, count);
    return first;
  }

  /** Takes a run for which nothing must be given up, and for which a file that is mostly holes need not grow; or -1. */
  takeIdle(count: number): number {
    if (!this.isIdle(count)) return -1;
    const first = this.#find(count);
    if (first !== -1) this.#core.pages.take(first, count);
    return first;
  }

  /** True when there is such a run. */
  isIdle(count: number): boolean {
    return this.largestRun >= count && !(this.isSparse && this.wouldGrow(count));
  }

  /** The longest run that `take` could have now without giving up anything. */
  get largestRun(): number {
    return this.#core.pages.largestFreeRun;
  }

  /** True when three quarters of what has been written of the file are free. */
  get isSparse(): boolean {
    const { file, pages } = this.#core;
    return file.writtenPages > sparsePagesMin && pages.usedPages < file.writtenPages / 4;
  }

  /** True when a run of `count` pages would lie behind all that has been written. */
  wouldGrow(count: number): boolean {
    const { file, pages } = this.#core;
    const first = pages.find(count);
    return first !== -1 && file.offsetOf(first + count) > file.writtenBytes;
  }

  /** A persistent file whose end is free gives it back to the disk. */
  giveBackEnd(): void {
    const { file, pages } = this.#core;
    const written = file.writtenPages;
    if (written < 2 * pages.usedPages + 1024) return;
    let last = Math.min(written, pages.pageCount);
    while (last > 0 && pages.isFree(last - 1)) last--;
    if (last >= written / 2) return;
    try {
      file.shrink(last);
    } catch {
      // What made the pages free is done all the same; the next flush tries again.
      this.#core.counters.ioErrors++;
    }
  }

  /** True when `take` could give up something to make a run. */
  get canMakeMore(): boolean {
    const { copies, options, durability } = this.#core;
    return copies.length > 0 || options.evicts || durability !== undefined || this.#cleared.isPending;
  }

  /** A write has met a full disk. */
  diskIsFull(): void {
    this.#diskFullUntilMs = this.#core.environment.clock.monotonic() + diskFullMs;
  }

  #find(count: number): number {
    const first = this.#core.pages.find(count);
    if (first === -1 || this.#diskFullUntilMs === 0) return first;
    if (this.#core.environment.clock.monotonic() >= this.#diskFullUntilMs) {
      this.#diskFullUntilMs = 0;
      return first;
    }
    const end = this.#core.file.offsetOf(first + count);
    return end <= this.#core.file.writtenBytes ? first : -1;
  }

  #giveUpCopy(): boolean {
    const { copies } = this.#core;
    const entry = copies[copies.length - 1];
    if (entry === undefined) return false;
    this.#core.freeCopy(entry);
    // Whoever is reading a guest may be about to change it, so that it must not leave as one that was set does.
    if (entry.place === Place.Guest) this.#core.residents.keep(entry);
    return true;
  }

  #evictFor(count: number): number {
    const { durability } = this.#core;
    if (count > this.#core.pages.pageCount) return -1;
    for (let tries = 0; tries < evictionTriesMax; tries++) {
      // What a persistent store evicts gives its pages only with a commit: else it would be lost for nothing.
      if (durability?.mayRelease === false) return -1;
      const slot = this.#coldest();
      if (slot === none) return -1;
      const first = Math.min(this.#core.table.page(slot), this.#core.pages.pageCount - count);
      this.#evict(slot);
      this.#clearRun(first, count);
      if (durability?.release() === false) return -1;
      const found = this.#find(count);
      if (found !== -1) return found;
    }
    return -1;
  }

  /** The swapped entry with the oldest stamp of a few, or none. */
  #coldest(): number {
    const { table } = this.#core;
    let coldest = none;
    let oldest = -1;
    for (let tries = 0; tries < sampleCount * 4 && (tries < sampleCount || coldest === none); tries++) {
      const slot = table.sample(this.#random());
      if (slot === none) return none;
      if (table.isResident(slot) || table.recordBytes(slot) === 0 || this.#isOnItsWay(slot)) continue;
      const age = this.#core.ageOf(slot);
      if (age > oldest) {
        oldest = age;
        coldest = slot;
      }
    }
    return coldest;
  }

  /** Evicts whatever lies in `count` pages from `first` on, as far as its owners can be told and may go. */
  #clearRun(first: number, count: number): void {
    const { pages, table } = this.#core;
    for (let page = first; page < first + count; page++) {
      if (pages.isFree(page)) continue;
      const slot = this.#ownerOf(page);
      if (slot === none) return;
      page += this.#core.pagesOf(table.recordBytes(slot)) - 1;
      this.#evict(slot);
    }
  }

  /** The slot whose record begins at `page`, read off the file; none when that cannot be told or it must stay. */
  #ownerOf(page: number): number {
    const { table } = this.#core;
    try {
      const key = this.#reader.keyAt(this.#recordAt(page), page) ?? '';
      const slot = key === '' ? none : table.find(key, table.hash(key));
      if (slot === none || table.page(slot) !== page || table.recordBytes(slot) === 0) return none;
      return table.isResident(slot) || this.#isOnItsWay(slot) ? none : slot;
    } catch {
      // The page cannot be read: another run will do, and whoever reads that entry will be told.
      return none;
    }
  }

  /** The head of the record that begins at `page`; all of it where the head alone does not open. */
  #recordAt(page: number): RecordBuffer {
    this.#head ??= new RecordBuffer(new ArrayBuffer(headBytes));
    const { file, sealer } = this.#core;
    file.read(this.#head.bytes, 0, headBytes, page);
    const recordBytes = this.#head.words[1]!;
    const bytesMax = Math.min(recordBytesMax, file.writtenBytes);
    if (sealer === undefined || recordBytes <= headBytes || recordBytes > bytesMax) return this.#head;
    const whole = new RecordBuffer(new ArrayBuffer((recordBytes + 3) & ~3));
    file.read(whole.bytes, 0, recordBytes, page);
    return whole;
  }
}
