/**
 * Takes out the keys of cleared keyspaces, some at a time: a slice a turn in the background, a few with each `set`, so
 * that a loop which never gives a turn does not write what is dead to the file, and all that is needed at once by a flush,
 * or when there is no space. A walk of the whole table for each, whoever's keys they are: to know a keyspace's keys would
 * cost every key a list.
 */
import { none } from '../memory/pointer-table.js';
import type { Core } from './core.js';

const sliceMs = 1;
/** Slots that are looked at between two looks at the clock. */
const slotsPerLook = 256;
/** Slots that a `set` looks at. */
const slotsPerSet = 16;

export class ClearedSweep {
  readonly #core: Core;
  readonly #end: (slot: number, key: string) => void;
  readonly #isOnItsWay: (slot: number) => boolean;
  /** The last slot that was looked at, in the table as of so many clears. */
  #at = none;
  #clears = 0;
  #isUnderWay = false;
  #closed = false;

  constructor(core: Core, end: (slot: number, key: string) => void, isOnItsWay: (slot: number) => boolean) {
    this.#core = core;
    this.#end = end;
    this.#isOnItsWay = isOnItsWay;
  }

  /** True while there is something to take out. */
  get isPending(): boolean {
    return this.#core.keyspaces.dead.size > 0;
  }

  /** Some keyspace was cleared. */
  start(): void {
    if (this.#isUnderWay || this.#closed || !this.isPending) return;
    this.#isUnderWay = true;
    this.#core.environment.clock.nextTurn(() => this.#slice());
  }

  close(): void {
    this.#closed = true;
  }

  /** As much as may be done beside a `set`. */
  step(): void {
    this.#look(slotsPerSet, false);
  }

  /** As much as may be done in a turn. */
  some(): void {
    const { clock } = this.#core.environment;
    const endsMs = clock.monotonic() + sliceMs;
    do this.#look(slotsPerLook, false);
    while (this.isPending && clock.monotonic() < endsMs);
  }

  /** True when pages have become free: for a caller in the middle of a move, so that what is in memory stays. */
  freePages(): boolean {
    if (!this.isPending) return false;
    const { pages, table } = this.#core;
    const usedPages = pages.usedPages;
    this.#at = none;
    this.#look(table.size, true);
    return pages.usedPages < usedPages;
  }

  #slice(): void {
    this.#isUnderWay = false;
    if (this.#closed) return;
    this.some();
    this.#core.notices.tell();
    this.start();
  }

  #look(count: number, onlySwapped: boolean): void {
    const { table, keyspaces } = this.#core;
    if (this.#clears !== table.clears) {
      this.#clears = table.clears;
      this.#at = none;
    }
    for (let looked = 0; looked < count && this.isPending; looked++) {
      this.#at = table.next(this.#at);
      if (this.#at === none) continue;
      if (!keyspaces.dead.has(table.prefixAt(this.#at))) continue;
      if (onlySwapped && (table.isResident(this.#at) || this.#isOnItsWay(this.#at))) continue;
      this.#end(this.#at, table.keyAt(this.#at));
    }
  }
}
