/**
 * What must stay in memory: entries that are pinned, and those that a running `run` holds. They stand aside from the
 * policy, past the bound if they must, and are candidates again once nobody keeps them.
 */
import { SwapError } from '../errors.js';
import { none } from '../memory/pointer-table.js';
import { Place } from '../memory/resident.js';
import { Stay } from '../wait/waiter.js';
import type { Core } from './core.js';
import { Custody, type Entry } from './entry.js';
import type { LookUp } from './look-up.js';
import type { Reclaim } from './reclaim.js';
import type { SwapIn } from './swap-in.js';

export class Staying {
  readonly #core: Core;
  readonly #lookUp: LookUp;
  readonly #swapIn: SwapIn;
  readonly #reclaim: Reclaim;

  constructor(core: Core, lookUp: LookUp, swapIn: SwapIn, reclaim: Reclaim) {
    this.#core = core;
    this.#lookUp = lookUp;
    this.#swapIn = swapIn;
    this.#reclaim = reclaim;
  }

  /** Brings a value in and keeps it, past the bound if it must; false when there is no such key. */
  pin(key: string): boolean {
    let entry = this.#lookUp.resident(key);
    if (entry === undefined) {
      const slot = this.#lookUp.slot(key);
      if (slot === none || !this.#swapIn.fault(slot, key, this.#core.table.hashAt(slot), Stay.Always))
        return false;
      entry = this.#swapIn.promoted;
      if (entry === undefined) this.refuseWhenFull(key);
    }
    if (entry === undefined) return false;
    this.pinEntry(entry);
    this.#reclaim.watch();
    return true;
  }

  unpin(key: string): boolean {
    const entry = this.#lookUp.resident(key);
    if (entry === undefined || !entry.pinned) return false;
    entry.pinned = false;
    this.#mayLeaveAgain(entry);
    return true;
  }

  hold(entry: Entry): void {
    if (entry.place !== Place.Aside) this.#core.residents.setAside(entry);
    entry.holds++;
  }

  letGo(entry: Entry): void {
    entry.holds--;
    // Whoever held it has had the time to change it in place.
    entry.guardTurn = 0;
    if (this.#core.residents.get(entry.key) === entry) this.#mayLeaveAgain(entry);
  }

  /** Pins what is in memory. */
  pinEntry(entry: Entry): void {
    if (entry.place !== Place.Aside) this.#core.residents.setAside(entry);
    entry.pinned = true;
  }

  #mayLeaveAgain(entry: Entry): void {
    entry.custody = Custody.HandedOut;
    if (entry.mustStay || entry.place !== Place.Aside) return;
    this.#core.residents.restore(entry);
    this.#reclaim.mayHaveChanged();
    this.#reclaim.trim();
  }

  /** True when a `run` waits for this key to be in memory. */
  isWantedByRun(key: string): boolean {
    const { flights } = this.#swapIn;
    if (flights.size === 0) return false;
    return flights.get(this.#lookUp.anySlot(key))?.stay === Stay.Always;
  }

  /** What must be in memory cannot be, as there are as many values there as can be. */
  refuseWhenFull(key: string): void {
    if (!this.#core.residents.isFull || this.#core.residents.get(key) !== undefined) return;
    const message = `memory is full: ${this.#core.residents.count} values are in it, and none of them can leave`;
    throw new SwapError('ERR_SWAP_FULL', message, { storedKey: key });
  }
}
