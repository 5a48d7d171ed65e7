import { describe, expect, it } from 'vitest';
import { FrequencySketch } from '../../dist/memory/frequency-sketch.js';
import { hashOf, seededRandom, zipf } from './policy-support.js';

describe('FrequencySketch', () => {
  it('never estimates below the true count before it ages, and counts to 15 at most', () => {
    const sketch = new FrequencySketch();
    sketch.period(1 << 22);
    const truth = new Map<number, number>();
    for (const key of zipf(5_000, 0.8, 60_000, 1)) {
      sketch.increment(hashOf(key));
      truth.set(key, (truth.get(key) ?? 0) + 1);
    }
    for (const [key, count] of truth) {
      const estimate = sketch.estimate(hashOf(key));
      expect(estimate).toBeGreaterThanOrEqual(Math.min(count, 15));
      expect(estimate).toBeLessThanOrEqual(15);
    }
  });

  it('seldom takes a key it has not seen for one it has, at the number of keys it is sized for', () => {
    const sketch = new FrequencySketch();
    sketch.period(1 << 22);
    for (let key = 0; key < 2_000; key++) sketch.increment(hashOf(key));
    let wrong = 0;
    for (let key = 10_000; key < 20_000; key++) if (sketch.estimate(hashOf(key)) > 0) wrong++;
    expect(wrong).toBeLessThan(100);
  });

  it('halves every count once ten uses for each entry have been counted', () => {
    const sketch = new FrequencySketch();
    sketch.period(100);
    for (let key = 0; key < 100; key++) {
      const uses = 1 + (key % 9);
      for (let use = 0; use < uses; use++) sketch.increment(hashOf(key));
    }
    const before = Array.from({ length: 100 }, (_, key) => sketch.estimate(hashOf(key)));
    expect(before).toEqual(before.map((_, key) => 1 + (key % 9)));
    // 496 uses so far; the thousandth ages.
    for (let use = 496; use < 1_000; use++) sketch.increment(hashOf(10_000 + use));
    for (let key = 0; key < 100; key++) {
      expect(sketch.estimate(hashOf(key))).toBe((before[key] as number) >> 1);
    }
  });

  it('has forgotten what was not looked at for four halvings', () => {
    const sketch = new FrequencySketch();
    sketch.period(100);
    // The low byte of a hash chooses the block, and the others leave block 0 alone.
    const alone = hashOf(1) & ~0xff;
    for (let use = 0; use < 15; use++) sketch.increment(alone);
    for (let use = 15; use < 4_000; use++) sketch.increment((hashOf(use) & ~0xff) | (1 + (use % 255)));
    expect(sketch.estimate(alone)).toBe(0);
  });

  it('keeps all estimates as it grows, below 8 bytes an entry', () => {
    const sketch = new FrequencySketch();
    sketch.period(1 << 22);
    const random = seededRandom(2);
    const keys = Array.from({ length: 3_000 }, () => random() % 100_000);
    for (const key of keys) sketch.increment(hashOf(key));
    const before = keys.map((key) => sketch.estimate(hashOf(key)));
    const least = sketch.bytes;
    for (let count = 1; count <= 50_000; count++) sketch.grow(count);
    expect(keys.map((key) => sketch.estimate(hashOf(key)))).toEqual(before);
    expect(sketch.bytes).toBeGreaterThan(50_000 * 7);
    expect(sketch.bytes).toBeLessThan(50_000 * 8 + least);
  });

  it('tells more keys apart once it has grown', () => {
    const wrong = (entryCount: number): number => {
      const sketch = new FrequencySketch();
      sketch.period(1 << 22);
      for (let count = 1; count <= entryCount; count++) sketch.grow(count);
      for (let key = 0; key < 60_000; key++) sketch.increment(hashOf(key));
      let seen = 0;
      for (let key = 100_000; key < 110_000; key++) if (sketch.estimate(hashOf(key)) > 0) seen++;
      return seen;
    };
    expect(wrong(60_000)).toBeLessThan(wrong(1) / 4);
  });

  it('remembers nothing after it is cleared', () => {
    const sketch = new FrequencySketch();
    for (let count = 1; count <= 10_000; count++) sketch.grow(count);
    for (let key = 0; key < 1_000; key++) sketch.increment(hashOf(key));
    sketch.clear();
    for (let key = 0; key < 1_000; key++) expect(sketch.estimate(hashOf(key))).toBe(0);
    expect(sketch.bytes).toBe(new FrequencySketch().bytes);
  });
});
