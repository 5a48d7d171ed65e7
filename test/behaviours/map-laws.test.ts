/**
 * The laws of Map, one by one, tried on a Map and on a store: which hold, and which deliberately do not. Each law is a
 * function of something Map-like that says what it saw.
 */
import { describe, expect, it } from 'vitest';
import { describeEachConfiguration } from '../support/matrix.js';
import { openStore } from '../support/store.js';

interface MapLike extends Iterable<[string, unknown]> {
  readonly size: number;
  get(key: string): unknown;
  set(key: string, value: unknown): this;
  has(key: string): boolean;
  delete(key: string): boolean;
  clear(): void;
  keys(): IterableIterator<string>;
  values(): IterableIterator<unknown>;
  entries(): IterableIterator<[string, unknown]>;
  forEach(fn: (value: unknown, key: string, map: unknown) => void, thisArg?: unknown): void;
}

/** As the proposal has them (they are in Node 26). */
interface Upsert {
  getOrInsert(key: string, value: unknown): unknown;
  getOrInsertComputed(key: string, compute: (key: string) => unknown): unknown;
}

class MapWithUpsert extends Map<string, unknown> implements Upsert {
  getOrInsert(key: string, value: unknown): unknown {
    if (!this.has(key)) this.set(key, value);
    return this.get(key);
  }

  getOrInsertComputed(key: string, compute: (key: string) => unknown): unknown {
    if (this.has(key)) return this.get(key);
    const value = compute(key);
    this.set(key, value);
    return value;
  }
}

const sorted = (values: Iterable<unknown>): unknown[] =>
  [...values].map((value) => JSON.stringify(value)).sort();

const laws: Record<string, (map: MapLike & Upsert) => unknown> = {
  'get of what was set is that': (map) => [map.set('a', 1).get('a'), map.set('a', 2).get('a')],
  'get, has and delete of what is not there': (map) => [map.get('a'), map.has('a'), map.delete('a')],
  'set returns the map': (map) => map.set('a', 1) === map,
  'size counts keys, not sets': (map) => [map.size, map.set('a', 1).set('a', 2).set('b', 3).size],
  'delete says whether it was there, once': (map) => {
    map.set('a', 1);
    return [map.delete('a'), map.delete('a'), map.has('a'), map.get('a'), map.size];
  },
  'undefined is a value': (map) => {
    map.set('a', undefined);
    return [map.has('a'), map.get('a'), map.size, [...map]];
  },
  'null, NaN, -0, 0n and the empty string come back what they were': (map) => {
    const values = [null, Number.NaN, -0, 0n, '', false];
    for (const [index, value] of values.entries()) map.set(`${index}`, value);
    return values.every((value, index) => Object.is(map.get(`${index}`), value));
  },
  'clear leaves nothing, and the map in use': (map) => {
    map.set('a', 1).set('b', 2).clear();
    return [map.size, map.has('a'), [...map], map.set('a', 3).get('a')];
  },
  'keys are told apart by every code unit': (map) => {
    for (const key of ['é', 'e\u0301', '\ud800', '\udc00', 'a\0', 'a', '__proto__', 'constructor'])
      map.set(key, key);
    return [map.size, sorted(map.keys()), map.get('__proto__'), map.get('toString')];
  },
  'keys, values, entries and the map itself walk over the same': (map) => {
    for (let index = 0; index < 9; index++) map.set(`k${index}`, index);
    return [sorted(map.keys()), sorted(map.values()), sorted(map.entries()), sorted(map)];
  },
  'forEach gives value, key, map and thisArg': (map) => {
    const seen: unknown[] = [];
    map.set('a', 1).forEach(function (this: unknown, value: unknown, key: string, given: unknown) {
      seen.push(value, key, given === map, this === seen);
    }, seen);
    return seen;
  },
  'an iterator is its own iterable, and stays at its end': (map) => {
    const iterator = map.set('a', 1).keys();
    const same = iterator[Symbol.iterator]() === iterator;
    return [same, iterator.next(), iterator.next(), map.set('b', 2).size, iterator.next()];
  },
  'what is deleted before its turn is not walked over': (map) => {
    for (let index = 0; index < 9; index++) map.set(`k${index}`, index);
    const seen = new Set<string>();
    for (const key of map.keys()) {
      seen.add(key);
      for (let index = 0; index < 9; index++) if (!seen.has(`k${index}`)) map.delete(`k${index}`);
    }
    return [seen.size, map.size];
  },
  'what is overwritten meanwhile is walked over once': (map) => {
    for (let index = 0; index < 9; index++) map.set(`k${index}`, index);
    let count = 0;
    for (const key of map.keys()) {
      map.set(key, `new ${count}`);
      count++;
    }
    return [count, map.size];
  },
  'a walk meets what is added after a clear in the middle of it': (map) => {
    map.set('a', 1).set('b', 2);
    const seen: string[] = [];
    for (const key of map.keys()) {
      seen.push(key.length > 1 ? key : 'old');
      if (seen.length > 1) continue;
      map.clear();
      map.set('new', 3);
    }
    return seen;
  },
  'a throwing forEach is the caller’s to catch': (map) => {
    map.set('a', 1);
    try {
      map.forEach(() => {
        throw new Error('mine');
      });
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  },
  'getOrInsert returns what is there, or inserts': (map) => [
    map.getOrInsert('a', 1),
    map.getOrInsert('a', 2),
    map.set('u', undefined).size,
    map.getOrInsert('u', 3),
    sorted(map),
  ],
  'getOrInsertComputed computes only where there is nothing': (map) => {
    const keys: string[] = [];
    const compute = (key: string) => keys.push(key);
    map.set('u', undefined);
    return [
      map.getOrInsertComputed('a', compute),
      map.getOrInsertComputed('a', compute),
      map.getOrInsertComputed('u', compute),
      keys,
    ];
  },
  'what the function of getOrInsertComputed sets itself is overwritten by what it returns': (map) => {
    const value = map.getOrInsertComputed('a', (key) => {
      map.set(key, 'inner');
      return 'outer';
    });
    return [value, map.get('a'), map.size];
  },
  'a function that throws inserts nothing': (map) => {
    try {
      map.getOrInsertComputed('a', () => {
        throw new Error('mine');
      });
    } catch (error) {
      return [(error as Error).message, map.has('a')];
    }
    return undefined;
  },
};

/** What a Map does and a store does not, and what it does in its place. */
const broken: Record<string, { law: (map: MapLike & Upsert) => unknown; map: unknown; store: unknown }> = {
  'the order of keys is that of insertion: a store has none': {
    law: (map) => {
      const keys = Array.from({ length: 40 }, (_, index) => `${'k'.repeat(index % 5)}${index}`);
      for (const key of keys) map.set(key, 1);
      for (const key of keys.slice(0, 20)) map.delete(key);
      for (const key of keys.slice(0, 20).reverse()) map.set(key, 1);
      const expected = [...keys.slice(20), ...keys.slice(0, 20).reverse()];
      return [...map.keys()].every((key, index) => key === expected[index]);
    },
    map: true,
    store: false,
  },
  'any value is a key: a store takes non-empty strings': {
    law: (map) =>
      [1, null, undefined, Number.NaN, '', {}].map((key) => {
        try {
          map.set(key as string, 1);
          return true;
        } catch (error) {
          return (error as { code?: string }).code;
        }
      }),
    map: [true, true, true, true, true, true],
    store: Array(6).fill('ERR_SWAP_KEY'),
  },
};

describeEachConfiguration('a law of Map that holds', (options) => {
  for (const [title, law] of Object.entries(laws)) {
    it(title, () => {
      const expected = law(new MapWithUpsert());
      expect(law(openStore(options))).toEqual(expected);
      const store = openStore(options);
      store.set('other', 1);
      expect(law(store.namespace('a')), 'of a namespace').toEqual(expected);
    });
  }
});

describeEachConfiguration('a law of Map that does not hold', (options) => {
  for (const [title, { law, map, store }] of Object.entries(broken)) {
    it(title, () => {
      expect(law(new MapWithUpsert())).toEqual(map);
      expect(law(openStore(options))).toEqual(store);
    });
  }

  it('a value is the one that was set: after a swap it is an equal copy', () => {
    const value = { n: 1 };
    const store = openStore(options);
    store.set('a', value);
    store.swapOutSync('a');
    expect(store.get('a')).toEqual(value);
    expect(store.get('a')).not.toBe(value);
  });

  it('a change in place is kept: after the next call it need not be', () => {
    const value = { n: 1 };
    const store = openStore({ ...options, immutable: true });
    store.set('a', value).swapOutSync('a');
    value.n = 2;
    expect(store.get('a')).toEqual({ n: 1 });
  });

  it('any value can be stored: what cannot be cloned is refused or stays in memory', () => {
    const store = openStore(options);
    const value = () => 1;
    if (options.maxMemory === 0) expect(() => store.set('f', value)).toThrow(/cannot be encoded/);
    else expect(store.set('f', value).get('f')).toBe(value);
  });
});

describe('a store', () => {
  it('is no instance of Map, and says what it is', () => {
    const store = openStore();
    expect(store).not.toBeInstanceOf(Map);
    expect(store.constructor.name).toBe('SwapStore');
  });
});
