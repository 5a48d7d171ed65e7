/**
 * The reads that are under way, found by slot. A table of its own, and not a Map: V8 keeps the table that a Map had before
 * it rehashed, with all that was in it, and a link to the next one. A Map from which as much is taken as is added rehashes
 * all the time, and once one of its tables is old, scavenges take everything since then for alive: of a load on a cold device
 * 1.8 kB survived, Buffer and promise included, until the next full collection. What is taken out of this table is gone.
 *
 * Open addressing with linear probing; who is taken out leaves no mark, as those behind move up. It grows with a large
 * batch, and is small again when that is over.
 */
import { assert } from '../errors.js';
import type { LoadFlight } from './load-flight.js';

const placesMin = 64;

export class Flights {
  /** A power of two of places, of which at most half are taken. */
  #places = emptyPlaces(placesMin);
  #size = 0;
  #begun = 0;

  get size(): number {
    return this.#size;
  }

  has(slot: number): boolean {
    return this.#size > 0 && this.#places[this.#find(slot)] !== undefined;
  }

  get(slot: number): LoadFlight | undefined {
    return this.#size > 0 ? this.#places[this.#find(slot)] : undefined;
  }

  /** A flight begins; there is none for its slot. */
  add(flight: LoadFlight): void {
    if (2 * (this.#size + 1) > this.#places.length) this.#grow();
    flight.number = ++this.#begun;
    this.#put(flight);
    this.#size++;
  }

  /** A flight is over. */
  remove(flight: LoadFlight): void {
    const places = this.#places;
    const mask = places.length - 1;
    let gap = this.#find(flight.slot);
    assert(places[gap] === flight, 'a flight that ends is in the list');
    for (let at = (gap + 1) & mask; places[at] !== undefined; at = (at + 1) & mask) {
      // Who stands between its home and the gap is not found from its home any more, unless it moves into the gap.
      if (((at - this.#homeOf(places[at]!.slot)) & mask) < ((at - gap) & mask)) continue;
      places[gap] = places[at];
      gap = at;
    }
    places[gap] = undefined;
    this.#size--;
    if (this.#size === 0 && places.length > placesMin) this.#places = emptyPlaces(placesMin);
  }

  /** All of them, the oldest first. */
  inOrder(): LoadFlight[] {
    const flights = this.#places.filter((flight) => flight !== undefined);
    return flights.sort((a, b) => a.number - b.number);
  }

  /** Where the flight of a slot is, or the place that it would take. */
  #find(slot: number): number {
    const places = this.#places;
    const mask = places.length - 1;
    let at = this.#homeOf(slot);
    for (let flight = places[at]; flight !== undefined && flight.slot !== slot; flight = places[at])
      at = (at + 1) & mask;
    return at;
  }

  /** Slots are handed out in a row, and so are their homes: multiplied by an odd number, no two of a row meet. */
  #homeOf(slot: number): number {
    return Math.imul(slot, 0x9e3779b1) & (this.#places.length - 1);
  }

  #put(flight: LoadFlight): void {
    this.#places[this.#find(flight.slot)] = flight;
  }

  #grow(): void {
    const before = this.#places;
    this.#places = emptyPlaces(2 * before.length);
    for (const flight of before) if (flight !== undefined) this.#put(flight);
  }
}

function emptyPlaces(count: number): Array<LoadFlight | undefined> {
  return new Array<LoadFlight | undefined>(count).fill(undefined);
}
