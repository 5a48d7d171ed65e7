/**
 * The short way out, for values that need not stay: the record is encoded behind others into one buffer, has its pages
 * and its pointer at once, and is written with them when the buffer is full or the turn of the event loop ends. Until
 * then whoever reads it finds it in the buffer by its page. There is no flight, as nobody has the value any more: what
 * is wanted back is read, and a write that fails leaves the records where they are, to be written again later.
 *
 * Only where that is all that is to be done: on the caller's thread while the page cache takes what is written at the
 * speed of memory, for records that are neither compressed nor encrypted.
 *
 * Feared most: a page that is given to another while its record waits to be written over it. So the whole run belongs
 * to the buffer until it has been written, and the pages of a record that has died in it are freed only then. And of a
 * persistent store: an index that points to what was never written. So the log is told of a record when it has been.
 */
import { paddedBytes, RecordBuffer } from '../disk/record.js';
import type { SwapError } from '../errors.js';
import type { Core } from './core.js';
import type { Durability } from './durability.js';
import type { Entry } from './entry.js';
import { diskFullAsFull } from './full.js';
import type { RecordWriter } from './record-writer.js';
import { Rest } from './rest.js';
import type { Space } from './space.js';
import type { WriteCost } from './write-cost.js';

/** What one write takes at most. A processor's second cache holds it, and a system call more for so much costs nothing. */
const bufferBytesMax = 256 * 1024;
const bufferBytesMin = 4096;
/** So many runs as long as the buffer must be free, so that one that is not full yet keeps nobody from a page. */
const freeRunsMin = 4;

export class WriteBehind {
  readonly #core: Core;
  readonly #writer: RecordWriter;
  readonly #space: Space;
  readonly #cost: WriteCost;
  readonly #bufferBytes: number;
  readonly #pageCount: number;
  #buffer: RecordBuffer | undefined = undefined;

  /** First page of the run that the buffer goes to; -1 while it is empty. */
  #first = -1;
  #firstKey = '';
  #usedBytes = 0;
  /** Of each record, its slot and its page. */
  readonly #slots: number[] = [];
  readonly #pages: number[] = [];
  /** Runs of it whose records are not wanted any more: first page and count of each. */
  readonly #dead: number[] = [];
  /** When its first record came; 0 while nobody wants to know. */
  #beganMs = 0;
  readonly #rest: Rest;
  /** What the last value that went this way cost in memory, bytes; 0 = none has. */
  lastSizeBytes = 0;
  /** Called when there is something to be written at the end of the turn. */
  onFirst: () => void = () => {};

  constructor(core: Core, writer: RecordWriter, space: Space, cost: WriteCost) {
    this.#core = core;
    this.#writer = writer;
    this.#space = space;
    this.#cost = cost;
    this.#rest = new Rest(core.environment.clock, () => {
      this.flush();
      core.notices.tell();
    });
    const { options, pool } = core;
    const share = Math.max(bufferBytesMin, options.maxMemory / 16);
    const bytes = Math.min(bufferBytesMax, pool.slabs.slabBytes, share);
    this.#pageCount = Math.floor(bytes / options.pageSize);
    this.#bufferBytes = this.#pageCount * options.pageSize;
  }

  /** True for a store whose records need nothing but a write. With no threads nothing leaves before memory is full. */
  static isFor({ options, pool, sealer }: Core): boolean {
    return pool.threadsMax > 0 && options.compression === 'none' && sealer === undefined;
  }

  /** True when `add` may take a value that need not stay. */
  get isReady(): boolean {
    if (!this.#cost.isCheap || this.#rest.hasFailed || this.#core.durability?.isFlushing) return false;
    return this.#first !== -1 || this.#hasSpace;
  }

  /** True for a value that costs too much for its record to fit, as far as that is known. */
  isTooLarge(sizeBytes: number): boolean {
    return sizeBytes > this.#bufferBytes;
  }

  get #hasSpace(): boolean {
    const { pages } = this.#core;
    const count = this.#pageCount;
    return count > 0 && pages.pageCount - pages.usedPages >= freeRunsMin * count && this.#space.isIdle(count);
  }

  /** Has a guest leave that the file has no copy of; false when it must leave in another way, or stay. */
  add(entry: Entry): boolean {
    const core = this.#core;
    if (!this.isReady || core.isOver(entry)) return false;
    const { table, options } = core;
    const generation = core.nextGeneration();
    let recordBytes = this.#encode(entry, generation);
    if (recordBytes === -1) {
      if (this.#usedBytes === 0) return false;
      this.flush();
      if (this.#first !== -1 || !this.isReady) return false;
      recordBytes = this.#encode(entry, generation);
    }
    // A getter of its own may have asked for it, and it stays.
    if (recordBytes <= 0 || core.residents.guest !== entry) return false;
    if (this.#first === -1 && !this.#begin(entry.key)) return false;
    const page = this.#first + this.#usedBytes / options.pageSize;
    table.setGeneration(entry.slot, generation);
    table.setPointer(entry.slot, page, recordBytes);
    this.#slots.push(entry.slot);
    this.#pages.push(page);
    this.#usedBytes += paddedBytes(recordBytes, options.pageSize);
    core.durability?.left(entry);
    this.lastSizeBytes = this.#writer.entryBytes;
    core.residents.drop(entry);
    core.swappedOut(entry.slot, entry.key);
    return true;
  }

  /** The bytes of the record; -1 when the buffer has no room for it, 0 when it cannot be encoded. */
  #encode({ key, value, size }: Entry, generation: number): number {
    // Shared, so that no value that is decoded from it takes it for its own memory.
    this.#buffer ??= new RecordBuffer(new SharedArrayBuffer(this.#bufferBytes));
    const buffer = this.#buffer;
    const start = this.#usedBytes;
    if (start === this.#bufferBytes) return -1;
    try {
      return this.#writer.write(buffer, start, key, value, size, generation);
    } catch {
      // Whoever tries the long way with it says so.
      return 0;
    }
  }

  #begin(key: string): boolean {
    this.#firstKey = key;
    this.#first = this.#space.takeIdle(this.#pageCount);
    if (this.#first === -1) return false;
    this.#beganMs = this.#core.measuredMs();
    this.onFirst();
    return true;
  }

  /** True when a page is of the run that has not been written. */
  has(page: number): boolean {
    return this.#first !== -1 && page >= this.#first && page < this.#first + this.#pageCount;
  }

  /** Where the record of a page lies in `buffer`, which has it until it is written; else -1. */
  find(page: number): number {
    return this.has(page) ? (page - this.#first) * this.#core.options.pageSize : -1;
  }

  /** What waits to be written. */
  get buffer(): RecordBuffer {
    return this.#buffer!;
  }

  /** The record at `first` is not wanted any more. */
  died(first: number, count: number): void {
    this.#dead.push(first, count);
  }

  /** Writes what there is, unless it rests after a failure; what goes wrong is a warning, and all is where it was. */
  flush(): void {
    if (this.#rest.isUnderWay) return;
    const error = this.write();
    if (error !== undefined) this.#core.notices.warn(error);
  }

  /** The same at once; undefined, or why it failed. */
  write(): SwapError | undefined {
    if (this.#first === -1) return undefined;
    // Each that has died has its run in the list.
    const isWanted = this.#dead.length < 2 * this.#slots.length;
    const error = isWanted ? this.#write(this.#first) : undefined;
    if (error !== undefined) return error;
    const { durability } = this.#core;
    if (durability !== undefined) this.#locate(durability);
    this.#release();
    return undefined;
  }

  #write(first: number): SwapError | undefined {
    const core = this.#core;
    const { clock } = core.environment;
    const bytes = this.#usedBytes;
    try {
      const beganMs = clock.monotonic();
      core.file.write(this.buffer.bytes, 0, bytes, first);
      this.#cost.learn((clock.monotonic() - beganMs) * 1000, bytes);
    } catch (cause) {
      return this.#failed(core.ioError('cannot write to the swap file', cause, { page: first }));
    }
    core.counters.bytesWritten += bytes;
    if (this.#beganMs !== 0) core.latencies?.swapOut.record(core.measuredMs() - this.#beganMs);
    return undefined;
  }

  /** Those that are wanted are in the file. */
  #locate(durability: Durability): void {
    const { table } = this.#core;
    for (let record = 0; record < this.#slots.length; record++) {
      const slot = this.#slots[record]!;
      const isWanted =
        table.isLive(slot) && table.recordBytes(slot) > 0 && table.page(slot) === this.#pages[record];
      if (isWanted) durability.located(slot, undefined);
    }
  }

  /** True when it has given back pages: for a caller who finds none. */
  giveBack(): boolean {
    const { usedPages } = this.#core.pages;
    this.flush();
    return this.#core.pages.usedPages < usedPages;
  }

  #failed(cause: SwapError): SwapError {
    const core = this.#core;
    core.counters.ioErrors++;
    this.#rest.failed();
    return diskFullAsFull(core, this.#space, cause, this.#firstKey);
  }

  /** Nothing is written by itself any more. */
  close(): void {
    this.#rest.close();
  }

  /** What has not been filled of the run, and what has died in it, is free. */
  #release(): void {
    const core = this.#core;
    const end = this.#first + this.#usedBytes / core.options.pageSize;
    const rest = this.#first + this.#pageCount - end;
    const dead = this.#dead.splice(0);
    this.#forget();
    if (rest > 0) core.freePages(end, rest);
    for (let at = 0; at < dead.length; at += 2) core.freePages(dead[at]!, dead[at + 1]!);
  }

  #forget(): void {
    this.#first = -1;
    this.#usedBytes = 0;
    this.#slots.length = 0;
    this.#pages.length = 0;
    this.#rest.succeeded();
    this.#dead.length = 0;
  }

  /** All entries are gone, and, where the page map was emptied with them, all pages are free. */
  abandon(mapWasEmptied: boolean): void {
    const first = this.#first;
    this.#forget();
    if (first !== -1 && !mapWasEmptied) this.#core.freePages(first, this.#pageCount);
  }

  /** Calls `visit` for each run of pages that has no entry: of dead records, and what is not filled yet. */
  forEachHeld(visit: (first: number, count: number) => void): void {
    if (this.#first === -1) return;
    for (let at = 0; at < this.#dead.length; at += 2) visit(this.#dead[at]!, this.#dead[at + 1]!);
    const end = this.#first + this.#usedBytes / this.#core.options.pageSize;
    visit(end, this.#first + this.#pageCount - end);
  }
}
