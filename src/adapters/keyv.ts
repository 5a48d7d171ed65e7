/**
 * A storage adapter for Keyv 5 and 6, and so for what is built on it (cache-manager 7, cacheable 2). Each namespace of Keyv
 * is a namespace of the store: `clear` of one leaves the others. Reads await, so that they do not block the event loop.
 *
 * It declares no `capabilities`: Keyv 6 would then hand over an absolute time where Keyv 5 hands over a ttl, and nothing
 * tells the two apart; without them Keyv 6 makes a ttl of it. A ttl is taken as Keyv takes it over a Map: one without end
 * is none, and one below zero, which only Keyv 5 hands over, leaves nothing behind. 'error' is never emitted: what a call
 * of Keyv's meets, its promise rejects with; a failure in the background is the store's 'warning', as some versions of
 * Keyv end the process at an 'error' that nobody listens to.
 *
 * Keyv shares one adapter between several Keyvs badly: it sets `namespace` to that of the last. In version 5 the namespace
 * is in the keys, too, so that they are told apart here; but `clear` clears that of the last. In version 6 it is not, and
 * the last namespace is that of all. Give each Keyv its own adapter, on one store.
 */
import { EventEmitter } from 'node:events';
import { ttlMsMax } from '../checks.js';
import type { Keyspace } from '../keyspace.js';
import type { SwapStoreOptions } from '../options.js';
import type { SwapStore } from '../swap-store.js';
import { AdaptedStore } from './adapted-store.js';
import { keyBatches } from './key-batches.js';

/** An entry of `setMany`. */
export interface KeyvEntry {
  readonly key: string;
  readonly value: unknown;
  /** ms. */
  readonly ttl?: number;
}

/** `new Keyv({ store: new KeyvSwapStore({ maxMemory }) })`. */
export default class KeyvSwapStore extends EventEmitter {
  /** Keyv writes to it. It offers its iterator only for dialects that it knows. */
  opts: Record<string, unknown> = { url: '', dialect: 'redis' };
  /** The store behind it. */
  readonly store: SwapStore;
  readonly #adapted: AdaptedStore;
  #namespace: string | undefined = undefined;
  /** The keyspaces of all names that Keyv has ever set. */
  readonly #spaces = new Map<string, Keyspace>();
  /** In Keyv 5 they do. In Keyv 6 a key may begin with the name of another namespace by chance, and is in its own. */
  #keysNameSpaces = true;

  /**
   * @param storeOrOptions A store, which stays open, or options for one that ends with `disconnect`; it evicts when it is
   *   full, and a damaged record is a miss, unless they say otherwise.
   * @throws SwapError as the constructor of SwapStore.
   */
  constructor(storeOrOptions: SwapStore | SwapStoreOptions = {}) {
    super();
    this.#adapted = new AdaptedStore(storeOrOptions);
    this.store = this.#adapted.store;
  }

  /** Set by Keyv. */
  get namespace(): string | undefined {
    return this.#namespace;
  }

  set namespace(name: string | undefined) {
    if (name) this.#spaceNamed(name);
    this.#namespace = name;
  }

  /** None, for the reason above. Keyv 6 asks before all else, Keyv 5 never: so it is known whose keys these are. */
  get capabilities(): undefined {
    this.#keysNameSpaces = false;
    return undefined;
  }

  /** The value of a key, as Keyv has encoded it. */
  async get(key: string): Promise<unknown> {
    return this.#spaceOf(key).load(key);
  }

  /** The values of many keys, in their order. */
  async getMany(keys: string[]): Promise<unknown[]> {
    const spaces = keys.map((key) => this.#spaceOf(key));
    const first = spaces[0];
    if (first !== undefined && spaces.every((space) => space === first)) return first.loadMany(keys);
    return Promise.all(keys.map((key, index) => spaces[index]!.load(key)));
  }

  /** @param ttl ms; by default that of the store's options, if any. */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    this.#set(key, value, ttl);
    await this.#adapted.room();
    return true;
  }

  async setMany(entries: KeyvEntry[]): Promise<boolean[]> {
    for (const { key, value, ttl } of entries) this.#set(key, value, ttl);
    await this.#adapted.room();
    return entries.map(() => true);
  }

  async has(key: string): Promise<boolean> {
    return this.#spaceOf(key).has(key);
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return keys.map((key) => this.#spaceOf(key).has(key));
  }

  /** True where the key was there. */
  async delete(key: string): Promise<boolean> {
    return this.#spaceOf(key).delete(key);
  }

  /** True where one of the keys was there. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.filter((key) => this.#spaceOf(key).delete(key)).length > 0;
  }

  /** Removes the keys of the namespace; without one, those that are in none. */
  async clear(): Promise<void> {
    this.#spaceNamed(this.#namespace).clear();
  }

  /** The keys and values of a namespace. */
  async *iterator(namespace = this.#namespace): AsyncGenerator<[string, unknown], void> {
    const space = this.#spaceNamed(namespace);
    for await (const keys of keyBatches(space)) {
      const values = await space.loadMany(keys);
      for (const [index, key] of keys.entries()) if (values[index] !== undefined) yield [key, values[index]];
    }
  }

  /** Closes a store that it has opened. */
  async disconnect(): Promise<void> {
    await this.#adapted.close();
  }

  #set(key: string, value: unknown, ttl: number | undefined): void {
    const space = this.#spaceOf(key);
    if (ttl === undefined) space.set(key, value);
    else if (ttl < 0) space.delete(key);
    else space.set(key, value, { ttl: ttl > ttlMsMax ? 0 : ttl });
  }

  #spaceNamed(name: string | undefined): Keyspace {
    if (name === undefined || name === '') return this.store;
    let space = this.#spaces.get(name);
    if (space === undefined) {
      space = this.store.namespace(name);
      this.#spaces.set(name, space);
    }
    return space;
  }

  /** Of several Keyvs on one adapter, the one whose namespace the key begins with. */
  #spaceOf(key: string): Keyspace {
    const current = this.#namespace;
    if (this.#keysNameSpaces && !(current && key.startsWith(`${current}:`)))
      for (const [name, space] of this.#spaces) if (key.startsWith(`${name}:`)) return space;
    return this.#spaceNamed(current);
  }
}
