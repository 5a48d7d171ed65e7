/**
 * Victims on their way out: records that were encoded one after another into one buffer, each at a multiple of the
 * page size. A batch is filled, perhaps compressed, given pages (one run, or several where the file is fragmented),
 * written, and confirmed; a record whose entry was touched meanwhile is dead and is only cleared away.
 *
 * The life of a batch: filling -> (preparing ->) writing -> settled. Its buffer is a slab when threads write it, a
 * private buffer when the caller's thread does.
 */
import { paddedBytes, type RecordBuffer } from '../disk/record.js';
import type { Job } from '../io/job.js';
import type { Slab } from '../io/slab-pool.js';
import type { Entry } from './entry.js';

/** What a PREPARE or WRITE job belongs to: the records from `from` to `to` of a batch. */
export class WriteJobOwner {
  readonly batch: WriteBatch;
  readonly from: number;
  readonly to: number;

  constructor(batch: WriteBatch, from: number, to: number) {
    this.batch = batch;
    this.from = from;
    this.to = to;
  }
}

export class WriteBatch {
  readonly buffer: RecordBuffer;
  readonly slab: Slab | undefined;
  readonly #pageSize: number;

  // Index-aligned: record i is that of entries[i], lies at offsets[i] of the buffer, takes recordBytes[i], and goes to
  // firstPages[i], which is -1 until it has been given pages.
  readonly entries: Entry[] = [];
  readonly offsets: number[] = [];
  readonly recordBytes: number[] = [];
  readonly firstPages: number[] = [];

  /** Bytes of the buffer that are taken, a whole number of pages. */
  usedBytes = 0;
  /** What the entries cost in memory, dead ones included. */
  memoryBytes = 0;
  /** Records whose entry still points here. */
  live = 0;
  /** Jobs of this batch, and how many of them have not ended. */
  readonly jobs: Array<Job<WriteJobOwner>> = [];
  openJobs = 0;
  /** Records that were let go because their bytes are in the file. */
  confirmed = 0;
  /** When it set off; 0 while nobody wants to know. */
  beganMs = 0;
  /** Flushes that had failed when it set off to the threads. */
  flushesFailed = 0;
  /** Set while it may still be filled. */
  filling = true;
  /** What stopped some of its records, if anything did. */
  error: Error | undefined = undefined;
  /** Called once all of its jobs have ended. */
  readonly settled: Array<() => void> = [];

  constructor(buffer: RecordBuffer, slab: Slab | undefined, pageSize: number) {
    this.buffer = buffer;
    this.slab = slab;
    this.#pageSize = pageSize;
  }

  get count(): number {
    return this.entries.length;
  }

  /** Adds the record that was just encoded at `usedBytes`. */
  add(entry: Entry, recordBytes: number): void {
    entry.batch = this;
    entry.batchIndex = this.entries.length;
    this.entries.push(entry);
    this.offsets.push(this.usedBytes);
    this.recordBytes.push(recordBytes);
    this.firstPages.push(-1);
    this.usedBytes += paddedBytes(recordBytes, this.#pageSize);
    this.memoryBytes += entry.size;
    this.live++;
  }

  /** Bytes of the buffer that the records from `from` up to `to` take, padding included. */
  lengthOf(from: number, to: number): number {
    const last = to - 1;
    return this.offsets[last]! + paddedBytes(this.recordBytes[last]!, this.#pageSize) - this.offsets[from]!;
  }

  /** PREPARE has packed the records: where each lies, and how long it is, is in the buffer itself. */
  readSizes(): void {
    let offset = 0;
    for (let index = 0; index < this.count; index++) {
      const recordBytes = this.buffer.words[(offset >>> 2) + 1]!;
      this.offsets[index] = offset;
      this.recordBytes[index] = recordBytes;
      offset += paddedBytes(recordBytes, this.#pageSize);
    }
    this.usedBytes = offset;
  }

  isLive(index: number): boolean {
    const entry = this.entries[index]!;
    return entry.batch === this && entry.batchIndex === index;
  }

  /** None of the entries is in flight any more. */
  abandon(): void {
    for (let index = 0; index < this.count; index++)
      if (this.isLive(index)) this.release(this.entries[index]!);
  }

  /** The entry is not in flight any more; its record, if it stays behind, is dead. */
  release(entry: Entry): void {
    entry.batch = undefined;
    entry.batchIndex = -1;
    this.live--;
  }
}
