/**
 * Takes values out of memory. A victim that the file already holds is dropped; any other is encoded once, on the
 * caller's thread, straight into a buffer, and leaves in a batch: on the blocking side the batch is written before the
 * call returns, on the threaded side it goes PREPARE -> WRITE through the pool, and its entries can still come back.
 *
 * Feared most: a value that is let go though its bytes are not in the file, and pages that are given to another while
 * a thread still writes them. So an entry is let go only in `#confirm`, and the pages of a record that died in flight
 * are freed only when its job has ended.
 */

import { Compression, compressionKinds } from '../codec/compression.js';
import { fingerprint } from '../codec/fingerprint.js';
import { RecordBuffer } from '../disk/record.js';
import { assert, SwapError } from '../errors.js';
import { Job, JobType } from '../io/job.js';
import { writeAll } from '../io/large-io.js';
import { prepareRecords } from '../io/run-job.js';
import type { Core } from './core.js';
import type { Entry } from './entry.js';
import { diskFullAsFull, fullError, isFull } from './full.js';
import { type RecordWriter, tooLarge } from './record-writer.js';
import type { Space } from './space.js';
import { WriteBatch } from './write-batch.js';

/** What became of a victim. */
export const enum Departure {
  /** It is out of memory already: clean, or expired. */
  Gone,
  /** It is in the batch. */
  Sent,
  /** The batch has no room for it; it is still the caller's. */
  BatchFull,
  /** No batch could hold it; it is still the caller's. */
  TooLarge,
  /** It cannot be encoded, or the file has no space for it; it stays. */
  Stays,
}

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

export class SwapOut {
  readonly #core: Core;
  readonly #writer: RecordWriter;
  readonly #space: Space;
  readonly #expire: (entry: Entry) => void;
  readonly #compression: Compression;
  readonly #pageSize: number;
  /** What the caller's own thread encodes into. */
  #ownBuffer: RecordBuffer | undefined = undefined;
  readonly #slabBuffers = new Map<number, RecordBuffer>();
  /** Batches with a job that has not ended: their pages are in nobody's pointer. */
  readonly inFlight = new Set<WriteBatch>();
  /** Called when a batch of threads has ended. */
  onSettled: (error: Error | undefined) => void = () => {};

  constructor(core: Core, writer: RecordWriter, space: Space, expire: (entry: Entry) => void) {
    this.#core = core;
    this.#writer = writer;
    this.#space = space;
    this.#expire = expire;
    this.#compression = compressionKinds[core.options.compression];
    this.#pageSize = core.options.pageSize;
  }

  /** A batch that threads will write, or undefined while all slabs are busy. */
  openThreaded(): WriteBatch | undefined {
    const slab = this.#core.pool.slabs.acquire();
    if (slab === undefined) return undefined;
    let buffer = this.#slabBuffers.get(slab.index);
    if (buffer === undefined) {
      const { area, slabs } = this.#core.pool;
      buffer = new RecordBuffer(area.bytes.buffer as SharedArrayBuffer, slab.offset, slabs.slabBytes);
      this.#slabBuffers.set(slab.index, buffer);
    }
    return new WriteBatch(buffer, slab);
  }

  /** A batch that this thread will write before it does anything else. */
  openBlocking(): WriteBatch {
    this.#ownBuffer ??= new RecordBuffer(new ArrayBuffer(this.#core.pool.slabs.slabBytes));
    return new WriteBatch(this.#ownBuffer, undefined);
  }

  /** Sends off a victim that was just taken out of the policy. */
  depart(entry: Entry, batch: WriteBatch): Departure {
    const core = this.#core;
    if (core.isExpired(entry.expiresAtMs)) {
      core.residents.putBack(entry);
      this.#expire(entry);
      return Departure.Gone;
    }
    if (entry.copyIndex !== -1 && (core.options.immutable || isPrimitive(entry.value))) {
      this.#dropClean(entry);
      return Departure.Gone;
    }
    if (this.#hasNoHope(entry)) {
      core.residents.putBack(entry);
      return Departure.Stays;
    }
    const generation = core.nextGeneration();
    const recordBytes = this.#encode(batch, entry, generation);
    if (recordBytes === -1) return batch.count === 0 ? Departure.TooLarge : Departure.BatchFull;
    if (recordBytes === 0) return Departure.Stays;
    if (this.#saysTheSame(entry)) {
      this.#dropClean(entry);
      return Departure.Gone;
    }
    this.#join(entry, batch, generation, recordBytes);
    return Departure.Sent;
  }

  /** Sends off a victim whose record no slab can hold, in a batch of its own. */
  departAlone(entry: Entry): WriteBatch | undefined {
    const core = this.#core;
    const generation = core.nextGeneration();
    try {
      const start = 2 * core.pool.slabs.slabBytes;
      const buffer = this.#writer.writeAlone(entry.key, entry.value, generation, start);
      if (this.#saysTheSame(entry)) {
        this.#dropClean(entry);
        return undefined;
      }
      const batch = new WriteBatch(buffer, undefined);
      this.#join(entry, batch, generation, buffer.words[1]!);
      return batch;
    } catch (error) {
      this.#stays(entry, error);
      return undefined;
    }
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

  /** All entries are gone: nothing in flight belongs to anybody, and what is not being written need not be. */
  abandon(): void {
    for (const batch of this.inFlight) {
      batch.abandon();
      for (let index = 0; index < batch.count; index++) {
        const first = batch.firstPages[index]!;
        if (first !== -1) this.#core.pages.take(first, this.#core.pagesOf(batch.recordBytes[index]!));
      }
      for (const job of batch.jobs) this.#core.pool.cancel(job);
    }
  }

  /** Swaps out one entry, no candidate any more, on this thread. Throws ERR_SWAP_IO. */
  sendNow(entry: Entry): boolean {
    let batch: WriteBatch | undefined = this.openBlocking();
    let departure = this.depart(entry, batch);
    if (departure === Departure.TooLarge) {
      batch = this.departAlone(entry);
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
    let batch = pool.threadsMax > 0 ? this.openThreaded() : undefined;
    if (batch === undefined) return this.sendNow(entry);
    const departure = this.depart(entry, batch);
    if (departure !== Departure.Sent) this.submit(batch);
    if (departure === Departure.TooLarge) {
      batch = this.departAlone(entry);
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
    if (this.#compression !== Compression.None) this.#compressNow(batch);
    this.#place(batch, (from, to) => {
      const first = batch.firstPages[from]!;
      const offset = batch.offsets[from]!;
      const length = endOf(batch, to - 1, this.#pageSize) - offset;
      try {
        this.#core.file.write(batch.buffer.bytes, offset, length, first);
        this.#core.counters.bytesWritten += length;
        this.#confirm(batch, from, to);
      } catch (cause) {
        this.#fail(
          batch,
          from,
          to,
          this.#core.ioError('cannot write to the swap file', cause, { page: first }),
        );
      }
    });
    return batch.error === undefined;
  }

  /** Gives a batch to the threads. */
  submit(batch: WriteBatch): void {
    batch.filling = false;
    this.inFlight.add(batch);
    if (batch.live === 0) this.#settle(batch);
    else if (batch.slab === undefined) this.#submitAlone(batch);
    else if (this.#compression === Compression.None) this.#submitWrites(batch);
    else this.#submitPrepare(batch);
  }

  /** A PREPARE or WRITE job of a batch has ended. */
  completed(job: Job<WriteJobOwner>): void {
    const { batch, from, to } = job.owner;
    batch.openJobs--;
    if (job.type === JobType.Prepare) {
      if (!job.canceled && job.error === undefined && batch.live > 0) {
        this.#readSizes(batch);
        this.#submitWrites(batch);
        return;
      }
      this.#undo(batch, from, to, job.error);
    } else if (job.canceled) {
      // Whether it was written before it was cancelled does not matter: nobody wants it there.
      this.#withdraw(batch, from, to, job.error);
    } else if (job.error === undefined) {
      this.#noteWritten(batch, from, job);
      this.#confirm(batch, from, to);
    } else {
      this.#fail(batch, from, to, job.error);
      this.#core.notices.warn(job.error);
    }
    this.#settleIfDone(batch);
  }

  /** True when the record is known to be larger than any space there is, so that it need not be encoded to see. */
  #hasNoHope(entry: Entry): boolean {
    const run = this.#space.largestRun;
    return (run === 0 || entry.pagesWanted > run) && !this.#space.canMakeMore;
  }

  #encode(batch: WriteBatch, entry: Entry, generation: number): number {
    try {
      const { buffer, usedBytes } = batch;
      if (usedBytes >= buffer.bytes.length) return -1;
      const recordBytes = this.#writer.write(buffer, usedBytes, entry.key, entry.value, generation);
      if (recordBytes === -1) return -1;
      const end = usedBytes + recordBytes;
      const padded = Math.ceil(recordBytes / this.#pageSize) * this.#pageSize + usedBytes;
      buffer.words.fill(0, (end + 3) >>> 2, padded >>> 2);
      return recordBytes;
    } catch (error) {
      this.#stays(entry, error);
      return 0;
    }
  }

  #stays(entry: Entry, error: unknown): void {
    entry.stuck = true;
    this.#core.residents.keepAside(entry);
    this.#core.counters.unserializable++;
    this.#core.notices.warn(error instanceof SwapError ? error : tooLarge(entry.key));
  }

  /** True when what was just encoded is what the file has. */
  #saysTheSame(entry: Entry): boolean {
    return (
      entry.copyIndex !== -1 &&
      entry.copyBytes === this.#writer.payloadBytes &&
      entry.copyFingerprintA === fingerprint.a &&
      entry.copyFingerprintB === fingerprint.b
    );
  }

  #dropClean(entry: Entry): void {
    const core = this.#core;
    core.removeCopy(entry);
    core.residents.drop(entry);
    core.swappedOut(entry.slot, entry.key);
    core.counters.cleanDrops++;
  }

  #join(entry: Entry, batch: WriteBatch, generation: number, recordBytes: number): void {
    this.#core.freeCopy(entry);
    this.#core.table.setGeneration(entry.slot, generation);
    this.#core.residents.sendOff(entry);
    batch.add(entry, recordBytes, this.#pageSize);
  }

  /** Compresses a batch in its buffer and reads its new sizes. */
  #compressNow(batch: WriteBatch): void {
    prepareRecords(batch.buffer, 0, batch.count, this.#pageSize, this.#compression);
    this.#readSizes(batch);
  }

  /** PREPARE has packed the records: where each lies, and how long it is, is in the buffer itself. */
  #readSizes(batch: WriteBatch): void {
    let offset = 0;
    for (let index = 0; index < batch.count; index++) {
      const recordBytes = batch.buffer.words[(offset >>> 2) + 1]!;
      batch.offsets[index] = offset;
      batch.recordBytes[index] = recordBytes;
      offset += this.#core.pagesOf(recordBytes) * this.#pageSize;
    }
    batch.usedBytes = offset;
  }

  /** Gives pages to the records of a batch, in as few runs as there are, and calls `write` for each run. */
  #place(batch: WriteBatch, write: (from: number, to: number) => void): void {
    const pageSize = this.#pageSize;
    for (let from = 0; from < batch.count; ) {
      let to = batch.count;
      let pages = (batch.usedBytes - batch.offsets[from]!) / pageSize;
      if (pages > this.#space.largestRun) {
        // No run for all: as many as fit into the longest, or one alone for which space may yet be made.
        to = from + 1;
        pages = (endOf(batch, from, pageSize) - batch.offsets[from]!) / pageSize;
        while (to < batch.count) {
          const more = (endOf(batch, to, pageSize) - batch.offsets[from]!) / pageSize;
          if (more > this.#space.largestRun) break;
          pages = more;
          to++;
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
      const length = endOf(batch, to - 1, this.#pageSize) - offset;
      const { file } = this.#core;
      const position = file.offsetOf(batch.firstPages[from]!);
      const owner = new WriteJobOwner(batch, from, to);
      this.#submitJob(
        batch,
        new Job(JobType.Write, owner, file.fd, batch.slab!.offset + offset, length, position),
      );
    });
    this.#settleIfDone(batch);
  }

  /** A record larger than a slab is written by the runtime's own threads. */
  #submitAlone(batch: WriteBatch): void {
    if (this.#compression !== Compression.None) this.#compressNow(batch);
    this.#place(batch, () => {
      const { file, environment } = this.#core;
      const first = batch.firstPages[0]!;
      const done = (cause: Error | undefined): void => {
        batch.openJobs--;
        if (cause === undefined) {
          this.#core.counters.bytesWritten += batch.usedBytes;
          file.noteWritten(first, batch.usedBytes / this.#pageSize);
          this.#confirm(batch, 0, 1);
        } else {
          const error = this.#core.ioError('cannot write to the swap file', cause, { page: first });
          this.#fail(batch, 0, 1, error);
          this.#core.notices.warn(error);
        }
        this.#settleIfDone(batch);
        this.#core.progressed();
      };
      batch.openJobs++;
      writeAll(environment.disk, file.fd, batch.buffer.bytes, batch.usedBytes, file.offsetOf(first), done);
    });
    this.#settleIfDone(batch);
  }

  /** A thread has written a run: it can be read from the file now, and from the slab while that is not reused. */
  #noteWritten(batch: WriteBatch, from: number, job: Job<WriteJobOwner>): void {
    const first = batch.firstPages[from]!;
    const pages = job.length / this.#pageSize;
    this.#core.counters.bytesWritten += job.length;
    this.#core.file.noteWritten(first, pages);
    this.#core.pool.slabs.noteRun(batch.slab!, first, pages, job.areaOffset);
  }

  /** The bytes of these records are in the file: their entries are let go, and the pages of dead ones freed. */
  #confirm(batch: WriteBatch, from: number, to: number): void {
    const core = this.#core;
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

/** Where the padded record `index` ends in the buffer. */
function endOf(batch: WriteBatch, index: number, pageSize: number): number {
  return batch.offsets[index]! + Math.ceil(batch.recordBytes[index]! / pageSize) * pageSize;
}

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function');
}
