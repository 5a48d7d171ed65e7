/**
 * The invariants of a store, recomputed from scratch: slow, for tests and for whoever suspects a bug. Each line checks
 * one sentence of the design; the counters that the store keeps must agree with what is really there.
 */
import { assert } from '../errors.js';
import { keyspaceOf, prefixIn } from '../key-prefix.js';
import { none } from '../memory/pointer-table.js';
import { Place } from '../memory/resident.js';
import type { Entry } from './entry.js';
import type { Pager } from './pager.js';
import { pagerOf } from './pager-of.js';
import type { WriteBatch } from './write-batch.js';

/** Throws when anything about an open store is not as it should be. */
export function checkInvariants(store: object): void {
  const pager = pagerOf(store);
  const owners = new Map<number, string>();
  checkEntries(pager, owners);
  checkFlights(pager);
  checkBatches(pager, owners);
  const { pages, durability, behind } = pager.core;
  behind?.forEachHeld((first, count) => own(owners, first, count, 'what waits to be written'));
  durability?.forEachHeld((first, count) => own(owners, first, count, 'the index on the disk'));
  assert(
    pages.usedPages === owners.size,
    `${pages.usedPages} pages are counted as used, ${owners.size} have an owner`,
  );
  assert(pages.population() === pages.usedPages, 'the bitmap has as many bits as pages are used');
  for (const page of owners.keys()) assert(!pages.isFree(page), `page ${page} has an owner, but is free`);
}

/** No two records overlap. */
function own(owners: Map<number, string>, first: number, count: number, owner: string): void {
  for (let page = first; page < first + count; page++) {
    assert(!owners.has(page), `page ${page} belongs to ${owners.get(page)} and to ${owner}`);
    owners.set(page, owner);
  }
}

/** Each key has one slot and is in one state; the sums of the sizes are as counted. */
function checkEntries(pager: Pager, owners: Map<number, string>): void {
  const { table, residents } = pager.core;
  let residentBytes = 0;
  let inFlightBytes = 0;
  let asideBytes = 0;
  const slots = new Set<number>();
  for (const entry of residents.entries()) {
    checkResident(pager, entry);
    slots.add(entry.slot);
    if (entry.batch !== undefined) inFlightBytes += entry.size;
    else residentBytes += entry.size;
    if (entry.batch === undefined && entry.place === Place.Aside) asideBytes += entry.size;
  }
  assert(
    residents.residentBytes === residentBytes,
    `residentBytes ${residents.residentBytes}, not ${residentBytes}`,
  );
  assert(
    residents.inFlightBytes === inFlightBytes,
    `inFlightBytes ${residents.inFlightBytes}, not ${inFlightBytes}`,
  );
  assert(residents.asideBytes === asideBytes, `asideBytes ${residents.asideBytes}, not ${asideBytes}`);
  let keys = 0;
  const prefixes = new Map<string, number>();
  for (let slot = table.next(none); slot !== none; slot = table.next(slot)) {
    keys++;
    const key = table.keyAt(slot);
    assert(table.find(key, table.hash(key)) === slot, `${key} is found at its slot`);
    assert(table.isResident(slot) === slots.has(slot), `${key}: the table and the resident set agree`);
    const prefix = prefixIn(key);
    assert(table.prefixAt(slot) === prefix, `${key} is known by its prefix`);
    prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
    const recordBytes = table.recordBytes(slot);
    assert(recordBytes > 0 || slots.has(slot), `${key} is neither in memory nor in the file`);
    if (recordBytes > 0) own(owners, table.page(slot), pager.core.pagesOf(recordBytes), key);
  }
  assert(keys === table.size, `${table.size} keys are counted, there are ${keys}`);
  assert(slots.size === residents.count, 'each resident has a slot of its own');
  checkPrefixes(pager, prefixes);
}

/** The keys of each prefix are counted, and each prefix is one in use or dead, and never both. */
function checkPrefixes(pager: Pager, counts: ReadonlyMap<string, number>): void {
  const { table, keyspaces } = pager.core;
  for (const prefix of new Set(['', ...table.prefixes, ...counts.keys(), ...keyspaces.dead])) {
    const count = counts.get(prefix) ?? 0;
    const quoted = JSON.stringify(prefix);
    assert(table.countOf(prefix) === count, `${quoted} has ${count} keys, not ${table.countOf(prefix)}`);
    const isInUse = keyspaces.of(keyspaceOf(prefix).name).has(prefix);
    if (count > 0) assert(isInUse !== keyspaces.dead.has(prefix), `${quoted} is either in use or dead`);
    else assert(!keyspaces.dead.has(prefix), `${quoted} is not to be taken out, as it has no keys`);
  }
}

function checkResident(pager: Pager, entry: Entry): void {
  const { table, residents, copies } = pager.core;
  const { key, slot, batch } = entry;
  assert(residents.look(key) === entry, `${key} is in the resident set`);
  assert(table.isLive(slot) && table.keyAt(slot) === key, `${key} has its slot`);
  assert(table.expiresAtMs(slot) === entry.expiresAtMs, `${key}: both say when it expires`);
  assert(!pager.swapIn.flights.has(slot), `${key} is not both in memory and loading`);
  const hasCopy = entry.copyIndex !== -1;
  assert(hasCopy === entry.copyBytes > 0, `${key} has bytes of a copy exactly if there is one`);
  assert(hasCopy === table.recordBytes(slot) > 0, `${key} has a copy exactly if it has a pointer`);
  if (hasCopy) assert(copies[entry.copyIndex] === entry, `${key} is in the list of copies`);
  if (entry.mustStay)
    assert(entry.place === Place.Aside && batch === undefined, `${key} must stay and is no candidate`);
  else
    assert(
      (entry.place === Place.Aside) === (batch !== undefined),
      `${key} is a candidate unless it is in flight`,
    );
  if (batch === undefined) return;
  assert(batch.entries[entry.batchIndex] === entry, `${key} is in its batch`);
  assert(!hasCopy, `${key} is dirty while it is in flight`);
}

function checkFlights(pager: Pager): void {
  const { table } = pager.core;
  const { flights } = pager.swapIn;
  assert(flights.inOrder().length === flights.size, 'the list of flights knows how many there are');
  for (const flight of flights.inOrder()) {
    const { slot } = flight;
    assert(flights.get(slot) === flight && !flight.ended, 'a flight in the list is found, and under way');
    assert(table.isLive(slot) && table.keyAt(slot) === flight.key, `the flight of ${flight.key} has its key`);
    assert(
      table.generation(slot) === flight.generation,
      `the flight of ${flight.key} reads its latest value`,
    );
    assert(flight.isWanted, `somebody waits for ${flight.key}`);
  }
}

function checkBatches(pager: Pager, owners: Map<number, string>): void {
  const batches: WriteBatch[] = [...pager.swapOut.inFlight];
  const open = pager.reclaim.openBatch;
  if (open !== undefined) batches.push(open);
  let live = 0;
  for (const batch of batches) {
    let liveHere = 0;
    for (let index = 0; index < batch.count; index++) {
      if (batch.isLive(index)) liveHere++;
      const first = batch.firstPages[index]!;
      if (first !== -1) own(owners, first, pager.core.pagesOf(batch.recordBytes[index]!), 'a job in flight');
    }
    assert(batch.live === liveHere, `a batch counts ${batch.live} live records, there are ${liveHere}`);
    live += liveHere;
  }
  let swapping = 0;
  for (const entry of pager.core.residents.entries()) if (entry.batch !== undefined) swapping++;
  assert(live === swapping, `${swapping} entries are in flight, batches have ${live}`);
}
