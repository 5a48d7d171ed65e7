/**
 * Writes batches of victims. On the blocking side a batch is written before the call returns; on the threaded side it
 * goes PREPARE -> WRITE through the pool, and its entries can still come back.
 *
 * Feared most: a value that is let go though its bytes are not in the file, and pages that are given to another while
 * a thread still writes them. So an entry is let go only in `#confirm`, and the pages of a record that died in flight
 * are freed only when its job has ended.
 */

import { Compression, compressionKinds } from '../codec/compression.js';
import { writeAll } from '../disk/whole-async.js';
import { assert, type SwapError } from '../errors.js';
import { Job, JobType } from '../io/job.js';
import type { Core } from './core.js';
import { Departure, type Departures } from './departures.js';
import type { Entry } from './entry.js';
import { diskFullAsFull, fullError, isFull } from './full.js';
import type { Space } from './space.js';
import { type WriteBatch, WriteJobOwner } from './write-batch.js';
import type { WriteCost } from './write-cost.js';

/** Runs up to this are not divided any further for the sake of the file's length. */
const shortRunBytes = 16 * 1024;

export class SwapOut {
  readonly #core: Core;
  readonly #space: Space;
  readonly #departures: Departures;
  readonly #compression: Compression;
  readonly #pageSize: number;
  readonly #cost: WriteCost;
  /** Batches with a job that has not ended: their pages are in nobody's pointer. */
  readonly inFlight = new Set<WriteBatch>();
  /** Called when a batch of threads has ended. */
  onSettled: (error: Error | undefined) => void = () => {};

  constructor(core: Core, space: Space, departures: Departures, cost: WriteCost) {
    this.#core = core;
    this.#space = space;
    this.#departures = departures;
    this.#compression = compressionKinds[core.options.compression];
    this.#pageSize = core.options.pageSize;
    this.#cost = cost;
  }

  /** An entry in flight was touched: it is in memory as before, and its record is dead. */
  cancel(entry: Entry): void {
    const batch = entry.batch;
    assert(batch !== undefined, 'only what is in flight can be cancelled');
    batch.release(entry);
    this.#core.residents.callBack(entry);
    this.#core.counters.canceledJobs++;
    if (batch.live === 0 && !batch.filling) for (const job of batch.jobs) this.#core.pool.cancel(job);
  }

  /**
   * All entries are gone: nothing in flight belongs to anybody, and what is not being written need not be. Where the
   * page map was emptied with them, what threads still write keeps its pages until it has ended.
   */
  abandon(mapWasEmptied: boolean): void {
    for (const batch of this.inFlight) {
      batch.abandon();
      for (let index = 0; index < batch.count; index++) {
        const first = batch.firstPages[index]!;
        if (mapWasEmptied && first !== -1)
          this.#core.pages.take(first, this.#core.pagesOf(batch.recordBytes[index]!));
      }
      for (const job of batch.jobs) this.#core.pool.cancel(job);
    }
  }

  /** Swaps out one entry, no candidate any more, on this thread. Throws ERR_SWAP_IO. */
  sendNow(entry: Entry): boolean {
    let batch: WriteBatch | undefined = this.#departures.openBlocking();
    let departure = this.#departures.depart(entry, batch);
    if (departure === Departure.TooLarge) {
      batch = this.#departures.departAlone(entry);
      if (batch === undefined) return !entry.stuck;
      departure = Departure.Sent;
    }
    if (departure !== Departure.Sent) return departure === Departure.Gone;
    this.writeNow(batch);
    if (batch.error !== undefined && !isFull(batch.error)) throw batch.error;
    return batch.confirmed > 0;
  }

  /** The same through the threads, while there is a slab to be had. */
  async sendSoon(entry: Entry): Promise<boolean> {
    const { pool } = this.#core;
    let batch = pool.threadsMax > 0 ? this.#departures.openThreaded() : undefined;
    if (batch === undefined) return this.sendNow(entry);
    const departure = this.#departures.depart(entry, batch);
    if (departure !== Departure.Sent) this.submit(batch);
    if (departure === Departure.TooLarge) {
      batch = this.#departures.departAlone(entry);
      if (batch === undefined) return !entry.stuck;
    } else if (departure !== Departure.Sent) {
      return departure === Departure.Gone;
    }
    const sent = batch;
    pool.hold();
    await new Promise<void>((resolve) => {
      sent.settled.push(resolve);
      this.submit(sent);
    });
    pool.letGo();
    if (sent.error !== undefined && !isFull(sent.error)) throw sent.error;
    return sent.confirmed > 0;
  }

  /** Writes a batch on this thread; false when something of it stayed, with the reason in `batch.error`. */
  writeNow(batch: WriteBatch): boolean {
    batch.filling = false;
    batch.beganMs = this.#core.measuredMs();
    if (!this.#compressNow(batch)) return false;
    this.#place(batch, (from, to) => {
      this.#writeRun(batch, from, to);
    });
    return batch.error === undefined;
  }

  /** Writes a run of records on this thread; undefined, or why it cannot be: their values are in memory then. */
  #writeRun(batch: WriteBatch, from: number, to: number): SwapError | undefined {
    const core = this.#core;
    const { clock } = core.environment;
    const first = batch.firstPages[from]!;
    const offset = batch.offsets[from]!;
    const length = batch.lengthOf(from, to);
    try {
      core.seal(batch.buffer, offset, length, first);
      const beganMs = clock.monotonic();
      core.file.write(batch.buffer.bytes, offset, length, first);
      this.#cost.learn((clock.monotonic() - beganMs) * 1000, length);
    } catch (cause) {
      const error = core.ioError('cannot write to the swap file', cause, { page: first });
      this.#fail(batch, from, to, error);
      return error;
    }
    core.counters.bytesWritten += length;
    if (batch.slab !== undefined) this.#noteInSlab(batch, first, length, batch.slab.offset + offset);
    this.#confirm(batch, from, to);
    return undefined;
  }

  /** Has a batch written: by the threads, or here while that costs less and leaves them nothing else to do. */
  submit(batch: WriteBatch): void {
    batch.filling = false;
    batch.beganMs = this.#core.measuredMs();
    batch.flushesFailed = this.#flushesFailed;
    this.inFlight.add(batch);
    if (batch.live === 0) this.#settle(batch);
    else if (batch.slab === undefined) this.#submitAlone(batch);
    else if (this.#compression !== Compression.None) this.#submitPrepare(batch);
    else if (this.#cost.isCheap && this.#core.sealer === undefined) this.#writeHere(batch);
    else this.#submitWrites(batch);
  }

  #writeHere(batch: WriteBatch): void {
    this.#place(batch, (from, to) => {
      const error = this.#writeRun(batch, from, to);
      if (error !== undefined) this.#core.notices.warn(error);
    });
    this.#settle(batch);
  }

  /** A PREPARE or WRITE job of a batch has ended. */
  completed(job: Job<WriteJobOwner>): void {
    const { batch, from, to } = job.owner;
    batch.openJobs--;
    if (job.type === JobType.Prepare) {
      if (!job.canceled && job.error === undefined && batch.live > 0) {
        batch.readSizes();
        this.#submitWrites(batch);
        return;
      }
      this.#undo(batch, from, to, job.error);
      if (job.error !== undefined) {
        this.#core.counters.ioErrors++;
        this.#core.notices.warn(job.error);
      }
    } else if (job.canceled) {
      // Whether it was written before it was cancelled does not matter: nobody wants it there.
      this.#withdraw(batch, from, to, job.error);
    } else if (job.error === undefined) {
      this.#noteWritten(batch, from, job);
      this.#confirmIfSure(batch, from, to);
    } else {
      this.#fail(batch, from, to, job.error);
      this.#core.notices.warn(job.error);
    }
    this.#settleIfDone(batch);
  }

  /** Compresses a batch in its buffer, where that is wanted; when it fails, all of the batch stays in memory. */
  #compressNow(batch: WriteBatch): boolean {
    if (this.#compression === Compression.None) return true;
    try {
      this.#core.compress(batch.buffer, batch.count);
    } catch (error) {
      this.#undo(batch, 0, batch.count, error as SwapError);
      return false;
    }
    batch.readSizes();
    return true;
  }

  /** Gives pages to the records of a batch, in as few runs as there are, and calls `write` for each run. */
  #place(batch: WriteBatch, write: (from: number, to: number) => void): void {
    const pageSize = this.#pageSize;
    for (let from = 0; from < batch.count; ) {
      let to = batch.count;
      let pages = batch.lengthOf(from, to) / pageSize;
      if (pages > this.#space.largestRun) {
        // No run for all: as many as fit into the longest, or one alone for which space may yet be made.
        to = from + 1;
        pages = batch.lengthOf(from, to) / pageSize;
        while (to < batch.count) {
          const more = batch.lengthOf(from, to + 1) / pageSize;
          if (more > this.#space.largestRun) break;
          pages = more;
          to++;
        }
      } else if (this.#space.isSparse) {
        // In a file that is mostly holes, shorter runs that fit into them, so that it does not grow for long ones.
        while (to - from > 1 && pages * pageSize > shortRunBytes && this.#space.wouldGrow(pages)) {
          to = from + ((to - from) >> 1);
          pages = batch.lengthOf(from, to) / pageSize;
        }
      }
      const first = this.#space.take(pages);
      if (first === -1) {
        this.#noSpace(batch, from, to, pages);
      } else {
        let page = first;
        for (let index = from; index < to; index++) {
          batch.firstPages[index] = page;
          page += this.#core.pagesOf(batch.recordBytes[index]!);
        }
        write(from, to);
      }
      from = to;
    }
  }

  #noSpace(batch: WriteBatch, from: number, to: number, pages: number): void {
    for (let index = from; index < to; index++) {
      if (batch.isLive(index))
        batch.entries[index]!.pagesWanted = this.#core.pagesOf(batch.recordBytes[index]!);
    }
    this.#undo(batch, from, to, fullError(this.#core, batch.entries[from]!.key, pages));
  }

  #submitPrepare(batch: WriteBatch): void {
    const owner = new WriteJobOwner(batch, 0, batch.count);
    const job = new Job(JobType.Prepare, owner, this.#core.file.fd, batch.slab!.offset, batch.usedBytes, 0);
    job.recordCount = batch.count;
    job.pageSize = this.#pageSize;
    job.compression = this.#compression;
    this.#submitJob(batch, job);
  }

  #submitJob(batch: WriteBatch, job: Job<WriteJobOwner>): void {
    batch.openJobs++;
    batch.jobs.push(job);
    this.#core.pool.submit(job);
  }

  #submitWrites(batch: WriteBatch): void {
    this.#place(batch, (from, to) => {
      const offset = batch.offsets[from]!;
      const length = batch.lengthOf(from, to);
      const { file } = this.#core;
      const position = file.offsetOf(batch.firstPages[from]!);
      const owner = new WriteJobOwner(batch, from, to);
      const job = new Job(JobType.Write, owner, file.fd, batch.slab!.offset + offset, length, position);
      job.pageSize = this.#pageSize;
      this.#submitJob(batch, job);
    });
    this.#settleIfDone(batch);
  }

  /** A record larger than a slab is written by the runtime's own threads. */
  #submitAlone(batch: WriteBatch): void {
    if (!this.#compressNow(batch)) {
      this.#core.notices.warn(batch.error as SwapError);
      this.#settle(batch);
      return;
    }
    this.#place(batch, () => {
      const { file, environment } = this.#core;
      const first = batch.firstPages[0]!;
      const done = (cause: Error | undefined): void => {
        batch.openJobs--;
        if (cause === undefined) {
          this.#core.counters.bytesWritten += batch.usedBytes;
          file.noteWritten(first, batch.usedBytes / this.#pageSize);
          this.#confirmIfSure(batch, 0, 1);
        } else {
          const error = this.#core.ioError('cannot write to the swap file', cause, { page: first });
          this.#fail(batch, 0, 1, error);
          this.#core.notices.warn(error);
        }
        this.#settleIfDone(batch);
        this.#core.progressed();
      };
      batch.openJobs++;
      this.#core.seal(batch.buffer, 0, batch.usedBytes, first);
      writeAll(environment.disk, file.fd, batch.buffer.bytes, batch.usedBytes, file.offsetOf(first), done);
    });
    this.#settleIfDone(batch);
  }

  /** A thread has written a run: it can be read from the file now, and from the slab while that is not reused. */
  #noteWritten(batch: WriteBatch, from: number, job: Job<WriteJobOwner>): void {
    const first = batch.firstPages[from]!;
    this.#cost.learn(job.durationUs, job.length);
    this.#core.counters.bytesWritten += job.length;
    this.#core.file.noteWritten(first, job.length / this.#pageSize);
    this.#noteInSlab(batch, first, job.length, job.areaOffset);
  }

  #noteInSlab(batch: WriteBatch, firstPage: number, length: number, areaOffset: number): void {
    this.#core.pool.slabs.noteRun(batch.slab!, firstPage, length / this.#pageSize, areaOffset);
  }

  get #flushesFailed(): number {
    return this.#core.durability?.flushesFailed ?? 0;
  }

  /** A thread has written these records; was it before a sync failed, they may never reach the disk, and do not count. */
  #confirmIfSure(batch: WriteBatch, from: number, to: number): void {
    if (batch.flushesFailed === this.#flushesFailed) this.#confirm(batch, from, to);
    else this.#withdraw(batch, from, to, undefined);
  }

  /** The bytes of these records are in the file: their entries are let go, and the pages of dead ones freed. */
  #confirm(batch: WriteBatch, from: number, to: number): void {
    const core = this.#core;
    if (batch.beganMs !== 0) core.latencies?.swapOut.record(core.measuredMs() - batch.beganMs);
    for (let index = from; index < to; index++) {
      const page = batch.firstPages[index]!;
      const recordBytes = batch.recordBytes[index]!;
      if (!batch.isLive(index)) {
        core.freePages(page, core.pagesOf(recordBytes));
        continue;
      }
      const entry = batch.entries[index]!;
      batch.release(entry);
      batch.confirmed++;
      core.table.setPointer(entry.slot, page, recordBytes);
      core.durability?.located(entry.slot, entry);
      core.residents.letGo(entry);
      core.swappedOut(entry.slot, entry.key);
    }
    this.#forget(batch, from, to);
  }

  /** The write of these records failed: their values are in memory as before. */
  #fail(batch: WriteBatch, from: number, to: number, error: SwapError): void {
    this.#core.counters.ioErrors++;
    this.#withdraw(batch, from, to, diskFullAsFull(this.#core, this.#space, error, batch.entries[from]!.key));
  }

  /** These records are not in the file: their pages are free, and what still is theirs is in memory as before. */
  #withdraw(batch: WriteBatch, from: number, to: number, error: Error | undefined): void {
    for (let index = from; index < to; index++) {
      this.#core.pages.release(batch.firstPages[index]!, this.#core.pagesOf(batch.recordBytes[index]!));
    }
    this.#forget(batch, from, to);
    this.#undo(batch, from, to, error);
  }

  #forget(batch: WriteBatch, from: number, to: number): void {
    batch.firstPages.fill(-1, from, to);
  }

  #undo(batch: WriteBatch, from: number, to: number, error: Error | undefined): void {
    batch.error ??= error;
    for (let index = from; index < to; index++) {
      if (!batch.isLive(index)) continue;
      const entry = batch.entries[index]!;
      batch.release(entry);
      this.#core.residents.callBack(entry);
    }
  }

  #settleIfDone(batch: WriteBatch): void {
    if (batch.openJobs === 0) this.#settle(batch);
  }

  #settle(batch: WriteBatch): void {
    this.inFlight.delete(batch);
    if (batch.slab !== undefined) this.#core.pool.slabs.release(batch.slab);
    for (const settled of batch.settled) settled();
    this.onSettled(batch.error);
  }
}
