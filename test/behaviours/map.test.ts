/** What a store shares with a Map, whether values stay, move or never are resident. */
import { expect, it } from 'vitest';
import { describeEachConfiguration } from '../support/matrix.js';
import { keysOf, openStore } from '../support/store.js';
import { sampleCount, sampleKey, sampleValue } from '../support/values.js';

describeEachConfiguration('a store is a map', (options) => {
  const openFilled = () => {
    const store = openStore(options);
    for (let index = 0; index < sampleCount; index++) store.set(sampleKey(index), sampleValue(index));
    return store;
  };

  it('begins empty', () => {
    const store = openStore(options);
    expect(store.size).toBe(0);
    expect([...store]).toEqual([]);
    expect(store.get('a')).toBeUndefined();
    expect(store.peek('a')).toBeUndefined();
    expect(store.has('a')).toBe(false);
    expect(store.delete('a')).toBe(false);
    expect(store.state('a')).toBeUndefined();
    expect(store.pointer('a')).toBeUndefined();
  });

  it('gives back what was set, in any order of asking', () => {
    const store = openFilled();
    expect(store.size).toBe(sampleCount);
    for (let step = 0; step < sampleCount; step++) {
      const index = (step * 67) % sampleCount;
      expect(store.get(sampleKey(index)), sampleKey(index)).toEqual(sampleValue(index));
    }
    for (let index = sampleCount - 1; index >= 0; index--) {
      expect(store.peek(sampleKey(index))).toEqual(sampleValue(index));
    }
  });

  it('gives back the latest value of a key set many times', () => {
    const store = openStore(options);
    for (let round = 0; round < 8; round++) {
      for (let index = 0; index < 40; index++) store.set(sampleKey(index), sampleValue(index + round));
      for (let index = 0; index < 40; index += 3) {
        expect(store.get(sampleKey(index))).toEqual(sampleValue(index + round));
      }
    }
    expect(store.size).toBe(40);
  });

  it('chains set', () => {
    const store = openStore(options);
    expect(store.set('a', 1).set('b', 2)).toBe(store);
    expect(store.get('b')).toBe(2);
  });

  it('tells a stored undefined from an absent key', () => {
    const store = openStore(options);
    store.set('a', undefined);
    expect(store.has('a')).toBe(true);
    expect(store.size).toBe(1);
    expect(store.get('a')).toBeUndefined();
    expect([...store]).toEqual([['a', undefined]]);
    expect(store.delete('a')).toBe(true);
    expect(store.has('a')).toBe(false);
  });

  it('deletes once', () => {
    const store = openFilled();
    for (let index = 0; index < sampleCount; index += 2) {
      expect(store.delete(sampleKey(index))).toBe(true);
      expect(store.delete(sampleKey(index))).toBe(false);
    }
    expect(store.size).toBe(sampleCount / 2);
    for (let index = 0; index < sampleCount; index++) {
      expect(store.has(sampleKey(index))).toBe(index % 2 === 1);
      expect(store.get(sampleKey(index))).toEqual(index % 2 === 1 ? sampleValue(index) : undefined);
    }
  });

  it('frees every page of what is deleted', async () => {
    const store = openFilled();
    await store.drain();
    for (let index = 0; index < sampleCount; index++) store.delete(sampleKey(index));
    await store.drain();
    const stats = store.stats();
    expect(stats.entries).toBe(0);
    expect(stats.usedPages).toBe(0);
    expect(stats.residentBytes).toBe(0);
    expect(stats.swappedObjects).toBe(0);
  });

  it('is empty after clear, and usable', async () => {
    const store = openFilled();
    store.clear();
    expect(store.size).toBe(0);
    expect(store.get(sampleKey(1))).toBeUndefined();
    expect([...store.keys()]).toEqual([]);
    store.set('a', 1);
    expect([...store]).toEqual([['a', 1]]);
    await store.drain();
    store.clear();
    store.clear();
    expect(store.stats().usedPages).toBe(0);
  });

  it('keeps keys apart that look alike', () => {
    const store = openStore(options);
    const keys = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      ' ',
      '\0',
      '\0\0',
      'é',
      'e\u0301',
      '\ud800',
      '\udc00',
      '\ufffd',
      '😀',
      'K',
      '\u212a',
      'a'.repeat(65_535),
      'a'.repeat(65_534),
      `${'a'.repeat(65_534)}b`,
    ];
    for (const [index, key] of keys.entries()) store.set(key, index);
    for (const key of keys) store.swapOutSync(key);
    expect(store.size).toBe(keys.length);
    for (const [index, key] of keys.entries()) expect(store.get(key)).toBe(index);
    expect([...store.keys()].sort()).toEqual([...keys].sort());
  });

  it('answers a batch in the order of its keys, repeated and missing ones included', () => {
    const store = openFilled();
    const indexes = [5, 88, 0, 5, 77, 999, 77, 3];
    const expected = indexes.map((index) => (index < sampleCount ? sampleValue(index) : undefined));
    expect(store.getMany(indexes.map(sampleKey))).toEqual(expected);
    expect(store.getMany([])).toEqual([]);
    function* keys() {
      for (const index of indexes) yield sampleKey(index);
    }
    expect(store.getMany(keys())).toEqual(expected);
  });

  it('answers a batch of all its keys while it reads them from the store itself', () => {
    const store = openFilled();
    expect(store.getMany(store.keys())).toHaveLength(sampleCount);
  });

  it('answers awaiting batches alike', async () => {
    const store = openFilled();
    const indexes = [89, 0, 0, 500, 31];
    expect(await store.loadMany(indexes.map(sampleKey))).toEqual(
      indexes.map((index) => (index < sampleCount ? sampleValue(index) : undefined)),
    );
    expect(await store.loadMany([])).toEqual([]);
    expect(await store.load(sampleKey(2))).toEqual(sampleValue(2));
    expect(await store.load('absent')).toBeUndefined();
  });

  it('previews without any effect', () => {
    const store = openFilled();
    const swapIns = keysOf(store, 'swapin');
    const swapped = [...store.keys()].find((key) => store.state(key) === 'swapped');
    if (swapped !== undefined) {
      const before = store.pointer(swapped);
      const index = Number(swapped.slice('key:'.length));
      expect(store.peek(swapped)).toEqual(sampleValue(index));
      expect(store.state(swapped)).toBe('swapped');
      expect(store.pointer(swapped)).toEqual(before);
    }
    expect(swapIns).toEqual([]);
  });

  it('keeps no reference between two values that share a part', () => {
    const store = openStore(options);
    const shared = { list: [1, 2, 3] };
    store.set('a', { shared });
    store.set('b', { shared });
    store.swapOutSync('a');
    store.swapOutSync('b');
    (store.get('a') as { shared: { list: number[] } }).shared.list.push(4);
    expect(store.get('b')).toEqual({ shared: { list: [1, 2, 3] } });
  });

  it('gives every caller of a swapped value a copy of its own', () => {
    const store = openStore(options);
    store.set('a', { list: [1] });
    store.swapOutSync('a');
    const first = store.peek('a') as { list: number[] };
    first.list.push(2);
    expect(store.peek('a')).toEqual({ list: [1] });
  });
});
