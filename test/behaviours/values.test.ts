/** What a value is after it was swapped out and in again. */
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf, mebi, openStore, type SwapStore } from '../support/store.js';

function throughTheFile(store: SwapStore, value: unknown): unknown {
  store.set('key', value);
  expect(store.swapOutSync('key')).toBe(true);
  expect(store.state('key')).toBe('swapped');
  return store.get('key');
}

const circular: Record<string, unknown> = { name: 'circle' };
circular.self = circular;
circular.list = [circular];
const shared = { n: 1 };

const values: Record<string, unknown> = {
  undefined,
  null: null,
  booleans: [true, false],
  numbers: [
    0,
    -0,
    1,
    -1,
    127,
    128,
    -129,
    2 ** 31,
    -(2 ** 31) - 1,
    0.1,
    Number.NaN,
    Infinity,
    -Infinity,
    Number.MIN_VALUE,
  ],
  bigints: [0n, -1n, 2n ** 64n, -(2n ** 200n)],
  strings: ['', 'ascii', 'é', '漢字', '\ud800', 'a\udfff', '😀', 'x'.repeat(5000), `${'é'.repeat(5000)}漢`],
  dates: [new Date(0), new Date(8.64e15)],
  'regular expressions': [/a\/b/giu, /(?<x>y)/s],
  boxed: [Object(-0), Object('s'), Object(true), Object(5n)],
  buffers: [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(10_000, 7)],
  views: [
    new Uint8Array([1, 2]),
    new Int16Array([-1]),
    new Float64Array([-0, Number.NaN]),
    new BigInt64Array([-1n]),
    new DataView(new ArrayBuffer(3)),
  ],
  'array buffers': [new ArrayBuffer(5), new Uint8Array([1, 2, 3]).buffer],
  maps: new Map<unknown, unknown>([
    [1, new Map([[{ k: 1 }, 'v']])],
    ['a', null],
  ]),
  sets: new Set([1, 'a', new Set([2])]),
  holes: [new Array(3), Object.assign(new Array(5), { 1: 'b', 3: 'd' })],
  'arrays with properties': Object.assign([1, 2], { extra: 'x' }),
  'keys like __proto__': JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
  'integer keys': { 2: 'b', 1: 'a', z: 0, '-1': 1 },
  errors: [
    new Error('plain'),
    new RangeError('range', { cause: new TypeError('deep', { cause: { n: 1 } }) }),
  ],
  records: Array.from({ length: 40 }, (_, index) => ({
    id: index,
    name: `n${index}`,
    nested: { deep: [index] },
  })),
};

/** What `act` throws where there is next to nothing left of the stack, and then a little more each time, until it throws nothing. */
function failuresAtTheEndOfTheStack(act: () => unknown): unknown[] {
  const failures: unknown[] = [];
  let isDone = false;
  const deep = (): void => {
    try {
      deep();
    } catch {
      // Here is the end.
    }
    if (isDone) return;
    try {
      act();
      isDone = true;
    } catch (error) {
      failures.push(error);
    }
  };
  deep();
  return failures;
}

// Before others, as compiled code needs so little of the stack that it is nearly never at its end in the codec.
describe('a value that is read', () => {
  it('where the stack is at its end is not taken for one that is damaged', () => {
    const store = openStore({ threads: 0, whenCorrupt: 'miss' });
    // Most of the stack that a read takes is for what lies in one another.
    let value: unknown = 'x';
    for (let depth = 0; depth < 80; depth++) value = depth % 2 === 0 ? { value } : [value];
    store.set('a', value).swapOutSync('a');
    let read: unknown;
    // To make an error takes more of the stack than to read, where somebody wants to know where it was made.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const failures = failuresAtTheEndOfTheStack(() => {
      read = store.peek('a');
    });
    Error.stackTraceLimit = stackTraceLimit;
    expect(failures.length).toBeGreaterThan(1);
    // Some end in the call on the file.
    for (const failure of failures as Error[]) expect(failure.cause ?? failure).toBeInstanceOf(RangeError);
    expect(failures.filter((failure) => codeOf(failure) === 'ERR_SWAP_CORRUPT')).toEqual([]);
    expect(read).toEqual(value);
    expect(store.stats().corruptRecords).toBe(0);
  });
});

describe('a value that was swapped', () => {
  const store = () => openStore({ threads: 0 });

  for (const [name, value] of Object.entries(values)) {
    it(`behaviour 8: comes back as it was: ${name}`, () => {
      const back = throughTheFile(store(), value);
      expect(isDeepStrictEqual(back, value)).toBe(true);
      expect(({} as { polluted?: boolean }).polluted).toBe(undefined);
    });
  }

  it('keeps circles and what is shared', () => {
    const back = throughTheFile(store(), circular) as typeof circular;
    expect(back.self).toBe(back);
    expect((back.list as unknown[])[0]).toBe(back);
    const pair = throughTheFile(store(), [shared, shared]) as unknown[];
    expect(pair[0]).toBe(pair[1]);
  });

  it('may be nested as deeply as memory allows', () => {
    let deep: unknown[] = [];
    for (let level = 0; level < 50_000; level++) deep = [deep];
    let back = throughTheFile(store(), deep) as unknown[];
    let levels = 0;
    for (; back.length > 0; levels++) back = back[0] as unknown[];
    expect(levels).toBe(50_000);
  });

  it('may be 100 MB, a Buffer or a string, both ways of waiting', async () => {
    const large = openStore({ maxMemory: 512 * mebi, maxSwap: 1024 * mebi, threads: 1 });
    const buffer = Buffer.alloc(100e6, 'swap');
    large.set('buffer', buffer).set('string', 'x'.repeat(100e6));
    expect(await large.swapOut('buffer')).toBe(true);
    expect(large.swapOutSync('string')).toBe(true);
    expect((large.peek('buffer') as Buffer).equals(buffer)).toBe(true);
    const loaded = (await large.load('buffer')) as Buffer;
    expect(Buffer.isBuffer(loaded) && loaded.equals(buffer)).toBe(true);
    expect(((await large.load('string')) as string).length).toBe(100e6);
  });

  it('is what structuredClone would make of it, whatever it is', () => {
    const swapped = store();
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const clone: unknown = deserialize(serialize(value));
        // V8 itself does not bring back some of them: an invalid Date is unequal to every other.
        fc.pre(isDeepStrictEqual(clone, deserialize(serialize(value))));
        return isDeepStrictEqual(throughTheFile(swapped, value), clone);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a value that is set', () => {
  it('where the stack is at its end is refused, and nothing that comes after it', () => {
    const store = openStore({ threads: 0 });
    const value = { a: { b: { c: [1, 2, { d: 1 }] } } };
    const failures = failuresAtTheEndOfTheStack(() => store.set('a', value));
    expect(failures.length).toBeGreaterThan(1);
    for (const failure of failures) expect(failure).toBeInstanceOf(RangeError);
    expect(store.get('a')).toBe(value);
    expect(store.set('b', value).swapOutSync('b')).toBe(true);
  });
});

describe('a value that cannot be cloned', () => {
  it.each([
    ['a function', () => 1],
    ['a record with one', { f() {} }],
    ['a symbol', Symbol('s')],
    ['a WeakMap', new WeakMap()],
    ['a promise', { p: Promise.resolve() }],
    [
      'a throwing getter',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      }),
    ],
  ])('stays in memory, is counted and reported once: %s', (_name, value) => {
    const store = openStore({ threads: 0 });
    const warnings: string[] = [];
    store.on('warning', (error) => warnings.push(error.code));
    store.set('a', value);
    const { residentBytes } = store.stats();
    expect(residentBytes).toBeGreaterThan(0);
    expect(store.swapOutSync('a')).toBe(false);
    expect(store.swapOutSync('a')).toBe(false);
    expect(store.get('a')).toBe(value);
    expect(store.stats()).toMatchObject({ unserializable: 1, residentBytes });
    expect(warnings).toEqual(['ERR_SWAP_UNSERIALIZABLE']);
    store.set('a', 1);
    expect(store.swapOutSync('a')).toBe(true);
  });

  it('is refused where memory cannot hold it, and the old value stays', () => {
    const store = openStore({ threads: 0, maxMemory: 0 });
    store.set('a', 'old');
    expect(() => store.set('a', () => 1)).toThrow(
      expect.objectContaining({ code: 'ERR_SWAP_UNSERIALIZABLE' }),
    );
    expect(store.get('a')).toBe('old');
  });

  it('is refused when it takes more than 2 GiB', () => {
    const store = openStore({ threads: 0 });
    expect(() => store.set('a', new Uint8Array(2 ** 31))).toThrow(
      expect.objectContaining({ code: 'ERR_SWAP_UNSERIALIZABLE', message: expect.stringContaining('2 GiB') }),
    );
    expect(store.has('a')).toBe(false);
  });
});

describe('an instance of a class', () => {
  it('comes back as a plain object, with one warning a class', () => {
    class Point {
      x = 1;
    }
    const store = openStore({ threads: 0 });
    const warnings: string[] = [];
    store.on('warning', (error) => warnings.push(error.message));
    expect(throughTheFile(store, new Point())).toEqual({ x: 1 });
    expect(throughTheFile(store, [new Point()])).toEqual([{ x: 1 }]);
    expect(warnings).toEqual([expect.stringContaining('Point')]);
  });
});

describe('a serializer of the user', () => {
  it('makes the bytes and the values', () => {
    const serializer = {
      name: 'json',
      serialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
      deserialize: (bytes: Uint8Array) => ({ parsed: JSON.parse(Buffer.from(bytes).toString()) }),
    };
    const store = openStore({ threads: 0, serializer });
    expect(throughTheFile(store, { a: 1 })).toEqual({ parsed: { a: 1 } });
  });

  it('that calls the store while it works is told so, and nothing is lost', () => {
    const store: SwapStore = openStore({
      threads: 0,
      serializer: {
        name: 'nosy',
        serialize: (value) => {
          store.set('other', 2);
          return Buffer.from(JSON.stringify(value));
        },
        deserialize: (bytes) => JSON.parse(Buffer.from(bytes).toString()),
      },
    });
    store.set('a', 1);
    expect(store.swapOutSync('a')).toBe(false);
    expect(store.get('a')).toBe(1);
    expect(store.has('other')).toBe(false);
  });
});
