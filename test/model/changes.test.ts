/**
 * Values that are changed in place by whoever has them in hand, in any mix of the ways to get one, in memory for a part of
 * them: each is found as it was left. Several work at once, each on keys of its own, so that no two change the same value;
 * and never has more than half of memory been handed out in one turn, beyond which a value may find no room to stay.
 */
import { expect, it } from 'vitest';
import type { SwapStoreOptions } from '../../dist/index.js';
import { World } from '../support/environment.js';
import { seededRandom } from '../support/random.js';
import { checkInvariants, openInWorld } from '../support/store.js';

const size = 100;
const maxMemory = 400 * size;
const workers = 4;
const keysOfEach = 250;
const stepsOfEach = 60;
const seeds = 10;

const choices: ReadonlyArray<{ options: SwapStoreOptions; isWrittenBehind?: boolean }> = [
  { options: { threads: 0 } },
  { options: { threads: 2 } },
  { options: { threads: 2, policy: 'lru' } },
  { options: { threads: 1, compression: 'deflate' } },
  { options: { threads: 1, policy: 'swappability' } },
  { options: { threads: 2 }, isWrittenBehind: true },
];

interface Counter {
  n: number;
}

/** One who gets values, looks whether they are as they were left, and changes them. */
class Worker {
  readonly #bench: ReturnType<typeof openInWorld>;
  readonly #random: () => number;
  readonly #left = new Map<string, number>();

  constructor(bench: ReturnType<typeof openInWorld>, name: number, random: () => number) {
    this.#bench = bench;
    this.#random = random;
    for (let index = 0; index < keysOfEach; index++) this.#set(`${name}:${index}`);
  }

  async work(): Promise<void> {
    for (let step = 0; step < stepsOfEach; step++) {
      await this.#step();
      await new Promise<void>((resolve) => this.#bench.world.clock.nextTurn(resolve));
    }
  }

  check(): void {
    for (const [key, n] of this.#left) expect(this.#bench.store.peek(key)).toEqual({ n });
  }

  async #step(): Promise<void> {
    const { store, world } = this.#bench;
    if (this.#below(8) === 0) world.disk.readCostMs = this.#below(2) * 5;
    const what = this.#below(10);
    const keys = this.#some();
    const few = keys.slice(0, 10);
    if (what === 0) for (const key of keys) this.#change(key, store.get(key));
    else if (what === 1) for (const key of keys) this.#look(key, store.get(key));
    else if (what < 4) for (const key of keys) this.#change(key, await store.load(key));
    else if (what === 4) for (const key of keys) this.#change(key, await store.fetch(key, () => undefined));
    else if (what === 5) this.#changeAll(few, await Promise.all(few.map((key) => store.load(key))));
    // One of many that memory has no place for is a copy, and nobody's but its caller's.
    else if (what === 6)
      for (const [index, value] of (await store.loadMany(few)).entries()) this.#look(few[index]!, value);
    else if (what === 7) await store.run(few, (...values) => this.#changeAll(few, values));
    else if (what === 8) for (const key of few) this.#set(key);
    else await (this.#below(2) === 0 ? store.ready() : store.swapOut(keys[0]!));
  }

  #set(key: string): void {
    const n = this.#below(1_000);
    this.#left.set(key, n);
    this.#bench.store.set(key, { n }, { size });
  }

  #changeAll(keys: readonly string[], values: readonly unknown[]): void {
    for (const [index, value] of values.entries()) this.#change(keys[index]!, value);
  }

  #change(key: string, value: unknown): void {
    this.#look(key, value);
    if (this.#below(2) === 0) return;
    const n = this.#below(1_000);
    (value as Counter).n = n;
    this.#left.set(key, n);
  }

  #look(key: string, value: unknown): void {
    expect(value).toEqual({ n: this.#left.get(key) });
  }

  /** Some of its keys, each once. */
  #some(): string[] {
    const all = [...this.#left.keys()];
    const first = this.#below(all.length);
    return Array.from({ length: 1 + this.#below(25) }, (_, index) => all[(first + 7 * index) % all.length]!);
  }

  #below(bound: number): number {
    return this.#random() % bound;
  }
}

it.each(choices)('keeps what is changed in place, with $options', async ({ options, isWrittenBehind }) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const world = new World(seed);
    if (isWrittenBehind) {
      world.environment.cheapWriteUsMax = Number.POSITIVE_INFINITY;
      world.environment.bulkLoadMin = 0;
    }
    const bench = openInWorld({ maxMemory, ...options }, world);
    const random = seededRandom(seed * 7919);
    const all = Array.from({ length: workers }, (_, name) => new Worker(bench, name, random));
    await world.drive(Promise.all(all.map((worker) => worker.work())));
    checkInvariants(bench.store);
    await world.settle();
    for (const worker of all) worker.check();
    expect(bench.store.stats().residentBytes).toBeLessThanOrEqual(maxMemory);
    await world.drive(bench.store.close());
  }
});
