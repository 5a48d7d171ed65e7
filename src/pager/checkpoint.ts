/**
 * Writes values that are only in memory to the swap file while they stay in memory: the first step of a flush. What has
 * been written is a clean copy, as if the value had been swapped out and in again.
 *
 * A value may be set again, or leave, while it is written: then its record is of no use, and it is written again. After
 * some rounds of that the rest is written without giving the event loop back, so that it comes to an end.
 */
import { fingerprint } from '../codec/fingerprint.js';
import { performNow, type Request, type Steps } from '../disk/file-steps.js';
import { paddedBytes, RecordBuffer } from '../disk/record.js';
import { assert } from '../errors.js';
import type { Core } from './core.js';
import type { Entry } from './entry.js';
import { fullError } from './full.js';
import type { RecordWriter } from './record-writer.js';
import type { Space } from './space.js';

/** Values are written so much at a time. */
const chunkBytes = 256 * 1024;
/** Rounds of writing what was set meanwhile, before the last of it is written without giving the loop back. */
const roundsMax = 3;

/** A value that is being written though it stays in memory. */
interface Written {
  readonly entry: Entry;
  /** Of the value that was encoded: if it is another by the time it is written, this record is of no use. */
  readonly generationBefore: number;
  readonly generation: number;
  recordBytes: number;
  readonly payloadBytes: number;
  readonly fingerprintA: number;
  readonly fingerprintB: number;
  page: number;
}

export class Checkpoint {
  readonly #core: Core;
  readonly #writer: RecordWriter;
  readonly #space: Space;
  /** Takes an entry back that is on its way out. */
  readonly #cancel: (entry: Entry) => void;
  /** Told of each value that has its record in the file now. */
  readonly #located: (slot: number, entry: Entry) => void;

  /** Residents whose latest value is not in the file. */
  readonly #dirty = new Set<Entry>();
  /** Those that cannot be encoded. */
  readonly unencodable = new Set<Entry>();
  #buffer: RecordBuffer | undefined = undefined;
  /** The run that is being written: first page and count. */
  writing: [number, number] = [0, 0];

  constructor(
    core: Core,
    writer: RecordWriter,
    space: Space,
    cancel: (entry: Entry) => void,
    located: (slot: number, entry: Entry) => void,
  ) {
    this.#core = core;
    this.#writer = writer;
    this.#space = space;
    this.#cancel = cancel;
    this.#located = located;
  }

  /** A value was set that is only in memory. */
  add(entry: Entry): void {
    this.unencodable.delete(entry);
    this.#dirty.add(entry);
  }

  /** A value is in the file, or gone. */
  remove(entry: Entry): void {
    this.#dirty.delete(entry);
    this.unencodable.delete(entry);
  }

  clear(): void {
    this.#dirty.clear();
    this.unencodable.clear();
  }

  /** Writes what is only in memory, and leaves it there. */
  *write(): Steps {
    let left = [...this.#dirty];
    for (let round = 0; left.length > 0; round++) {
      assert(round <= roundsMax, 'the last round leaves nothing');
      for (let from = 0; from < left.length; ) {
        const chunk: Written[] = [];
        const buffer = this.#fill(left, from, chunk);
        from += Math.max(1, this.#taken);
        if (chunk.length === 0) continue;
        const length = this.#usedBytes;
        const count = this.#core.pagesOf(length);
        const first = this.#takePages(chunk, count);
        let failure: unknown;
        this.#core.seal(buffer, 0, length, first);
        this.writing = [first, count];
        const write: Request = {
          kind: 'write',
          fd: this.#core.file.fd,
          bytes: buffer.bytes,
          length,
          position: this.#core.file.offsetOf(first),
        };
        try {
          if (round < roundsMax) yield write;
          else performNow(write, this.#core.environment);
        } catch (error) {
          failure = this.#core.ioError('cannot write to the swap file', error, { page: first });
        }
        this.#core.counters.bytesWritten += failure === undefined ? length : 0;
        this.writing = [0, 0];
        for (const written of chunk) this.#attach(written, failure === undefined);
        if (failure !== undefined) throw failure;
        this.#core.file.noteWritten(first, count);
      }
      // What was set again, or went on its way out, while it was written.
      left = left.filter((entry) => this.#dirty.has(entry));
    }
  }

  // Of the last `#fill`: entries looked at, and bytes of the buffer in use.
  #taken = 0;
  #usedBytes = 0;

  /** Encodes entries from number `from` on, as many as one chunk holds, or one that is larger than a chunk. */
  #fill(entries: readonly Entry[], from: number, chunk: Written[]): RecordBuffer {
    this.#buffer ??= new RecordBuffer(new ArrayBuffer(chunkBytes));
    let buffer = this.#buffer;
    const { pageSize } = this.#core.options;
    // It goes into one run; where the longest is too short even for the first, `take` may yet make room.
    const runBytes = this.#space.largestRun * pageSize;
    this.#taken = 0;
    this.#usedBytes = 0;
    for (let index = from; index < entries.length; index++) {
      const entry = entries[index]!;
      if (this.#dirty.has(entry)) {
        if (entry.batch !== undefined) this.#cancel(entry);
        const generation = this.#core.nextGeneration();
        let recordBytes: number;
        try {
          recordBytes = this.#writer.write(
            buffer,
            this.#usedBytes,
            entry.key,
            entry.value,
            entry.recordedSize,
            generation,
          );
          const fits = recordBytes !== -1 && this.#usedBytes + recordBytes <= runBytes;
          if (!fits && chunk.length > 0) break;
          if (recordBytes === -1) {
            buffer = this.#writer.writeAlone(
              entry.key,
              entry.value,
              entry.recordedSize,
              generation,
              2 * chunkBytes,
            );
            recordBytes = buffer.words[1]!;
          }
        } catch {
          this.#taken++;
          this.#dirty.delete(entry);
          this.unencodable.add(entry);
          continue;
        }
        chunk.push(this.#written(entry, generation, recordBytes));
        this.#usedBytes += paddedBytes(recordBytes, pageSize);
      }
      this.#taken++;
      if (buffer !== this.#buffer) break;
    }
    if (this.#core.options.compression !== 'none' && chunk.length > 0) this.#compress(buffer, chunk);
    return buffer;
  }

  #compress(buffer: RecordBuffer, chunk: readonly Written[]): void {
    this.#core.compress(buffer, chunk.length);
    let offset = 0;
    for (const written of chunk) {
      written.recordBytes = buffer.words[(offset >>> 2) + 1]!;
      offset += paddedBytes(written.recordBytes, this.#core.options.pageSize);
    }
    this.#usedBytes = offset;
  }

  #written(entry: Entry, generation: number, recordBytes: number): Written {
    return {
      entry,
      generationBefore: this.#core.table.generation(entry.slot),
      generation,
      recordBytes,
      payloadBytes: this.#writer.payloadBytes,
      fingerprintA: fingerprint.a,
      fingerprintB: fingerprint.b,
      page: -1,
    };
  }

  /** Gives a chunk its pages, in one run. Throws ERR_SWAP_FULL. */
  #takePages(chunk: readonly Written[], count: number): number {
    const first = this.#space.take(count);
    if (first === -1) throw fullError(this.#core, chunk[0]!.entry.key, count);
    let page = first;
    for (const written of chunk) {
      written.page = page;
      page += this.#core.pagesOf(written.recordBytes);
    }
    return first;
  }

  /** A value has been written: its record is its clean copy, if it still is the value. */
  #attach(written: Written, isWritten: boolean): void {
    const { entry, page, recordBytes } = written;
    const core = this.#core;
    const { table, residents } = core;
    const isCurrent =
      isWritten &&
      residents.look(entry.key) === entry &&
      this.#dirty.has(entry) &&
      entry.batch === undefined &&
      entry.copyIndex === -1 &&
      table.generation(entry.slot) === written.generationBefore;
    if (!isCurrent) {
      core.pages.release(page, core.pagesOf(recordBytes));
      return;
    }
    table.setGeneration(entry.slot, written.generation);
    table.setPointer(entry.slot, page, recordBytes);
    entry.copyBytes = written.payloadBytes;
    entry.copyFingerprintA = written.fingerprintA;
    entry.copyFingerprintB = written.fingerprintB;
    core.addCopy(entry);
    this.#located(entry.slot, entry);
  }
}
