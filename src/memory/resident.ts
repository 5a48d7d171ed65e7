/**
 * A value that is in memory, and what the memory room knows of it. The pager's Entry extends it with the entry's
 * state; the policies below see only this.
 */

/** Where a resident stands: exactly one of these, and never two. */
export const enum Place {
  /** No candidate for leaving: pinned, held by `run`, guarded or in flight; or not in memory at all. */
  Aside = 0,
  /** In the window, a list of what is new, or the one list of the policy 'lru'. */
  Window = 1,
  /** In the main set, the dense array that is sampled. */
  Main = 2,
  /** In memory until the next read, or until the turn of whoever awaited it is over: the policy has refused it. */
  Guest = 3,
}

export abstract class Resident {
  // What is declared is made by the constructor, with its value: a field that begins as undefined may hold anything, so that
  // whoever reads it asks what it is. On the way of a hit that counts (docs/design.md).
  declare readonly key: string;
  declare value: unknown;
  /** Seeded hash of the key; the frequency sketch counts by it. */
  declare readonly hash: number;
  /** Cost in memory, bytes, overhead included. */
  declare size: number;
  /** Bytes of the clean copy that the file has of the value, before compression; 0 = there is none. */
  copyBytes = 0;
  /** The policy's clock at the last touch. */
  stamp = 0;
  /** How often its key was used lately, as of the last touch. */
  uses = 0;
  place: Place = Place.Aside;
  /** Where it stands when it is a candidate; kept while it is aside, so that `restore` can take it back there. */
  home: Place.Window | Place.Main = Place.Window;
  /** Its neighbours in the window. */
  older: Resident | undefined = undefined;
  newer: Resident | undefined = undefined;
  /** Index in the dense array of the place it stands in, where that has one; else -1. */
  position = -1;

  constructor(key: string, value: unknown, hash: number, size: number) {
    this.key = key;
    this.value = value;
    this.hash = hash;
    this.size = size;
  }
}

/** Marks an entry as no candidate. */
export function setAside(entry: Resident): void {
  entry.place = Place.Aside;
  entry.position = -1;
}

/** How a value comes, as far as a policy cares. */
export const enum Arrival {
  /** Read by itself, or set over one that is not in memory. */
  Alone = 0,
  /** Read as one of many, which may be a scan of all there is. */
  InBatch = 1,
  /** Set under a key that is not there: it was never used, or was deleted since, or has expired. */
  New = 2,
}

/**
 * Chooses which values leave. A policy knows only candidates: whatever must stay is taken out with `remove` first,
 * so that a victim never has to be skipped.
 */
export interface Policy<E extends Resident = Resident> {
  /** A value has come in, new or back from the file: this counts as a use of its key. */
  add(entry: E): void;
  /**
   * A resident is a candidate again after it stood aside: let go by a pin or `run`, or its swap was cancelled. It goes
   * back to its home, and this counts as one use, as none was counted meanwhile.
   */
  restore(entry: E): void;
  /** A victim is a candidate again, as it was not sent off: others leave before it. It is not counted as a use of its key. */
  putBack(entry: E): void;
  /** A candidate was used. The hot path: no allocation, no list moved in the main set. */
  touch(entry: E): void;
  /** A candidate leaves: deleted, in flight, pinned, held. Leaves `place` Aside. */
  remove(entry: E): void;
  /** A value comes, and something would have to leave for it: whether it should. It is followed by `add` or `passedBy`. */
  admits(hash: number, arrival: Arrival): boolean;
  /** A value was read and not taken in: this counts as a use of its key. */
  passedBy(hash: number): void;
  /** Takes the best candidate for leaving out of the set and returns it; undefined when there is none. */
  takeVictim(): E | undefined;
  /** The size of a candidate has changed from `oldSize` to `entry.size`. */
  resized(entry: E, oldSize: number): void;
  /** Forgets all candidates and all it has learned; leaves each `place` Aside, so that it takes a pass over them. */
  clear(): void;
  /** Bytes of the policy's own structures off the entries themselves. */
  readonly bytes: number;
}
