// What the tests of the policies share: residents, seeded randomness, and a cache that replays keys.
import { createPolicy, type PolicyKind } from '../../dist/memory/policy.js';
import { type Policy, Resident } from '../../dist/memory/resident.js';

export const policyKinds: readonly PolicyKind[] = ['adaptive', 'lru', 'swappability'];

/** The values of Place, which as a const enum has none at run time for who imports its declaration. */
export const place = { aside: 0, window: 1, main: 2, guest: 3 } as const;
/** Those of Arrival. */
export const arrival = { alone: 0, inBatch: 1, new: 2 } as const;

export class TestResident extends Resident {}

/** 32 random bits a call, the same sequence for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

export function hashOf(key: number): number {
  const mixed = Math.imul(key ^ (key >>> 16) ^ 0x5bd1e995, 0x85ebca6b);
  const more = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return more ^ (more >>> 16);
}

export function resident(key: number, size = 1): TestResident {
  return new TestResident(`key ${key}`, key, hashOf(key), size);
}

/** A cache of `capacity` values of one byte each, that makes room for `batch` values at a time. */
export class ReplayCache {
  readonly policy: Policy<TestResident>;
  readonly #held = new Map<number, TestResident>();

  constructor(
    kind: PolicyKind,
    readonly capacity: number,
    readonly batch = 1,
  ) {
    this.policy = createPolicy(kind, capacity, seededRandom(1));
  }

  /** Uses a key; true when it was held. */
  use(key: number): boolean {
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.policy.touch(held);
      return true;
    }
    if (this.#held.size >= this.capacity) {
      for (let taken = 0; taken < this.batch; taken++) {
        const victim = this.policy.takeVictim();
        if (victim === undefined) throw new Error('a full cache has a victim');
        this.#held.delete(victim.value as number);
      }
    }
    const entry = resident(key);
    this.#held.set(key, entry);
    this.policy.add(entry);
    return false;
  }

  /** The part of the keys that were held when they were used. */
  hitRate(keys: Iterable<number>): number {
    let hits = 0;
    let uses = 0;
    for (const key of keys) {
      uses++;
      if (this.use(key)) hits++;
    }
    return hits / uses;
  }
}

/** `length` keys below `count`, key n as often as 1 / (n + 1) ** skew. */
export function zipf(count: number, skew: number, length: number, seed: number): number[] {
  const random = seededRandom(seed);
  const sums = new Float64Array(count);
  let sum = 0;
  for (let key = 0; key < count; key++) {
    sum += 1 / (key + 1) ** skew;
    sums[key] = sum;
  }
  return Array.from({ length }, () => {
    const sought = (random() / 2 ** 32) * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < sought) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}
