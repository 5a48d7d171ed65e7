/** Every key present for the whole iteration is visited once, whatever moves meanwhile. */
import { expect, it } from 'vitest';
import { describeEachConfiguration } from '../support/matrix.js';
import { openStore, type SwapStore } from '../support/store.js';
import { sampleCount, sampleKey, sampleValue } from '../support/values.js';

const allKeys = Array.from({ length: sampleCount }, (_, index) => sampleKey(index));
const sorted = (keys: Iterable<string>) => [...keys].sort();

describeEachConfiguration('iteration', (options) => {
  const openFilled = () => {
    const store = openStore(options);
    for (let index = 0; index < sampleCount; index++) store.set(sampleKey(index), sampleValue(index));
    return store;
  };
  const expectAllValues = (pairs: Array<[string, unknown]>) => {
    expect(sorted(pairs.map(([key]) => key))).toEqual(sorted(allKeys));
    for (const [key, value] of pairs) expect(value).toEqual(sampleValue(Number(key.slice(4))));
  };

  it('visits each key once', () => {
    const store = openFilled();
    expect(sorted(store.keys())).toEqual(sorted(allKeys));
    expectAllValues([...store]);
    expectAllValues([...store.entries()]);
    expect([...store.values()]).toHaveLength(sampleCount);
  });

  it('gives values in the order in which it gives keys', () => {
    const store = openFilled();
    const values = [...store.values()];
    for (const [at, key] of [...store.keys()].entries()) {
      expect(values[at]).toEqual(sampleValue(Number(key.slice(4))));
    }
  });

  it('calls forEach with value, key, store and the given this', () => {
    const store = openFilled();
    const self = {};
    const seen: Array<[string, unknown]> = [];
    const result: unknown = store.forEach(function (this: unknown, value, key, owner: SwapStore) {
      expect(this).toBe(self);
      expect(owner).toBe(store);
      seen.push([key, value]);
    }, self);
    expect(result).toBeUndefined();
    expectAllValues(seen);
  });

  it('does not promote what it previews', () => {
    const store = openFilled();
    const statesBefore = allKeys.map((key) => store.state(key) === 'swapped');
    const swappedBefore = statesBefore.filter(Boolean).length;
    for (const entry of store) expect(entry).toHaveLength(2);
    const swappedAfter = allKeys.filter((key) => store.state(key) === 'swapped').length;
    expect(swappedAfter).toBeGreaterThanOrEqual(swappedBefore);
  });

  it('visits each key once while values swap in and out', () => {
    const store = openFilled();
    const seen: string[] = [];
    let step = 0;
    for (const key of store.keys()) {
      seen.push(key);
      step += 7;
      store.get(sampleKey(step % sampleCount));
      store.swapOutSync(sampleKey((step * 3) % sampleCount));
      store.pin(sampleKey((step * 5) % sampleCount));
      store.unpin(sampleKey((step * 5) % sampleCount));
    }
    expect(sorted(seen)).toEqual(sorted(allKeys));
  });

  it('visits each key once while the event loop turns', async () => {
    const store = openFilled();
    const seen: string[] = [];
    for (const [key, value] of store) {
      seen.push(key);
      expect(value).toEqual(sampleValue(Number(key.slice(4))));
      if (seen.length % 10 === 0) await store.loadMany(allKeys.slice(seen.length - 10, seen.length));
      if (seen.length % 25 === 0) await store.drain();
    }
    expect(sorted(seen)).toEqual(sorted(allKeys));
  });

  it('does not visit what is deleted ahead of it', () => {
    const store = openFilled();
    const seen: string[] = [];
    const deleted: string[] = [];
    for (const key of store.keys()) {
      seen.push(key);
      const victim = allKeys.find((other) => !seen.includes(other) && store.has(other));
      if (victim === undefined) continue;
      store.delete(victim);
      deleted.push(victim);
    }
    expect(sorted([...seen, ...deleted])).toEqual(sorted(allKeys));
  });

  it('may delete the key it stands on', () => {
    const store = openFilled();
    let visits = 0;
    for (const key of store.keys()) {
      store.delete(key);
      visits++;
    }
    expect(visits).toBe(sampleCount);
    expect(store.size).toBe(0);
  });

  it('visits no key twice when keys are overwritten, or come anew, under it', () => {
    const store = openFilled();
    const seen: string[] = [];
    let added = 0;
    for (const key of store.keys()) {
      seen.push(key);
      store.set(key, 'overwritten');
      if (added < 50) store.set(`new:${added++}`, added);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((key) => key.startsWith('key:')).sort()).toEqual(sorted(allKeys));
    for (const key of allKeys) expect(store.get(key)).toBe('overwritten');
  });

  it('visits what stays present while others come and go, though the index grows', () => {
    const store = openFilled();
    const seen: string[] = [];
    let round = 0;
    for (const key of store.keys()) {
      seen.push(key);
      if (!key.startsWith('key:') || round >= sampleCount) continue;
      for (let added = 0; added < 20; added++) store.set(`passing:${round}:${added}`, added);
      for (let added = 0; added < 19; added++) store.delete(`passing:${round}:${added}`);
      round++;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((key) => key.startsWith('key:')).sort()).toEqual(sorted(allKeys));
  });

  it('ends early after clear, without an error', () => {
    const store = openFilled();
    let visits = 0;
    for (const [key] of store) {
      expect(key).toMatch(/^key:/);
      if (++visits === 3) store.clear();
    }
    expect(visits).toBe(3);
  });

  it('visits what is set after a clear, where the bytes of keys may look like anything', () => {
    const store = openFilled();
    const keys = store.keys();
    for (let visits = 0; visits < sampleCount / 2; visits++) keys.next();
    store.clear();
    const added = Array.from(
      { length: sampleCount },
      (_, index) => '\x01\0\x01\0\x05\0\x01\0'.repeat(3) + index,
    );
    for (const key of added) store.set(key, 'after');
    expect(sorted(keys)).toEqual(sorted(added));
  });

  it('visits every key although each is deleted and set again under it', () => {
    const store = openFilled();
    const seen: string[] = [];
    for (const key of store.keys()) {
      seen.push(key);
      if (seen.length > 3 * sampleCount) break;
      store.delete(key);
      store.set(key, 'again');
    }
    expect(store.size).toBe(sampleCount);
    expect(sorted(new Set(seen))).toEqual(sorted(allKeys));
  });

  it('hands out iterators that iterate themselves and stay at their end', () => {
    const store = openStore(options);
    store.set('a', 1);
    for (const iterator of [store.keys(), store.values(), store.entries(), store[Symbol.iterator]()]) {
      expect(iterator[Symbol.iterator]()).toBe(iterator);
      expect(iterator.next().done).toBe(false);
      expect(iterator.next()).toEqual({ done: true, value: undefined });
      store.set('b', 2);
      store.delete('b');
      expect(iterator.next()).toEqual({ done: true, value: undefined });
    }
  });

  it('runs several iterations at once', () => {
    const store = openFilled();
    let pairs = 0;
    const few = [...store.keys()].slice(0, 5);
    for (const outer of few) {
      const seen: string[] = [];
      for (const inner of store.keys()) {
        seen.push(inner);
        if (outer === inner) pairs++;
      }
      expect(seen).toHaveLength(sampleCount);
    }
    expect(pairs).toBe(few.length);
  });
});
