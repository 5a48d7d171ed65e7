/**
 * A Map from keys to entries that is made of many Maps once it is large. V8 rehashes a Map in one go when it is full of
 * what was deleted: 20 ms with 200,000 entries, and again after every 300,000 changes. So beyond 16,384 entries a key
 * goes to one of 64 shards, by three of its characters: 10 ns, where look-ups in a Map of that size take hundreds. A
 * small one is a single Map, as there those 10 ns would be half of a hit.
 *
 * What it does not do well: keys that differ in none of the three characters all meet in one shard, which is then what
 * a single Map would be. It stays divided until it is cleared.
 */
const shardCount = 64;
const singleMax = 16_384;

export class ShardedMap<E> {
  /** All entries, as long as there are few; then they are in the shards. */
  #single: Map<string, E> | undefined = new Map();
  #shards: Array<Map<string, E>> = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What is no string is not there, as in a Map. */
  get(key: string): E | undefined {
    const single = this.#single;
    if (single !== undefined) return single.get(key);
    return typeof key === 'string' ? this.#shardOf(key).get(key) : undefined;
  }

  /** Adds a key that is not there. */
  add(key: string, entry: E): void {
    if (this.#single !== undefined && this.#single.size >= singleMax) this.#divide(this.#single);
    (this.#single ?? this.#shardOf(key)).set(key, entry);
    this.#size++;
  }

  /** Removes a key that is there. */
  remove(key: string): void {
    (this.#single ?? this.#shardOf(key)).delete(key);
    this.#size--;
  }

  *values(): IterableIterator<E> {
    if (this.#single !== undefined) yield* this.#single.values();
    for (const shard of this.#shards) yield* shard.values();
  }

  clear(): void {
    this.#single = new Map();
    this.#shards = [];
    this.#size = 0;
  }

  #divide(entries: Map<string, E>): void {
    this.#single = undefined;
    for (let index = 0; index < shardCount; index++) this.#shards.push(new Map());
    for (const [key, entry] of entries) this.#shardOf(key).set(key, entry);
  }

  /** The last character, the one before it, and one in the middle; what is not there counts as nothing. */
  #shardOf(key: string): Map<string, E> {
    const { length } = key;
    const last = key.charCodeAt(length - 1);
    const before = key.charCodeAt(length - 2);
    const middle = key.charCodeAt(length >> 1);
    return this.#shards[(last ^ (before << 2) ^ (middle << 4)) & (shardCount - 1)]!;
  }
}
