/**
 * `set`: makes room, has what need not stay leave, and installs the value in memory; or straight in the file, when memory
 * can have no room for it.
 *
 * Feared most: a `set` that fails and has lost the old value. So all that can fail comes before anything is installed.
 */
import { recordBytesMax } from '../disk/record.js';
import { SwapError } from '../errors.js';
import { none } from '../memory/pointer-table.js';
import { Place } from '../memory/resident.js';
import type { ClearedSweep } from './cleared-sweep.js';
import type { Core } from './core.js';
import { Custody, Entry } from './entry.js';
import type { ExpirySweep } from './expiry-sweep.js';
import { Leaver } from './leaver.js';
import type { LookUp } from './look-up.js';
import type { Reclaim } from './reclaim.js';
import { tooLarge } from './record-writer.js';
import type { Spill } from './spill.js';
import type { Staying } from './staying.js';
import type { SwapIn } from './swap-in.js';

/** What `set` is told of an entry, every figure given. */
export interface EntryTerms {
  readonly ttlMs: number;
  /** How long after that `fetch` may still return it. */
  readonly graceMs: number;
  readonly pin: boolean;
  /** 0 = estimate it. */
  readonly size: number;
}

/** The parts that `set` works with. */
export interface SettingRooms {
  readonly core: Core;
  readonly lookUp: LookUp;
  readonly swapIn: SwapIn;
  readonly reclaim: Reclaim;
  readonly staying: Staying;
  readonly spiller: Spill;
  readonly sweep: ExpirySweep;
  readonly clearedSweep: ClearedSweep;
}

export class Setting {
  readonly #rooms: SettingRooms;
  readonly #core: Core;
  readonly #reclaim: Reclaim;
  readonly #lookUp: LookUp;
  readonly #leaver: Leaver;

  constructor(rooms: SettingRooms) {
    this.#rooms = rooms;
    this.#core = rooms.core;
    this.#reclaim = rooms.reclaim;
    this.#lookUp = rooms.lookUp;
    this.#leaver = new Leaver(rooms.core);
  }

  set(key: string, value: unknown, terms: EntryTerms): void {
    const core = this.#core;
    const { residents } = core;
    const { clearedSweep, staying, swapIn } = this.#rooms;
    if (isTooLarge(value)) throw tooLarge(key);
    if (clearedSweep.isPending) clearedSweep.step();
    const leaver = this.#leaver.take();
    if (leaver !== undefined && leaver.key !== key) this.#reclaim.sendFirst(leaver);
    const size = terms.size !== 0 ? terms.size : core.estimate(key, value);
    const old = this.#lookUp.resident(key, true);
    // The old value must not be encoded to make room for the new one; and if that fails, it is still there.
    const wasCandidate = old !== undefined && old.place !== Place.Aside;
    if (wasCandidate) residents.setAside(old);
    let spilled: { page: number; recordBytes: number } | undefined;
    const generation = core.nextGeneration();
    try {
      const stays = terms.pin || (old !== undefined && old.holds > 0) || staying.isWantedByRun(key);
      if (!this.#reclaim.makeRoom(size - (old?.size ?? 0))) {
        if (stays) staying.refuseWhenFull(key);
        else spilled = this.#spill(key, value, size, generation);
      }
    } finally {
      if (wasCandidate && residents.get(key) === old) residents.restore(old);
    }
    const entry =
      spilled === undefined
        ? this.#install(key, value, size, terms, generation, old === undefined)
        : this.#installSpilled(key, spilled, terms, generation);
    if (terms.pin && entry !== undefined) staying.pinEntry(entry);
    this.#leaver.noteSet(entry, old === undefined);
    if (swapIn.flights.size > 0) swapIn.settle(this.#lookUp.anySlot(key), value, true, entry);
    this.#reclaim.mayHaveChanged();
    this.#reclaim.watch();
  }

  #spill(
    key: string,
    value: unknown,
    size: number,
    generation: number,
  ): { page: number; recordBytes: number } {
    const { failure } = this.#reclaim;
    if (failure instanceof SwapError && failure.code === 'ERR_SWAP_IO') throw failure;
    return this.#rooms.spiller.spill(key, value, size, generation);
  }

  #install(
    key: string,
    value: unknown,
    size: number,
    terms: EntryTerms,
    generation: number,
    isNew: boolean,
  ): Entry {
    const { residents, table } = this.#core;
    let entry = isNew ? undefined : residents.get(key);
    if (entry === undefined) {
      const hash = table.hash(key);
      let slot = table.find(key, hash);
      if (slot === none) slot = table.insert(key, hash);
      else this.#core.freePointer(slot);
      entry = new Entry(key, value, hash, size, slot);
      this.#leaver.noteNew(hash);
      residents.admit(entry);
      table.setResident(slot, true);
    } else {
      this.#core.freeCopy(entry);
      this.#forgetTerms(entry);
      entry.value = value;
      entry.custody = Custody.Fresh;
      residents.resize(entry, size);
      this.#lookUp.touch(entry);
    }
    table.setGeneration(entry.slot, generation);
    entry.expiresAtMs = this.#rooms.sweep.expiryOf(terms.ttlMs);
    table.setExtras(entry.slot, entry.expiresAtMs, terms.graceMs, terms.size);
    this.#core.durability?.dirtied(entry);
    return entry;
  }

  #installSpilled(
    key: string,
    spilled: { page: number; recordBytes: number },
    terms: EntryTerms,
    generation: number,
  ): undefined {
    const { residents, table } = this.#core;
    const hash = table.hash(key);
    let slot = table.find(key, hash);
    const entry = residents.get(key);
    if (entry !== undefined) {
      this.#core.freeCopy(entry);
      residents.remove(entry);
    } else if (slot !== none) {
      this.#core.freePointer(slot);
    }
    if (slot === none) slot = table.insert(key, hash);
    table.setGeneration(slot, generation);
    table.setPointer(slot, spilled.page, spilled.recordBytes);
    table.setExtras(slot, this.#rooms.sweep.expiryOf(terms.ttlMs), terms.graceMs, terms.size);
    this.#core.durability?.located(slot, entry);
    this.#core.swappedOut(slot, key);
    return undefined;
  }

  /** An overwrite keeps no pin, and whether the old value could be encoded says nothing of the new one. */
  #forgetTerms(entry: Entry): void {
    const stayed = entry.mustStay;
    entry.pinned = false;
    entry.stuck = false;
    entry.pagesWanted = 0;
    if (stayed && !entry.mustStay) this.#core.residents.restore(entry);
  }
}

/** A value that is by itself too large for any record; others are found out when they are encoded. */
function isTooLarge(value: unknown): boolean {
  if (!ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)) return false;
  return value.byteLength > recordBytesMax - 1_000_000;
}
