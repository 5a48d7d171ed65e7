/**
 * Finds entries: those that are there for whoever asks. What was cleared is not, nor what has expired, which ends when it is
 * asked for, unless `fetch` may still use it.
 */
import { none } from '../memory/pointer-table.js';
import { Place } from '../memory/resident.js';
import type { Core } from './core.js';
import type { Entry } from './entry.js';

export class LookUp {
  readonly #core: Core;
  /** Takes an entry back that is on its way out. */
  readonly #cancel: (entry: Entry) => void;
  readonly #expire: (slot: number, key: string) => void;

  constructor(core: Core, cancel: (entry: Entry) => void, expire: (slot: number, key: string) => void) {
    this.#core = core;
    this.#cancel = cancel;
    this.#expire = expire;
  }

  /**
   * The resident entry of a key, in memory from now on if it was on its way out. One that has expired is ended, or there
   * for who takes what is stale only.
   */
  resident(key: string, takesStale = false): Entry | undefined {
    const { residents, keyspaces } = this.#core;
    const entry = residents.get(key);
    if (entry === undefined || keyspaces.isDead(key)) return undefined;
    if (!this.#isUsable(entry.slot, entry.expiresAtMs, key, takesStale)) return undefined;
    if (entry.batch !== undefined) this.#cancel(entry);
    return entry;
  }

  /** The slot of a key that is there, whether in memory or not, or none; what is stale as for `resident`. */
  slot(key: string, takesStale = false): number {
    const { table, keyspaces } = this.#core;
    const slot = this.anySlot(key);
    if (slot === none || keyspaces.isDead(key)) return none;
    return this.#isUsable(slot, table.expiresAtMs(slot), key, takesStale) ? slot : none;
  }

  /** The slot of a key, expired or not. */
  anySlot(key: string): number {
    const { table } = this.#core;
    return table.find(key, table.hash(key));
  }

  /** The generation of the value of a key, expired or not; undefined where it is not there. */
  generation(key: string): number | undefined {
    const slot = this.anySlot(key);
    return slot === none ? undefined : this.#core.table.generation(slot);
  }

  isExpired(slot: number): boolean {
    return this.#core.isExpired(this.#core.table.expiresAtMs(slot));
  }

  /** How long ago a key has expired, ms; 0 or less while it has not, undefined where it is not there. */
  staleMs(key: string): number | undefined {
    const slot = this.slot(key, true);
    if (slot === none) return undefined;
    const expiresAtMs = this.#core.table.expiresAtMs(slot);
    return expiresAtMs === 0 ? 0 : this.#core.environment.clock.now() - expiresAtMs;
  }

  /** Uses a resident entry. */
  touch(entry: Entry): void {
    if (entry.place !== Place.Aside) this.#core.residents.policy.touch(entry);
  }

  #isUsable(slot: number, expiresAtMs: number, key: string, takesStale: boolean): boolean {
    if (!this.#core.isExpired(expiresAtMs)) return true;
    if (!this.#core.isPast(slot, expiresAtMs)) return takesStale;
    this.#expire(slot, key);
    return false;
  }
}
