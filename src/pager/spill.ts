/**
 * The way of a value that never was in memory: a `set` that finds no room there, as with maxMemory 0, writes it straight
 * to the file, on the caller's thread.
 */
import type { RecordBuffer } from '../disk/record.js';
import type { SwapError } from '../errors.js';
import type { Core } from './core.js';
import type { Departures } from './departures.js';
import { diskFullAsFull, fullError, isFull } from './full.js';
import type { RecordWriter } from './record-writer.js';
import type { Space } from './space.js';

export class Spill {
  readonly #core: Core;
  readonly #writer: RecordWriter;
  readonly #space: Space;
  readonly #departures: Departures;

  constructor(core: Core, writer: RecordWriter, space: Space, departures: Departures) {
    this.#core = core;
    this.#writer = writer;
    this.#space = space;
    this.#departures = departures;
  }

  /**
   * Writes a value that is not in memory straight to the file, for a `set` that finds no room. Returns its first
   * page, with its bytes in `recordBytes`; throws when it cannot be done, and nothing has changed then.
   */
  spill(
    key: string,
    value: unknown,
    sizeBytes: number,
    generation: number,
  ): { page: number; recordBytes: number } {
    const core = this.#core;
    const beganMs = core.measuredMs();
    let failure: SwapError | undefined;
    for (;;) {
      // Anew each time, as a record is encrypted in its place, for the page that it was to go to.
      const buffer = this.#encode(key, value, sizeBytes, generation);
      const recordBytes = buffer.words[1]!;
      const count = core.pagesOf(recordBytes);
      const page = this.#space.take(count);
      if (page === -1) throw failure ?? fullError(core, key, count);
      const error = this.#write(buffer, count, page, key);
      if (error === undefined) {
        core.latencies?.swapOut.record(core.measuredMs() - beganMs);
        return { page, recordBytes };
      }
      // That a disk is full is seen when it is written to: once more, to pages that it has, for which others may leave.
      if (failure !== undefined || !isFull(error)) throw error;
      failure = error;
    }
  }

  /** The record of a value, at the start of the buffer. */
  #encode(key: string, value: unknown, sizeBytes: number, generation: number): RecordBuffer {
    const core = this.#core;
    let { buffer } = this.#departures.openBlocking();
    if (this.#writer.write(buffer, 0, key, value, sizeBytes, generation) === -1)
      buffer = this.#writer.writeAlone(key, value, sizeBytes, generation, 2 * buffer.bytes.length);
    if (core.options.compression !== 'none') core.compress(buffer, 1);
    return buffer;
  }

  /** Writes a record to its pages; undefined, or why it cannot be: the pages are free again then. */
  #write(buffer: RecordBuffer, count: number, page: number, key: string): SwapError | undefined {
    const core = this.#core;
    const length = count * core.options.pageSize;
    try {
      core.seal(buffer, 0, length, page);
      core.file.write(buffer.bytes, 0, length, page);
    } catch (cause) {
      core.freePages(page, count);
      core.counters.ioErrors++;
      const error = core.ioError('cannot write to the swap file', cause, { storedKey: key, page });
      return diskFullAsFull(core, this.#space, error, key);
    }
    core.counters.bytesWritten += length;
    return undefined;
  }
}
