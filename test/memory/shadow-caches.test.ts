import { describe, expect, it } from 'vitest';
import { FrequencySketch } from '../../dist/memory/frequency-sketch.js';
import { ShadowCache, shadowEntriesMax } from '../../dist/memory/shadow-cache.js';
import { ShadowCaches } from '../../dist/memory/shadow-caches.js';
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

describe('ShadowCache', () => {
  it('holds what it was told to, and hits it', () => {
    const cache = new ShadowCache(0.1, new Xorshift(1));
    const sketch = new FrequencySketch();
    cache.resize(shadowEntriesMax);
    for (let key = 0; key < shadowEntriesMax; key++) expect(cache.use(hashOf(key), 1, sketch)).toBe(false);
    for (let key = 0; key < shadowEntriesMax; key++) expect(cache.use(hashOf(key), 1, sketch)).toBe(true);
  });

  it('with nearly all of it as the window has about the hits of LRU', () => {
    const cache = new ShadowCache(0.99, new Xorshift(1));
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
    const cache = new ShadowCache(0, new Xorshift(1));
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
    const cache = new ShadowCache(0, new Xorshift(1));
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
    const cache = new ShadowCache(0.4, new Xorshift(1));
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
