/**
 * The first half of the way out. A victim that the file already holds is dropped; any other is encoded once, on the
 * caller's thread, straight into the buffer of a batch, and is in flight from then on. Writing the batch is swap-out's.
 *
 * A value that cannot be encoded stays in memory, and is not tried again until it is overwritten; one whose record is
 * known to be larger than any space there is does not get encoded to see that again.
 */
import { fingerprint } from '../codec/fingerprint.js';
import { RecordBuffer } from '../disk/record.js';
import { SwapError } from '../errors.js';
import { Place } from '../memory/resident.js';
import type { Core } from './core.js';
import { Custody, type Entry } from './entry.js';
import { type RecordWriter, tooLarge } from './record-writer.js';
import type { Space } from './space.js';
import { WriteBatch } from './write-batch.js';

/** What became of a victim. */
export const enum Departure {
  /** It is out of memory already: clean, or expired, or of a keyspace that was cleared. */
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

export class Departures {
  readonly #core: Core;
  readonly #writer: RecordWriter;
  readonly #space: Space;
  readonly #endOver: (entry: Entry) => void;
  readonly #pageSize: number;
  /** What the caller's own thread encodes into. */
  #ownBuffer: RecordBuffer | undefined = undefined;
  readonly #slabBuffers = new Map<number, RecordBuffer>();

  constructor(core: Core, writer: RecordWriter, space: Space, endOver: (entry: Entry) => void) {
    this.#core = core;
    this.#writer = writer;
    this.#space = space;
    this.#endOver = endOver;
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
    return new WriteBatch(buffer, slab, this.#pageSize);
  }

  /** A batch that this thread will write before it does anything else. */
  openBlocking(): WriteBatch {
    this.#ownBuffer ??= new RecordBuffer(new ArrayBuffer(this.#core.pool.slabs.slabBytes));
    return new WriteBatch(this.#ownBuffer, undefined, this.#pageSize);
  }

  /** Sends off a victim that was just taken out of the policy. */
  depart(entry: Entry, batch: WriteBatch): Departure {
    const core = this.#core;
    if (core.isOver(entry)) {
      core.residents.putBack(entry);
      this.#endOver(entry);
      return Departure.Gone;
    }
    if (this.dropIfClean(entry)) return Departure.Gone;
    if (this.#hasNoHope(entry)) {
      core.residents.putBack(entry);
      return Departure.Stays;
    }
    // Most have not been changed, and need no place in a batch.
    if (this.#isEncodedAsItsCopy(entry)) {
      this.#dropClean(entry);
      return Departure.Gone;
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

  /** Lets an entry go of which it is known that its copy says the same. */
  dropIfClean(entry: Entry): boolean {
    if (entry.copyIndex === -1 || !this.#isAsItsCopy(entry)) return false;
    this.#dropClean(entry);
    return true;
  }

  /** The same for what must be encoded to see it; only for a guest, which may have been asked for by then. */
  dropIfUnchanged(guest: Entry): boolean {
    if (this.dropIfClean(guest)) return true;
    if (!this.#isEncodedAsItsCopy(guest) || guest.place !== Place.Guest) return false;
    this.#dropClean(guest);
    return true;
  }

  /** True when `dropIfUnchanged` can say something of a value whose payload has so many bytes. */
  mayCompare(payloadBytes: number): boolean {
    return this.#writer.mayCompare(payloadBytes);
  }

  #isEncodedAsItsCopy(entry: Entry): boolean {
    const { copyIndex, copyBytes, value } = entry;
    return copyIndex !== -1 && this.#writer.takeFingerprintOf(value, copyBytes) && this.#saysTheSame(entry);
  }

  /** Sends off a victim whose record no slab can hold, in a batch of its own. */
  departAlone(entry: Entry): WriteBatch | undefined {
    const core = this.#core;
    const generation = core.nextGeneration();
    try {
      const start = 2 * core.pool.slabs.slabBytes;
      const buffer = this.#writer.writeAlone(entry.key, entry.value, entry.recordedSize, generation, start);
      if (this.#saysTheSame(entry)) {
        this.#dropClean(entry);
        return undefined;
      }
      const batch = new WriteBatch(buffer, undefined, this.#pageSize);
      this.#join(entry, batch, generation, buffer.words[1]!);
      return batch;
    } catch (error) {
      this.#stays(entry, error);
      return undefined;
    }
  }

  /** True when a value that has a copy need not be encoded to see that it still is what that says. */
  #isAsItsCopy({ custody, value }: Entry): boolean {
    return custody === Custody.Clean || this.#core.options.immutable || isPrimitive(value);
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
      const { key, value, recordedSize } = entry;
      return this.#writer.write(buffer, usedBytes, key, value, recordedSize, generation);
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
    batch.add(entry, recordBytes);
  }
}

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function');
}
