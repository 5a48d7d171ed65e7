/**
 * `set`: makes room, has what need not stay leave, and installs the value in memory; or straight in the file, when memory
 * can have no room for it. A value that need not stay itself is a guest, where the short way out is open (write-behind.ts).
 *
 * Feared most: a `set` that fails and has lost the old value. So all that can fail comes before anything is installed.
 */
import type { SetTerms } from '../call-options.js';
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
import type { Promotion } from './promotion.js';
import type { Reclaim } from './reclaim.js';
import { tooLarge } from './record-writer.js';
import type { Spill } from './spill.js';
import type { Staying } from './staying.js';
import type { SwapIn } from './swap-in.js';

/** Where values are not weighed, memory has room for so many like the last, and for so much at least, bytes. */
const unweighedRoom = 4;
const unweighedRoomMin = 64 * 1024;

/** What `set` is told of an entry, every figure given. */
export interface EntryTerms extends SetTerms {
  /** How long after its ttl `fetch` may still return it. */
  readonly graceMs: number;
}

/** A value that is being set. */
interface Incoming {
  readonly key: string;
  readonly value: unknown;
  readonly hash: number;
  /** What the entry costs in memory, bytes; 0 = it is not weighed yet. */
  size: number;
  readonly terms: EntryTerms;
  readonly generation: number;
}

/** The parts that `set` works with. */
export interface SettingRooms {
  readonly core: Core;
  readonly lookUp: LookUp;
  readonly swapIn: SwapIn;
  readonly promotion: Promotion;
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
    const { clearedSweep, swapIn } = this.#rooms;
    if (isTooLarge(value)) throw tooLarge(key);
    if (clearedSweep.isPending) clearedSweep.step();
    const leaver = this.#leaver.take();
    if (leaver !== undefined && leaver.key !== key) this.#reclaim.sendFirst(leaver);
    const { isLoad } = this.#leaver;
    let hash = isLoad ? core.table.hash(key) : 0;
    const old = isLoad && !this.#isInMemory(key, hash) ? undefined : this.#lookUp.resident(key, true);
    if (!isLoad) hash = old === undefined ? core.table.hash(key) : old.hash;
    const isNew = old === undefined;
    const needNotStay = isNew && this.#leaver.needNotStay(key, hash);
    // To weigh a record takes as long as to encode it, by which it is weighed, too.
    const isWeighed = terms.size === 0 && !(needNotStay && isDearToWeigh(value) && this.#hasRoomUnweighed);
    const incoming: Incoming = {
      key,
      value,
      hash,
      size: isWeighed ? core.estimate(key, value) : terms.size,
      terms,
      generation: core.nextGeneration(),
    };
    const isGuest = needNotStay && this.#mayBeGuest(incoming) && this.#canBeGuest(incoming);
    const entry = isGuest ? this.#receive(incoming) : this.#takeIn(incoming, old);
    this.#leaver.noteSet(isGuest ? undefined : entry, isNew);
    if (swapIn.flights.size > 0) swapIn.settle(this.#lookUp.anySlot(key), value, true, entry);
    this.#reclaim.mayHaveChanged();
    this.#reclaim.watch();
  }

  /** In a load, whose keys are not in memory, the table says so sooner than the Map. */
  #isInMemory(key: string, hash: number): boolean {
    const { table } = this.#core;
    const slot = table.find(key, hash);
    return slot !== none && table.isResident(slot);
  }

  /** True when a value may be in memory until the next call though nobody knows its size: there is room for some like the last. */
  get #hasRoomUnweighed(): boolean {
    const { behind } = this.#core;
    if (behind === undefined || behind.lastSizeBytes === 0) return false;
    return this.#reclaim.fits(Math.max(unweighedRoomMin, unweighedRoom * behind.lastSizeBytes));
  }

  /** True when a value that need not stay can leave in the short way. */
  #mayBeGuest({ size, terms }: Incoming): boolean {
    const { behind, pauses } = this.#core;
    if (behind === undefined || !behind.isReady || pauses > 0 || terms.pin) return false;
    // Whoever waits for it may change it later.
    return this.#rooms.swapIn.flights.size === 0 && !behind.isTooLarge(size);
  }

  /** Has another guest leave, and is true when the next can be one. */
  #canBeGuest({ size }: Incoming): boolean {
    this.#rooms.promotion.beforeGuest();
    // A listener may read before this value is in its caller's hands.
    return this.#core.notices.isQuiet && this.#reclaim.hasRoomForGuest(size);
  }

  /** Takes in a value that need not stay: it is a guest until the next comes. */
  #receive(incoming: Incoming): Entry {
    const { residents } = this.#core;
    const entry = this.#enter(incoming);
    residents.policy.passedBy(entry.hash);
    residents.receive(entry);
    if (entry.size === 0) this.#reclaim.turnSoon();
    this.#setTerms(entry, incoming);
    return entry;
  }

  /** Takes in a value that stays, as far as memory can have room for it. */
  #takeIn(incoming: Incoming, old: Entry | undefined): Entry | undefined {
    const { residents } = this.#core;
    const { staying } = this.#rooms;
    const { key, terms } = incoming;
    if (incoming.size === 0) incoming.size = this.#core.estimate(key, incoming.value);
    // The old value must not be encoded to make room for the new one; and if that fails, it is still there.
    const wasCandidate = old !== undefined && old.place !== Place.Aside;
    if (wasCandidate) residents.setAside(old);
    let spilled: { page: number; recordBytes: number } | undefined;
    try {
      const stays = terms.pin || (old !== undefined && old.holds > 0) || staying.isWantedByRun(key);
      if (!this.#reclaim.makeRoom(incoming.size - (old?.size ?? 0))) {
        if (stays) staying.refuseWhenFull(key);
        else spilled = this.#spill(incoming);
      }
    } finally {
      if (wasCandidate && residents.get(key) === old) residents.restore(old);
    }
    const entry =
      spilled === undefined
        ? this.#install(incoming, old === undefined)
        : this.#installSpilled(incoming, spilled);
    if (terms.pin && entry !== undefined) staying.pinEntry(entry);
    return entry;
  }

  #spill({ key, value, size, generation }: Incoming): { page: number; recordBytes: number } {
    const { failure } = this.#reclaim;
    if (failure instanceof SwapError && failure.code === 'ERR_SWAP_IO') throw failure;
    return this.#rooms.spiller.spill(key, value, size, generation);
  }

  #install(incoming: Incoming, isNew: boolean): Entry {
    const { residents } = this.#core;
    let entry = isNew ? undefined : residents.get(incoming.key);
    if (entry === undefined) {
      entry = this.#enter(incoming);
      residents.admit(entry);
    } else {
      this.#core.freeCopy(entry);
      this.#forgetTerms(entry);
      entry.value = incoming.value;
      entry.custody = Custody.Fresh;
      residents.resize(entry, incoming.size);
      this.#lookUp.touch(entry);
    }
    this.#setTerms(entry, incoming);
    return entry;
  }

  /** The entry of a key that is not in memory, with its slot; what that points to is given up. */
  #enter({ key, value, hash, size }: Incoming): Entry {
    const { table } = this.#core;
    const slot = this.#emptySlot(key, hash);
    table.setResident(slot, true);
    return new Entry(key, value, hash, size, slot);
  }

  /** The slot of a key, which is entered where it is not there; what it points to is given up. */
  #emptySlot(key: string, hash: number): number {
    const { table } = this.#core;
    const slot = table.find(key, hash);
    if (slot === none) return table.insert(key, hash);
    this.#core.freePointer(slot);
    return slot;
  }

  #setTerms(entry: Entry, { terms, generation }: Incoming): void {
    const { table } = this.#core;
    table.setGeneration(entry.slot, generation);
    entry.expiresAtMs = this.#rooms.sweep.expiryOf(terms.ttlMs);
    table.setExtras(entry.slot, entry.expiresAtMs, terms.graceMs, terms.size);
    this.#core.durability?.dirtied(entry);
  }

  #installSpilled(
    { key, hash, terms, generation }: Incoming,
    spilled: { page: number; recordBytes: number },
  ): undefined {
    const { residents, table } = this.#core;
    const entry = residents.get(key);
    if (entry !== undefined) {
      this.#core.freeCopy(entry);
      residents.remove(entry);
    }
    const slot = this.#emptySlot(key, hash);
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

/** True for what must be walked through to be weighed. */
function isDearToWeigh(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}
