/**
 * The way of a value that never was in memory: a `set` that finds no room there, as with maxMemory 0, writes it straight
 * to the file, on the caller's thread.
 */
import type { Core } from './core.js';
import type { Departures } from './departures.js';
import { diskFullAsFull, fullError } from './full.js';
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
    const { pageSize, compression } = core.options;
    let { buffer } = this.#departures.openBlocking();
    let recordBytes = this.#writer.write(buffer, 0, key, value, sizeBytes, generation);
    if (recordBytes === -1) {
      buffer = this.#writer.writeAlone(key, value, sizeBytes, generation, 2 * buffer.bytes.length);
      recordBytes = buffer.words[1]!;
    }
    if (compression !== 'none') {
      core.compress(buffer, 1);
      recordBytes = buffer.words[1]!;
    }
    const count = core.pagesOf(recordBytes);
    const page = this.#space.take(count);
    if (page === -1) throw fullError(core, key, count);
    try {
      core.seal(buffer, 0, count * pageSize, page);
      core.file.write(buffer.bytes, 0, count * pageSize, page);
    } catch (cause) {
      core.freePages(page, count);
      core.counters.ioErrors++;
      const error = core.ioError('cannot write to the swap file', cause, { storedKey: key, page });
      throw diskFullAsFull(core, this.#space, error, key);
    }
    core.counters.bytesWritten += count * pageSize;
    core.latencies?.swapOut.record(core.measuredMs() - beganMs);
    return { page, recordBytes };
  }
}
