import { describe, expect, it } from 'vitest';
import { ReplayCache, seededRandom, zipf } from './policy-support.js';

const capacity = 500;

/** The hit rate of each policy, and of the adaptive one when it makes room for many values at a time. */
function compare(keys: readonly number[]): { adaptive: number; batched: number; lru: number } {
  return {
    adaptive: new ReplayCache('adaptive', capacity).hitRate(keys),
    batched: new ReplayCache('adaptive', capacity, 20).hitRate(keys),
    lru: new ReplayCache('lru', capacity).hitRate(keys),
  };
}

describe('the adaptive policy', () => {
  it('does not let a scan flush what is used again and again', () => {
    for (const batch of [1, 20]) {
      const cache = new ReplayCache('adaptive', capacity, batch);
      const hot = zipf(300, 0.5, 20_000, 1);
      cache.hitRate(hot);
      for (let key = 0; key < 20 * capacity; key++) cache.use(1_000_000 + key);
      const after = new ReplayCache('lru', capacity).hitRate(hot.slice(0, 300));
      expect(cache.hitRate(hot.slice(0, 300))).toBeGreaterThan(after + 0.3);
    }
  });

  it('hits in a loop that is larger than memory, where LRU never does', () => {
    const loop = Array.from({ length: 60_000 }, (_, use) => use % 600);
    const { adaptive, batched, lru } = compare(loop);
    expect(lru).toBe(0);
    expect(adaptive).toBeGreaterThan(0.5);
    expect(batched).toBeGreaterThan(0.5);
  });

  it('beats LRU by far where some keys are used more often than others', () => {
    const { adaptive, batched, lru } = compare(zipf(20_000, 0.9, 100_000, 2));
    expect(adaptive).toBeGreaterThan(lru + 0.08);
    expect(batched).toBeGreaterThan(lru + 0.08);
  });

  it('keeps close to LRU where only recency counts', () => {
    const random = seededRandom(3);
    const stack: number[] = [];
    const keys: number[] = [];
    for (let use = 0; use < 100_000; use++) {
      // Each use goes back a distance whose logarithm is uniform, or to a new key.
      const distance = Math.floor(1_500 ** (random() / 2 ** 32));
      const key = distance >= stack.length || random() % 20 === 0 ? use : stack.splice(-distance, 1)[0];
      stack.push(key as number);
      keys.push(key as number);
    }
    const { adaptive, batched, lru } = compare(keys);
    expect(lru).toBeGreaterThan(0.5);
    expect(adaptive).toBeGreaterThan(lru - 0.02);
    expect(batched).toBeGreaterThan(lru - 0.03);
  });

  it('follows when other keys become the hot ones, within a few times what memory holds', () => {
    for (const batch of [1, 20]) {
      const cache = new ReplayCache('adaptive', capacity, batch);
      cache.hitRate(zipf(400, 0.5, 50_000, 4));
      cache.hitRate(zipf(400, 0.5, 8 * capacity, 5).map((key) => key + 10_000));
      const later = zipf(400, 0.5, 8 * capacity, 6).map((key) => key + 10_000);
      expect(cache.hitRate(later)).toBeGreaterThan(0.85);
    }
  });
});

describe('the policy swappability', () => {
  it('is close to LRU', () => {
    const keys = zipf(20_000, 0.9, 100_000, 7);
    const swappability = new ReplayCache('swappability', capacity).hitRate(keys);
    const lru = new ReplayCache('lru', capacity).hitRate(keys);
    expect(Math.abs(swappability - lru)).toBeLessThan(0.02);
  });
});
