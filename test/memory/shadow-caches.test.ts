import { describe, expect, it } from 'vitest';
import { FrequencySketch } from '../../dist/memory/frequency-sketch.js';
import { ShadowCache } from '../../dist/memory/shadow-cache.js';
import { ShadowCaches } from '../../dist/memory/shadow-caches.js';
import { noSlot, ShadowKeys, shadowEntriesMax } from '../../dist/memory/shadow-keys.js';
import { Xorshift } from '../../dist/memory/xorshift.js';
import { hashOf, ReplayCache, seededRandom, zipf } from './policy-support.js';

/** Replays keys in shadows of a memory of `entryCount` entries, and returns the share they find. */
function findShare(keys: Iterable<number>, entryCount: number): number {
  const shadows = new ShadowCaches(new Xorshift(1));
  const sketch = new FrequencySketch();
  sketch.period(entryCount);
  shadows.scale(entryCount);
  for (const key of keys) {
    const hash = hashOf(key);
    const uses = sketch.increment(hash);
    if (shadows.samples(hash)) shadows.use(hash, uses, sketch);
  }
  return shadows.share;
}

/** A shadow alone, which shares its keys with none. */
class Shadow {
  readonly #keys = new ShadowKeys();
  readonly #cache: ShadowCache;

  constructor(share: number) {
    this.#cache = new ShadowCache(this.#keys, 2, share, new Xorshift(1));
  }

  resize(capacity: number): void {
    this.#cache.resize(capacity);
  }

  clear(): void {
    this.#keys.clear();
    this.#cache.clear();
  }

  /** Replays a use; true when the key was held. */
  use(hash: number, uses: number, sketch: FrequencySketch): boolean {
    const slot = this.#keys.use(hash, uses);
    if (slot !== noSlot) this.#cache.touch(slot);
    else if (this.#cache.makesRoom(uses, sketch)) this.#cache.insert(this.#keys.enter(hash, uses));
    return slot !== noSlot;
  }
}

describe('ShadowCache', () => {
  it('holds what it was told to, and hits it', () => {
    const cache = new Shadow(0.1);
    const sketch = new FrequencySketch();
    cache.resize(shadowEntriesMax);
    for (let key = 0; key < shadowEntriesMax; key++) expect(cache.use(hashOf(key), 1, sketch)).toBe(false);
    for (let key = 0; key < shadowEntriesMax; key++) expect(cache.use(hashOf(key), 1, sketch)).toBe(true);
  });

  it('with nearly all of it as the window has about the hits of LRU', () => {
    const cache = new Shadow(0.99);
    const sketch = new FrequencySketch();
    cache.resize(200);
    let hits = 0;
    const keys = zipf(2_000, 0.9, 50_000, 1);
    for (const key of keys) {
      const uses = sketch.increment(hashOf(key));
      if (cache.use(hashOf(key), uses, sketch)) hits++;
    }
    expect(Math.abs(hits / keys.length - new ReplayCache('lru', 200).hitRate(keys))).toBeLessThan(0.05);
  });

  it('without a window keeps most of a loop that is larger than it, of which LRU would keep nothing', () => {
    const cache = new Shadow(0);
    const sketch = new FrequencySketch();
    cache.resize(200);
    let hits = 0;
    for (let use = 0; use < 30_000; use++) {
      const hash = hashOf(use % 300);
      if (cache.use(hash, sketch.increment(hash), sketch)) hits++;
    }
    expect(hits / 30_000).toBeGreaterThan(0.55);
  });

  it('without a window has room for all that it was told to hold, and no more, while that changes', () => {
    const random = seededRandom(5);
    const cache = new Shadow(0);
    const sketch = new FrequencySketch();
    for (let use = 0; use < 50_000; use++) {
      if (use % 700 === 0) cache.resize(1 + (random() % shadowEntriesMax));
      const hash = hashOf(random() % 1_000);
      cache.use(hash, sketch.increment(hash), sketch);
    }
    cache.clear();
    cache.resize(100);
    for (let key = 0; key < 200; key++) cache.use(hashOf(key), 1, new FrequencySketch());
    for (let key = 0; key < 100; key++) expect(cache.use(hashOf(key), 2, sketch)).toBe(true);
    for (let key = 100; key < 200; key++) expect(cache.use(hashOf(key), 1, sketch)).toBe(false);
  });

  it('follows a capacity that changes, and never loses a slot', () => {
    const random = seededRandom(5);
    const cache = new Shadow(0.4);
    const sketch = new FrequencySketch();
    for (let use = 0; use < 50_000; use++) {
      if (use % 700 === 0) cache.resize(1 + (random() % shadowEntriesMax));
      const hash = hashOf(random() % 1_000);
      const uses = sketch.increment(hash);
      cache.use(hash, uses, sketch);
      expect(cache.use(hash, uses, sketch)).toBe(true);
    }
    cache.resize(shadowEntriesMax);
    cache.clear();
    for (let key = 0; key < shadowEntriesMax; key++) expect(cache.use(hashOf(key), 1, sketch)).toBe(false);
    for (let key = 0; key < shadowEntriesMax; key++) expect(cache.use(hashOf(key), 1, sketch)).toBe(true);
  });
});

describe('ShadowKeys', () => {
  it('are found while any shadow holds them, and forgotten when none does', () => {
    const keys = new ShadowKeys();
    const random = seededRandom(8);
    const held = new Map<number, { slot: number; holders: number }>();
    for (let step = 0; step < 20_000; step++) {
      const hash = hashOf(random() % 400);
      const known = held.get(hash);
      const slot = keys.use(hash, 1 + (step % 15));
      expect(slot).toBe(known?.slot ?? noSlot);
      if (known !== undefined) expect(keys.holders(slot)).toBe(known.holders);
      const shadow = random() % 4;
      const one = known ?? { slot: keys.enter(hash, 1), holders: 0 };
      if ((one.holders & (1 << shadow)) === 0) {
        keys.hold(one.slot, shadow);
        keys.setPlace(one.slot, shadow, step);
        expect(keys.place(one.slot, shadow)).toBe(step);
      } else {
        keys.letGo(one.slot, shadow);
      }
      one.holders ^= 1 << shadow;
      if (one.holders === 0) held.delete(hash);
      else held.set(hash, one);
    }
    expect(held.size).toBeGreaterThan(100);
  });
});

describe('ShadowCaches', () => {
  it('sample a part of the keys that makes memory fit in a shadow', () => {
    const shadows = new ShadowCaches(new Xorshift(1));
    const sampled = (entryCount: number): number => {
      shadows.scale(entryCount);
      let count = 0;
      for (let key = 0; key < 100_000; key++) if (shadows.samples(hashOf(key))) count++;
      return count / 100_000;
    };
    expect(sampled(100)).toBe(1);
    expect(sampled(shadowEntriesMax)).toBe(1);
    expect(sampled(10 * shadowEntriesMax)).toBeCloseTo(0.1, 2);
    expect(sampled(100 * shadowEntriesMax)).toBeCloseTo(0.01, 2);
  });

  it('find a small window for a loop, and a large one for uses that come in bursts', () => {
    const loop = Array.from({ length: 100_000 }, (_, use) => use % 1_500);
    expect(findShare(loop, 1_000)).toBeLessThanOrEqual(0.1);
    const random = seededRandom(6);
    // Each key is used for a while after it has come, and never again; two in three uses are of the last 3,000.
    const bursts = Array.from(
      { length: 200_000 },
      (_, use) => use - (random() % 3 === 0 ? 0 : random() % 3_000),
    );
    expect(findShare(bursts, 1_500)).toBeGreaterThanOrEqual(0.4);
  });

  it('change their mind when the workload does', () => {
    const shadows = new ShadowCaches(new Xorshift(1));
    const sketch = new FrequencySketch();
    sketch.period(200);
    shadows.scale(200);
    const replay = (keys: Iterable<number>): number => {
      for (const key of keys) {
        shadows.use(hashOf(key), sketch.increment(hashOf(key)), sketch);
      }
      return shadows.share;
    };
    const loop = Array.from({ length: 20_000 }, (_, use) => use % 300);
    const random = seededRandom(7);
    const bursts = Array.from(
      { length: 20_000 },
      (_, use) => 1_000 + use - (random() % 3 === 0 ? 0 : random() % 350),
    );
    expect(replay(loop)).toBeLessThanOrEqual(0.1);
    expect(replay(bursts)).toBeGreaterThanOrEqual(0.4);
    expect(replay(loop)).toBeLessThanOrEqual(0.1);
  });

  it('take the same small memory for any store', () => {
    const shadows = new ShadowCaches(new Xorshift(1));
    shadows.scale(8_000_000);
    expect(shadows.bytes).toBeLessThan(64 * 1024);
  });
});
