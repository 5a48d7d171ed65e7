/**
 * The keyspaces of a store: its own, whose name is empty, and those of its namespaces (the seed's databases). All of them
 * share every room of the store; what tells their keys apart is a prefix (key-prefix.ts).
 *
 * To clear one is to give it another prefix: at that moment nothing is found any more, and the keys that had the old one,
 * which is `dead` then, are taken out in the background. They still take memory and pages until then; who finds no
 * space finishes that first. Not so where all keys of the store are of that keyspace: the whole table is cleared at once.
 *
 * Invariant: no call of a user finds, changes or makes an entry under a dead prefix. Feared most: a call that began
 * before the clear, has the old prefix in hand, and makes an entry that nobody will ever find, or takes out.
 */
import { hasPrefix, keyspaceOf, prefixIn, prefixOf } from '../key-prefix.js';
import type { PointerTable } from '../memory/pointer-table.js';

export class KeyspacePrefix {
  readonly name: string;
  /** Of every key that is set from now on; empty for the store's own, until a `clear` has to leave others. */
  prefix = '';
  /** 1 where there is one, else 0: what `Entry.prefixed` says of such keys. */
  prefixed: 0 | 1 = 0;
  /** For keys of the store itself that would look as if they had one. */
  escapePrefix: string;
  generation: number;

  constructor(name: string) {
    this.name = name;
    this.generation = 0;
    this.escapePrefix = prefixOf(this);
    if (name !== '') this.#use(this.escapePrefix);
  }

  /** A key as it is stored. */
  stored(key: string): string {
    if (this.prefix !== '') return this.prefix + key;
    return this.mustEscape(key) ? this.escapePrefix + key : key;
  }

  /** True for a key that is stored with a prefix though its keyspace has none: it would look as if it had another's. */
  mustEscape(key: string): boolean {
    return this.prefixed === 0 && hasPrefix(key);
  }

  /** True when keys with that prefix are of this keyspace now. */
  has(prefix: string): boolean {
    return prefix === this.prefix || prefix === this.escapePrefix;
  }

  /** What was set before has another prefix from here on. */
  advance(generation: number): void {
    this.generation = generation;
    this.escapePrefix = prefixOf(this);
    this.#use(this.escapePrefix);
  }

  /**
   * There are no keys at all, so that the store's own need no prefix any more. Nor does one with a generation, for a key that
   * must be escaped, lie in the file beside keys with none: who opens it would take those for cleared.
   */
  reset(): void {
    if (this.name !== '') return;
    this.advance(0);
    this.#use('');
  }

  #use(prefix: string): void {
    this.prefix = prefix;
    this.prefixed = prefix === '' ? 0 : 1;
  }
}

export class Keyspaces {
  readonly #table: PointerTable;
  readonly #spaces = new Map<string, KeyspacePrefix>();
  /** The store's own. */
  readonly own = this.of('');
  /** Prefixes whose keys are to be taken out. */
  readonly dead = new Set<string>();

  constructor(table: PointerTable) {
    this.#table = table;
    const generations = new Map<string, number>();
    for (const prefix of table.prefixes) {
      const { name, generation } = keyspaceOf(prefix);
      generations.set(name, Math.max(generation, generations.get(name) ?? 0));
    }
    // Where a crash has come before the last of a cleared keyspace was taken out, the newest prefix is the one in use.
    for (const [name, generation] of generations) if (generation > 0) this.of(name).advance(generation);
    for (const prefix of ['', ...table.prefixes]) this.#mayBeDead(prefix);
  }

  /** The keyspace of that name; it is there without a key, too. */
  of(name: string): KeyspacePrefix {
    let space = this.#spaces.get(name);
    if (space === undefined) {
      space = new KeyspacePrefix(name);
      this.#spaces.set(name, space);
    }
    return space;
  }

  /** Keys of one keyspace. */
  sizeOf(space: KeyspacePrefix): number {
    const { escapePrefix, prefix } = space;
    return this.#table.countOf(escapePrefix) + (prefix === escapePrefix ? 0 : this.#table.countOf(prefix));
  }

  /** True when a key was set before its keyspace was cleared and has not been taken out: nobody may find it. */
  isDead(stored: string): boolean {
    return this.dead.size > 0 && this.dead.has(prefixIn(stored));
  }

  /** True when a key may be set: its keyspace was not cleared since it got its prefix. */
  isCurrent(stored: string): boolean {
    const prefix = prefixIn(stored);
    return prefix === '' ? this.own.prefix === '' : this.of(keyspaceOf(prefix).name).has(prefix);
  }

  /** Gives a keyspace another prefix. */
  clear(space: KeyspacePrefix): void {
    const { escapePrefix, prefix } = space;
    space.advance(space.generation + 1);
    this.#mayBeDead(escapePrefix);
    this.#mayBeDead(prefix);
  }

  /** The table is empty. */
  clearAll(): void {
    this.dead.clear();
    for (const space of this.#spaces.values()) space.reset();
  }

  /** A key was taken out: it may have been the last of a dead prefix. */
  keyTaken(): void {
    for (const prefix of this.dead) if (this.#table.countOf(prefix) === 0) this.dead.delete(prefix);
  }

  #mayBeDead(prefix: string): void {
    if (this.#table.countOf(prefix) > 0 && !this.of(keyspaceOf(prefix).name).has(prefix))
      this.dead.add(prefix);
  }
}
