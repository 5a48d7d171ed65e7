/**
 * Values that are in memory for a while and have no place there: the policy has found them worth none, and their callers
 * may still change them in place. They are no candidates and not in the Map, as to put a value there, choose a victim
 * and take that out costs more than to read it; and what does not stay is gone before the collector has to copy it.
 *
 * Two kinds: one that came with the last blocking call, and those that were handed out in one turn of the event loop to
 * whoever awaits them. Who looks for a guest finds it, and it is a candidate like others from then on.
 */
import { assert } from '../errors.js';
import { Place, type Resident } from './resident.js';

export class Guests<E extends Resident> {
  #ofCall: E | undefined = undefined;
  /**
   * By key; those that have left are in it, too, and known by their place. A Map of its own for each turn that has any:
   * V8 keeps the tables that a Map has outgrown, and links them.
   */
  #ofTurn: Map<string, E> | undefined = undefined;
  #ofTurnCount = 0;

  get count(): number {
    return this.#ofTurnCount + (this.#ofCall === undefined ? 0 : 1);
  }

  get isEmpty(): boolean {
    return this.#ofCall === undefined && this.#ofTurn === undefined;
  }

  /** That of the last blocking call, where there is one. */
  get ofCall(): E | undefined {
    return this.#ofCall;
  }

  /** Those of a turn, in no particular order; each may be shown out while they are walked through. */
  *ofTurn(): IterableIterator<E> {
    if (this.#ofTurn === undefined) return;
    for (const guest of this.#ofTurn.values()) if (guest.place === Place.Guest) yield guest;
  }

  *all(): IterableIterator<E> {
    if (this.#ofCall !== undefined) yield this.#ofCall;
    yield* this.ofTurn();
  }

  find(key: string): E | undefined {
    if (this.#ofCall?.key === key) return this.#ofCall;
    const guest = this.#ofTurn?.get(key);
    return guest?.place === Place.Guest ? guest : undefined;
  }

  receiveForCall(entry: E): void {
    assert(this.#ofCall === undefined, 'a call has one guest at a time');
    entry.place = Place.Guest;
    this.#ofCall = entry;
  }

  receiveForTurn(entry: E): void {
    entry.place = Place.Guest;
    this.#ofTurn ??= new Map();
    this.#ofTurn.set(entry.key, entry);
    this.#ofTurnCount++;
  }

  /** A guest is none any more; leaves its `place` Aside. */
  showOut(guest: E): void {
    guest.place = Place.Aside;
    if (guest === this.#ofCall) this.#ofCall = undefined;
    else if (--this.#ofTurnCount === 0) this.#ofTurn = undefined;
  }

  clear(): void {
    for (const guest of this.all()) guest.place = Place.Aside;
    this.#ofCall = undefined;
    this.#ofTurn = undefined;
    this.#ofTurnCount = 0;
  }
}
