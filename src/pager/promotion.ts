/**
 * What becomes of a value that was just read: a resident, for which others leave; a guest, which stays as long as its caller
 * may change it in place, until the next read or until the turn of who awaits it ends, as the policy has no place for it;
 * or neither, one of a batch. Its pages stay in all three cases, as they are a clean copy.
 *
 * Feared most: a guest that was changed in place and is let go as if it had not been. So none is received that cannot be
 * compared, and one that is not known to be what its copy is becomes a resident.
 */
import type { Likeness } from '../codec/likeness.js';
import { SwapError } from '../errors.js';
import { Arrival } from '../memory/resident.js';
import { Stay } from '../wait/waiter.js';
import type { Core } from './core.js';
import type { Departures } from './departures.js';
import { Entry } from './entry.js';
import type { Loan } from './loan.js';
import type { Reclaim } from './reclaim.js';
import type { RecordReader } from './record-reader.js';

/** They leave for so long before the event loop gets its turn. */
const sliceMs = 1;
/** The clock is looked at once for so many bytes that are compared. */
const bytesPerLook = 32 * 1024;
/** Each takes as long as so many bytes more. */
const guestBytes = 512;

export class Promotion {
  readonly #core: Core;
  readonly #reader: RecordReader;
  readonly #loan: Loan;
  readonly #departures: Departures;
  readonly #reclaim: Reclaim;

  constructor(core: Core, reader: RecordReader, loan: Loan, departures: Departures, reclaim: Reclaim) {
    this.#core = core;
    this.#reader = reader;
    this.#loan = loan;
    this.#departures = departures;
    this.#reclaim = reclaim;
  }

  /** For the decoder of a value that will be lent; undefined where values are promised not to change, or none stays. */
  get likeness(): Likeness | undefined {
    const { immutable, maxMemory } = this.#core.options;
    return immutable || maxMemory === 0 ? undefined : this.#loan.likeness;
  }

  /** Before another read: what the last one has brought is compared, and leaves if it was a guest and is unchanged. */
  beforeRead(): void {
    this.#loan.settle();
    // Nothing else may leave now, as what is about to be read could be evicted for it.
    if (this.#core.residents.guest !== undefined && this.#seeOff() !== undefined) this.#reclaim.goOn();
  }

  /** Before another guest: the same, and what was set has to leave in one way or another. */
  beforeGuest(): void {
    this.#loan.settle();
    if (this.#core.residents.guest === undefined) return;
    const kept = this.#seeOff();
    if (kept !== undefined) this.#reclaim.sendKept(kept);
  }

  /** At the end of a turn: what was set and has not been weighed leaves. */
  seeOffUnweighed(): void {
    if (this.#core.residents.guest?.size === 0) this.beforeGuest();
  }

  /** The guest leaves, or is a candidate from now on; one that was set, so that it should have left, is returned then. */
  #seeOff(): Entry | undefined {
    const { residents } = this.#core;
    const guest = residents.guest!;
    // What was set has no copy in the file.
    const wasSet = guest.copyIndex === -1;
    const mayLeave = this.#core.pauses === 0;
    if (mayLeave && (wasSet ? this.#leaves(guest) : this.#departures.dropIfClean(guest))) return undefined;
    residents.keep(guest);
    return mayLeave && wasSet ? guest : undefined;
  }

  /**
   * A turn is over: guests leave that were handed out before anything began that is still awaited, but for those that were
   * changed. False when some are left for the next turn, as they take too long to compare.
   */
  seeOffTurns(): boolean {
    const core = this.#core;
    const { residents, environment } = core;
    if (residents.guestsOfTurnsBytes === 0) return true;
    const oldestTurn = Math.min(core.oldestWaitingTurn(), core.turn);
    const endsMs = environment.clock.monotonic() + sliceMs;
    let unlookedBytes = 0;
    let isDone = true;
    for (const guest of residents.guestsOfTurns()) {
      if (guest.guardTurn >= oldestTurn) break;
      if (unlookedBytes >= bytesPerLook) {
        unlookedBytes = 0;
        isDone = environment.clock.monotonic() < endsMs;
        if (!isDone) break;
      }
      unlookedBytes += guest.copyBytes + guestBytes;
      if (core.pauses === 0 && this.#departures.dropIfUnchanged(guest)) continue;
      residents.keep(guest);
      this.#reclaim.mayHaveChanged();
    }
    if (isDone) this.#reclaim.goOn();
    core.notices.tell();
    return isDone;
  }

  /** True for what was set and is on its way now. */
  #leaves(guest: Entry): boolean {
    return this.#reclaim.victims.mayTake(guest) && this.#core.behind?.add(guest) === true;
  }

  /** Makes the entry of the value that the reader has just accepted; undefined where it does not stay. */
  promote(slot: number, key: string, hash: number, value: unknown, stay: Stay): Entry | undefined {
    const { table, residents } = this.#core;
    // Whatever leaves for it is encoded, and may be read.
    const { payloadBytes, fingerprintA, fingerprintB } = this.#reader;
    const size = table.ownSize(slot) || this.#sizeOf(key, value);
    const isGuest = (stay === Stay.ForNow || stay === Stay.ForTurn) && this.#isGuest(hash, value, size, stay);
    if (!isGuest && !this.#makeRoom(slot, hash, size, stay)) return undefined;
    const entry = new Entry(key, value, hash, size, slot);
    entry.expiresAtMs = table.expiresAtMs(slot);
    entry.copyBytes = payloadBytes;
    entry.copyFingerprintA = fingerprintA;
    entry.copyFingerprintB = fingerprintB;
    if (!isGuest) residents.admit(entry);
    else if (stay === Stay.ForTurn) residents.receiveForTurn(entry);
    else residents.receive(entry);
    this.#core.addCopy(entry);
    table.setResident(slot, true);
    this.#core.notices.moved('swapin', key);
    return entry;
  }

  /** A value goes to a caller who may change it until its next call, and to nobody else. */
  lend(entry: Entry): void {
    // What cannot be changed need not be compared.
    if (this.#isConstant(entry.value)) return;
    const { plainSource, plainFrom } = this.#reader;
    if (this.#loan.canLend(plainSource)) this.#loan.lend(entry, plainSource, plainFrom);
  }

  /** False when there is no room for a resident, or others are worth more. */
  #makeRoom(slot: number, hash: number, size: number, stay: Stay): boolean {
    const { table, residents } = this.#core;
    if (
      stay === Stay.IfWorth &&
      !this.#reclaim.isRestfulWith(size) &&
      !residents.policy.admits(hash, Arrival.InBatch)
    ) {
      residents.policy.passedBy(hash);
      return false;
    }
    const generation = table.generation(slot);
    if (!this.#reclaim.makeRoom(size)) {
      this.#warnOfFailure();
      if (stay !== Stay.Always || residents.isFull) return false;
    }
    // Making room may have evicted this very entry.
    return table.isLive(slot) && table.generation(slot) === generation && !table.isResident(slot);
  }

  /** An error on the way to room for what was read is nobody's but the listeners'. */
  #warnOfFailure(): void {
    const { failure } = this.#reclaim;
    if (failure instanceof SwapError && failure.code !== 'ERR_SWAP_FULL') this.#core.notices.warn(failure);
  }

  /** True for a value that the policy has no place for, and that can be let go later without being written. */
  #isGuest(hash: number, value: unknown, size: number, stay: Stay): boolean {
    const { pauses, residents } = this.#core;
    if (pauses > 0 || !this.#isComparable(value, stay) || !this.#hasRoomForGuest(size, stay)) return false;
    const { policy } = residents;
    if (policy.admits(hash, Arrival.Alone)) return false;
    policy.passedBy(hash);
    return true;
  }

  #hasRoomForGuest(size: number, stay: Stay): boolean {
    const { guestsOfTurnsBytesMax, residents } = this.#core;
    if (stay === Stay.ForTurn && residents.guestsOfTurnsBytes + size > guestsOfTurnsBytesMax) return false;
    return this.#reclaim.hasRoomForGuest(size);
  }

  /** True when it can be seen, when the value is to leave, whether it was changed in place. */
  #isComparable(value: unknown, stay: Stay): boolean {
    if (this.#isConstant(value)) return true;
    const { plainSource, payloadBytes } = this.#reader;
    return stay === Stay.ForTurn
      ? this.#departures.mayCompare(payloadBytes)
      : this.#loan.canLend(plainSource);
  }

  /** True for what cannot be changed in place, or is promised not to be. */
  #isConstant(value: unknown): boolean {
    return typeof value !== 'object' || this.#core.options.immutable;
  }

  /** What its record says, where that was known when it was written. */
  #sizeOf(key: string, value: unknown): number {
    return this.#reader.sizeBytes || this.#core.estimate(key, value);
  }
}
