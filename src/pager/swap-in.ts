/**
 * Brings values back. The blocking side reads on the caller's own thread; the awaiting side does the same while reads
 * have been cheap lately (they come from the page cache, and a round trip to a thread costs more), and gives the read
 * to a thread when they have not. One flight a key: whoever else wants it joins; whoever sets or deletes it settles
 * the flight with what they left.
 *
 * Feared most: a read that began before an overwrite and installs the old value after it. A flight that was settled is
 * out of the list and marked as ended, and what its job brings is thrown away; the record's generation says so too.
 */

import type { Likeness } from '../codec/likeness.js';
import { RecordBuffer } from '../disk/record.js';
import { readAll } from '../disk/whole-async.js';
import { SwapError } from '../errors.js';
import { Job, JobType } from '../io/job.js';
import { Stay, type Waiter } from '../wait/waiter.js';
import type { Core } from './core.js';
import type { Entry } from './entry.js';
import { Flights } from './flights.js';
import { LoadFlight } from './load-flight.js';
import type { Promotion } from './promotion.js';
import { ReadCost } from './read-cost.js';
import type { RecordReader } from './record-reader.js';

export class SwapIn {
  readonly #core: Core;
  readonly #reader: RecordReader;
  readonly #promotion: Promotion;
  /** Takes an entry out for good, as its record cannot be read and the user counts that as a miss. */
  readonly #forget: (slot: number) => void;
  readonly #cost: ReadCost;
  readonly #claim = { key: '', page: 0, recordBytes: 0, generation: 0 };

  /** Slots that are loading, each with its flight. */
  readonly flights = new Flights();
  /** Flights that wait for a landing place, the oldest first. */
  readonly #waiting: LoadFlight[] = [];
  /** Reads of large records that the runtime's threads have in hand. */
  #largeReads = 0;
  #waitingHandled = false;

  constructor(core: Core, reader: RecordReader, promotion: Promotion, forget: (slot: number) => void) {
    this.#core = core;
    this.#reader = reader;
    this.#promotion = promotion;
    this.#forget = forget;
    this.#cost = new ReadCost(core.environment.clock);
    core.pool.readersMax = this.#cost.readersOfUse;
  }

  /** Flights that no thread has been told of yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  get busy(): boolean {
    return this.#largeReads > 0 || this.#waiting.length > 0;
  }

  /**
   * Reads the value of a swapped slot on this thread and leaves it in the reader; false when its record is damaged
   * and that counts as a miss. Throws ERR_SWAP_CORRUPT and ERR_SWAP_IO.
   */
  #read(slot: number, key: string, likeness?: Likeness): boolean {
    const { latencies } = this.#core;
    if (latencies === undefined) return this.#readNow(slot, key, likeness);
    const beganMs = this.#core.measuredMs();
    const found = this.#readNow(slot, key, likeness);
    latencies.swapIn.record(this.#core.measuredMs() - beganMs);
    return found;
  }

  #readNow(slot: number, key: string, likeness: Likeness | undefined): boolean {
    const core = this.#core;
    const { counters } = core;
    this.#promotion.beforeRead();
    const claim = this.#claimOf(slot, key);
    const { page, recordBytes } = claim;
    const behind = core.behind === undefined ? -1 : core.behind.find(page);
    if (behind !== -1) {
      counters.bufferHits++;
      counters.swapIns++;
      return this.#accept(core.behind!.buffer, behind, recordBytes, slot, likeness);
    }
    const buffered = core.pool.slabs.find(page, core.options.pageSize);
    if (buffered !== -1) {
      const { area } = core.pool;
      const available = Math.min(recordBytes, area.bytes.length - buffered);
      if (this.#reader.matches(area, buffered, available, claim)) {
        counters.bufferHits++;
        counters.swapIns++;
        return this.#accept(area, buffered, available, slot, likeness);
      }
    }
    const target = this.#reader.bufferFor(recordBytes);
    const bytesRead = this.#readFile(target, recordBytes, page, key);
    counters.bytesRead += bytesRead;
    counters.swapIns++;
    return this.#accept(target, 0, bytesRead, slot, likeness);
  }

  /** Reads and promotes; the blocking side of the seed's vmLoadObject. False: the key is not there any more. */
  fault(slot: number, key: string, hash: number, stay: Stay): boolean {
    // Only what a blocking call gives to its caller is lent.
    const likeness = stay === Stay.ForNow ? this.#promotion.likeness : undefined;
    if (!this.#read(slot, key, likeness)) return false;
    const value = this.#reader.takeValue();
    const flight = this.flights.get(slot);
    this.#isShared = flight !== undefined;
    // Who waits for it may want it for longer than this caller.
    const wanted = flight === undefined ? stay : Math.max(stay, flight.stay);
    this.promoted = this.#promotion.promote(slot, key, hash, value, wanted);
    this.value = value;
    if (this.#isShared) this.settle(slot, value, true, this.promoted);
    return true;
  }

  /** The value of the last `fault` goes to one caller alone, who may change it until its next call. */
  lend(): void {
    if (this.promoted !== undefined && !this.#isShared) this.#promotion.lend(this.promoted);
  }

  /** Of the last `fault` or `preview`: the value, and its entry if it stayed. */
  value: unknown = undefined;
  promoted: Entry | undefined = undefined;

  /** Hands that value over, and keeps nothing of it alive. */
  takeValue(): unknown {
    const { value } = this;
    this.value = undefined;
    return value;
  }

  /** True when others who await the value were given it, too. */
  #isShared = false;

  /**
   * Keeps what was just read from leaving in this turn; what need not stay may leave at once. Were a batch guarded, all
   * that is used more would leave for it.
   */
  guard(entry: Entry, stay: Stay): void {
    if (stay !== Stay.IfWorth) this.#core.guard(entry);
  }

  /** Reads without promoting. */
  preview(slot: number, key: string): boolean {
    if (!this.#read(slot, key)) return false;
    this.value = this.#reader.takeValue();
    this.promoted = undefined;
    return true;
  }

  /** True while a read is better made on the caller's thread than by another. */
  get readsInline(): boolean {
    return this.#cost.readsInline(this.#core.pool.threadsMax);
  }

  /** True while this turn of the event loop has time left for reads on its own thread. */
  get hasTime(): boolean {
    return this.#cost.hasTime;
  }

  /** Joins the flight of a key, or starts it. */
  wait(slot: number, key: string, hash: number, waiter: Waiter<Entry>, index: number): void {
    waiter.waitsFor(slot);
    const underWay = this.flights.get(slot);
    if (underWay !== undefined) {
      underWay.join(waiter, index);
      return;
    }
    const { table } = this.#core;
    const page = table.page(slot);
    const recordBytes = table.recordBytes(slot);
    const generation = table.generation(slot);
    const beganMs = this.#core.measuredMs();
    const flight = new LoadFlight(slot, key, hash, page, recordBytes, generation, beganMs, waiter, index);
    this.flights.add(flight);
    if (this.#waiting.length > 0 || !this.#start(flight)) this.#waiting.push(flight);
  }

  /** A waiter has gone away: flights that nobody else waits for end. */
  leave(waiter: Waiter<Entry>): void {
    for (const slot of waiter.slots) {
      const flight = this.flights.get(slot);
      if (flight?.leave(waiter)) this.#cancel(flight);
    }
  }

  /** The key of a slot was set, deleted or read by someone else: its waiters get that, and its flight is over. */
  settle(slot: number, value: unknown, present: boolean, entry: Entry | undefined): void {
    const flight = this.flights.get(slot);
    if (flight === undefined) return;
    this.#cancel(flight);
    this.#tell(flight, value, present, entry);
  }

  /** Ends all flights and rejects their waiters. */
  rejectAll(error: Error): void {
    for (const flight of this.flights.inOrder()) this.#fail(flight, error);
  }

  /** Ends all flights: their keys are gone. */
  settleAll(): void {
    for (const { slot } of this.flights.inOrder()) this.settle(slot, undefined, false, undefined);
  }

  /** A LOAD job has ended. */
  completed(job: Job<LoadFlight>): void {
    const flight = job.owner;
    if (!flight.ended) {
      this.#cost.learnOfThread(job.durationUs);
      this.#core.pool.readersMax = this.#cost.readersOfUse;
      if (job.error !== undefined) {
        this.#core.counters.ioErrors++;
        this.#fail(flight, job.error);
      } else {
        this.#core.counters.bytesRead += job.result;
        this.#land(flight, this.#core.pool.area, job.areaOffset, job.result);
      }
    }
    this.#core.pool.loadArea.release(job.areaOffset, job.length);
    this.#startWaiting();
  }

  #claimOf(
    slot: number,
    key: string,
  ): { key: string; page: number; recordBytes: number; generation: number } {
    const { table } = this.#core;
    const claim = this.#claim;
    claim.key = key;
    claim.page = table.page(slot);
    claim.recordBytes = table.recordBytes(slot);
    claim.generation = table.generation(slot);
    return claim;
  }

  #readFile(target: RecordBuffer, bytes: number, page: number, key: string): number {
    const began = this.#cost.begin();
    try {
      const bytesRead = this.#core.file.read(target.bytes, 0, bytes, page);
      this.#cost.end(began);
      return bytesRead;
    } catch (cause) {
      this.#core.counters.ioErrors++;
      throw this.#core.ioError('cannot read from the swap file', cause, { storedKey: key, page });
    }
  }

  #accept(
    source: RecordBuffer,
    start: number,
    available: number,
    slot: number,
    likeness?: Likeness,
  ): boolean {
    try {
      this.#reader.accept(source, start, available, this.#claim, likeness);
      return true;
    } catch (error) {
      if (!(error instanceof SwapError) || error.code !== 'ERR_SWAP_CORRUPT') throw error;
      this.#core.counters.corruptRecords++;
      if (!this.#core.options.missesCorrupt) throw error;
      this.#core.notices.warn(error);
      this.#forget(slot);
      return false;
    }
  }

  /** Sends as many of the waiting flights as there is room for them to land. */
  #startWaiting(): void {
    if (this.#waiting.length === 0 || this.#waitingHandled) return;
    this.#waitingHandled = true;
    let sent = 0;
    for (const flight of this.#waiting) {
      if (!flight.ended && !this.#start(flight)) break;
      sent++;
    }
    if (sent === this.#waiting.length) this.#waiting.length = 0;
    else this.#waiting.splice(0, sent);
    this.#waitingHandled = false;
  }

  /** Has a flight read; false while there is no room for it to land. */
  #start(flight: LoadFlight): boolean {
    const { pool, file, options } = this.#core;
    if (flight.recordBytes > pool.loadArea.largestBytes) {
      this.#readLarge(flight);
      return true;
    }
    const offset = pool.loadArea.reserve(flight.recordBytes);
    if (offset === -1) return false;
    const position = file.offsetOf(flight.page);
    flight.job = new Job(JobType.Load, flight, file.fd, offset, flight.recordBytes, position);
    flight.job.pageSize = options.pageSize;
    pool.submit(flight.job);
    return true;
  }

  #readLarge(flight: LoadFlight): void {
    const { environment, file, counters } = this.#core;
    const bytes = Math.ceil(flight.recordBytes / 4) * 4;
    const target = new RecordBuffer(new ArrayBuffer(bytes));
    this.#largeReads++;
    const position = file.offsetOf(flight.page);
    readAll(environment.disk, file.fd, target.bytes, flight.recordBytes, position, (cause, bytesRead) => {
      this.#largeReads--;
      if (!flight.ended) {
        if (cause === undefined) {
          counters.bytesRead += bytesRead;
          this.#land(flight, target, 0, bytesRead);
        } else {
          counters.ioErrors++;
          this.#fail(
            flight,
            this.#core.ioError('cannot read from the swap file', cause, {
              storedKey: flight.key,
              page: flight.page,
            }),
          );
        }
      }
      this.#core.progressed();
    });
  }

  /** The bytes of a flight are here: the seed's completed LOAD. */
  #land(flight: LoadFlight, source: RecordBuffer, start: number, available: number): void {
    const { slot, key, hash } = flight;
    const core = this.#core;
    core.counters.swapIns++;
    this.#claimOf(slot, key);
    let found: boolean;
    try {
      found = this.#accept(source, start, Math.min(available, flight.recordBytes), slot);
    } catch (error) {
      this.#fail(flight, error);
      return;
    }
    // A damaged record that counts as a miss has settled its flight on its way out.
    if (!found) return;
    if (flight.beganMs !== 0) core.latencies?.swapIn.record(core.measuredMs() - flight.beganMs);
    const value = this.#reader.takeValue();
    const entry = this.#promotion.promote(slot, key, hash, value, flight.stay);
    this.#end(flight);
    this.#tell(flight, value, true, entry);
  }

  #tell(flight: LoadFlight, value: unknown, present: boolean, entry: Entry | undefined): void {
    if (entry !== undefined) this.guard(entry, flight.stay);
    flight.tell(value, present, entry);
  }

  #fail(flight: LoadFlight, error: unknown): void {
    this.#end(flight);
    if (flight.job !== undefined) this.#core.pool.cancel(flight.job);
    flight.fail(error);
  }

  #cancel(flight: LoadFlight): void {
    this.#end(flight);
    if (flight.job !== undefined) this.#core.pool.cancel(flight.job);
    this.#core.counters.canceledJobs++;
  }

  #end(flight: LoadFlight): void {
    // Who fails one of its flights leaves the others, which end before it is their turn.
    if (flight.ended) return;
    flight.ended = true;
    this.flights.remove(flight);
  }
}
