/**
 * Values that are in memory for a while and have no place there: the policy has found them worth none, and their callers
 * may still change them in place. They are no candidates and not in the Map, as to put a value there, choose a victim
 * and take that out costs more than to read it; and what does not stay is gone before the collector has to copy it.
 *
 * Two kinds: one that came with the last blocking call, and those of turns, which were handed out to whoever awaits them.
 * Who looks for a guest finds it, and it is a candidate like others from then on.
 */
import { assert } from '../errors.js';
import { Place, type Resident } from './resident.js';

export class Guests<E extends Resident> {
  #ofCall: E | undefined = undefined;
  /** Those of turns by key, the oldest first. There is no Map while there are none, as V8 keeps the tables that it has outgrown. */
  #ofTurns: Map<string, E> | undefined = undefined;
  /** What those of turns cost, bytes. */
  ofTurnsBytes = 0;

  get count(): number {
    return (this.#ofTurns?.size ?? 0) + (this.#ofCall === undefined ? 0 : 1);
  }

  get isEmpty(): boolean {
    return this.#ofCall === undefined && this.#ofTurns === undefined;
  }

  /** That of the last blocking call, where there is one. */
  get ofCall(): E | undefined {
    return this.#ofCall;
  }

  /** Those of turns, the oldest first; each may be shown out while they are walked through. */
  ofTurns(): Iterable<E> {
    return this.#ofTurns?.values() ?? [];
  }

  *all(): IterableIterator<E> {
    if (this.#ofCall !== undefined) yield this.#ofCall;
    yield* this.ofTurns();
  }

  find(key: string): E | undefined {
    return this.#ofCall?.key === key ? this.#ofCall : this.#ofTurns?.get(key);
  }

  receiveForCall(entry: E): void {
    assert(this.#ofCall === undefined, 'a call has one guest at a time');
    entry.place = Place.Guest;
    this.#ofCall = entry;
  }

  receiveForTurn(entry: E): void {
    entry.place = Place.Guest;
    this.#ofTurns ??= new Map();
    this.#ofTurns.set(entry.key, entry);
    this.ofTurnsBytes += entry.size;
  }

  /** A guest is none any more; leaves its `place` Aside. */
  showOut(guest: E): void {
    guest.place = Place.Aside;
    if (guest === this.#ofCall) {
      this.#ofCall = undefined;
      return;
    }
    this.ofTurnsBytes -= guest.size;
    this.#ofTurns!.delete(guest.key);
    if (this.#ofTurns!.size === 0) this.#ofTurns = undefined;
  }

  clear(): void {
    for (const guest of this.all()) guest.place = Place.Aside;
    this.#ofCall = undefined;
    this.#ofTurns = undefined;
    this.ofTurnsBytes = 0;
  }
}
