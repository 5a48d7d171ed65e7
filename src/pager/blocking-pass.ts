/**
 * The blocking side of reclaim: victims leave on the caller's thread, in batches that are written before the call goes on,
 * so that memory is within its bound whatever the threads have in hand.
 */
import type { Core } from './core.js';
import { Departure, type Departures } from './departures.js';
import type { Entry } from './entry.js';
import { isFull } from './full.js';
import type { SwapOut } from './swap-out.js';
import { uselessVictimsMax, type Victims } from './victims.js';
import type { WriteBatch } from './write-batch.js';

/** What a blocking pass works with. */
export interface BlockingPassRooms {
  readonly core: Core;
  readonly departures: Departures;
  readonly swapOut: SwapOut;
  readonly victims: Victims;
  /** What memory a batch of victims takes at most, one victim at least. */
  readonly batchBytes: number;
  /** Takes an entry out for good, as the file has no space for it. */
  evict(entry: Entry): void;
  /** A batch has been written, or has failed. */
  onWritten(error: Error | undefined): void;
}

export class BlockingPass {
  readonly #rooms: BlockingPassRooms;

  constructor(rooms: BlockingPassRooms) {
    this.#rooms = rooms;
  }

  /** Swaps out until at most `targetBytes` are used, or nothing more can leave. */
  run(targetBytes: number): void {
    const { core, departures, batchBytes } = this.#rooms;
    const { residents, counters } = core;
    counters.blockingWaits++;
    const goal = Math.max(0, targetBytes - batchBytes);
    while (residents.usedBytes > targetBytes) {
      const before = residents.usedBytes;
      const batch = departures.openBlocking();
      this.#fill(batch, goal);
      if (batch.count > 0) this.#write(batch, targetBytes);
      if (residents.usedBytes >= before) return;
    }
  }

  /** Takes victims into `batch` until what stays is within `goal`; clean ones are gone at once. */
  #fill(batch: WriteBatch, goal: number): void {
    const { core, departures, victims, batchBytes } = this.#rooms;
    const { residents } = core;
    let useless = 0;
    while (residents.usedBytes - batch.memoryBytes > goal && batch.memoryBytes < batchBytes) {
      const victim = victims.take();
      if (victim === undefined) return;
      const departure = departures.depart(victim, batch);
      if (departure === Departure.BatchFull) {
        residents.putBack(victim);
        return;
      }
      if (departure === Departure.TooLarge) {
        const alone = departures.departAlone(victim);
        if (alone !== undefined) this.#write(alone, goal);
        return;
      }
      if (departure === Departure.Stays && ++useless >= uselessVictimsMax) return;
    }
  }

  /** Writes a batch; what found no space is evicted where the user chose that, as far as memory must shrink. */
  #write(batch: WriteBatch, targetBytes: number): void {
    const { core, swapOut, evict, onWritten } = this.#rooms;
    const written = swapOut.writeNow(batch);
    onWritten(batch.error);
    if (written || !core.options.evicts || !isFull(batch.error)) return;
    const { residents } = core;
    for (const entry of batch.entries) {
      if (residents.usedBytes <= targetBytes) return;
      if (residents.get(entry.key) === entry) evict(entry);
    }
  }
}
