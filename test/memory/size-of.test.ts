import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryOverheadBytes, keySize, sizeOf } from '../../dist/memory/size-of.js';

const list = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => make(index));

/** What a container and its elements cost, all of them looked at. */
function exactSum(elements: readonly unknown[], slotBytes: number): number {
  return elements.reduce<number>((sum, element) => sum + slotBytes + sizeOf(element), 0);
}

describe('the size of a primitive', () => {
  it('is what V8 takes for it', () => {
    expect(sizeOf(5)).toBe(8);
    expect(sizeOf(-(2 ** 31))).toBe(8);
    expect(sizeOf(2 ** 31)).toBe(16);
    expect(sizeOf(0.5)).toBe(16);
    expect(sizeOf(Number.NaN)).toBe(16);
    for (const value of [undefined, null, true, false, '', 'a']) expect(sizeOf(value)).toBe(8);
    expect(sizeOf(1n)).toBe(24);
    expect(sizeOf(-(2n ** 63n))).toBe(24);
    expect(sizeOf(2n ** 63n)).toBe(24);
    expect(sizeOf(2n ** 64n)).toBe(32);
    expect(sizeOf(-(2n ** 640n))).toBe(16 + 11 * 8);
  });

  it('grows with a string and never shrinks', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.string({ unit: 'binary' }),
        (text, more) => {
          expect(sizeOf(text + more)).toBeGreaterThanOrEqual(sizeOf(text));
          expect(sizeOf(text + more)).toBeLessThanOrEqual(sizeOf(text) + sizeOf(more) * 2 + text.length);
        },
      ),
    );
  });

  it('counts two bytes a character once one character needs them, wherever it is', () => {
    expect(sizeOf('x'.repeat(10_000))).toBe(10_016);
    expect(sizeOf('é'.repeat(10_000))).toBe(10_016);
    expect(sizeOf('ж'.repeat(10_000))).toBe(20_016);
    expect(sizeOf(`${'x'.repeat(9_998)}ж`)).toBe(20_016);
    expect(sizeOf(`ж${'x'.repeat(9_998)}`)).toBe(20_016);
    expect(sizeOf(`abcdefgж`)).toBe(32);
  });
});

describe('the size of a container', () => {
  it('is not lost in an empty one that it holds', () => {
    const text = 'v'.repeat(10_000);
    for (const empty of [[], {}, new Map(), new Set(), '', null, undefined])
      expect(sizeOf({ empty, text })).toBeGreaterThan(10_000);
    expect(sizeOf([[], text])).toBeGreaterThan(10_000);
  });

  it('counts each key once and each value once, unlike the seed (defect 8)', () => {
    const text = 'v'.repeat(1000);
    const key = 'k'.repeat(1000);
    const emptyMap = sizeOf(new Map());
    expect(sizeOf(new Map([['a', text]])) - emptyMap).toBeLessThanOrEqual(sizeOf(text) + sizeOf('a'));
    expect(sizeOf(new Map([['a', text]])) - emptyMap).toBeGreaterThanOrEqual(sizeOf(text));
    expect(sizeOf(new Map([[key, 1]])) - emptyMap).toBe(sizeOf(key));
    expect(sizeOf(new Map([[key, text]])) - emptyMap).toBe(sizeOf(key) + sizeOf(text));
    expect(sizeOf(new Set([text])) - sizeOf(new Set())).toBe(sizeOf(text));
    expect(sizeOf({ a: text }) - sizeOf({ a: 1 })).toBe(sizeOf(text));
    expect(sizeOf({ [key]: text }) - sizeOf({})).toBe(8 + sizeOf(key) + sizeOf(text));
  });

  it('takes the names of a record for shared, and those of a dictionary for half shared', () => {
    expect(sizeOf({ aVeryDescriptiveName: 1 })).toBe(sizeOf({ a: 1 }));
    const dictionary = (prefix: string) =>
      Object.fromEntries(list(3000, (index) => [`${prefix}${1000 + index}`, index]));
    expect(sizeOf(dictionary('k'.repeat(20))) - sizeOf(dictionary('kkkk'))).toBeGreaterThan(3000 * 7);
  });

  it('grows with every element of a small one', () => {
    for (const make of [
      (length: number) => list(length, String),
      (length: number) => new Set(list(length, String)),
      (length: number) => new Map(list(length, (index) => [index, String(index)])),
      (length: number) => Object.fromEntries(list(length, (index) => [`name${index}`, String(index)])),
      (length: number) => new Uint8Array(length * 100),
    ]) {
      for (let length = 1; length < 16; length++) {
        expect(sizeOf(make(length + 1))).toBeGreaterThanOrEqual(sizeOf(make(length)));
      }
      expect(sizeOf(make(16))).toBeGreaterThan(sizeOf(make(1)));
    }
  });

  it('does not box the numbers of an array of numbers, but those beside other things', () => {
    expect(sizeOf(list(10, (index) => index + 0.5))).toBe(sizeOf(list(10, (index) => index)));
    const mixed = sizeOf(['text', ...list(9, (index) => index + 0.5)]);
    expect(mixed - sizeOf(['text', ...list(9, (index) => index)])).toBe(9 * 16);
  });

  it('extrapolates a little more elements than it looks at', () => {
    for (const length of [17, 20, 31, 60, 129]) {
      const texts = list(length, (index) => String(index).padStart(1000, 'x'));
      const records = texts.map((text) => ({ text }));
      for (const elements of [texts, records] as unknown[][]) {
        for (const value of [elements, new Set(elements), new Map(elements.entries())]) {
          expect(sizeOf(value) / exactSum(elements, 8)).toBeGreaterThan(0.95);
          expect(sizeOf(value) / exactSum(elements, 8)).toBeLessThan(1.1);
        }
      }
    }
  });

  it('extrapolates 100,000 elements from few', () => {
    const record = (index: number) => ({
      id: index,
      name: `name ${index}`,
      price: index + 0.5,
      tags: ['a', `${index}`],
    });
    const texts = list(100_000, (index) => 'x'.repeat(1 + (index % 40)));
    const records = list(100_000, record);
    const alternating = list(100_000, (index) => (index % 2 === 0 ? 'x'.repeat(200) : index));
    for (const elements of [texts, records, alternating]) {
      const exact = exactSum(elements, 8);
      expect(sizeOf(elements) / exact).toBeGreaterThan(0.75);
      expect(sizeOf(elements) / exact).toBeLessThan(1.3);
      expect(sizeOf({ elements }) / exact).toBeGreaterThan(0.75);
    }
    expect(sizeOf(new Set(records)) / exactSum(records, 28)).toBeGreaterThan(0.75);
    expect(
      sizeOf(new Map(records.map((value) => [value.id, value]))) / exactSum(records, 40),
    ).toBeGreaterThan(0.75);
    const named = Object.fromEntries(list(100_000, (index) => [`name${index}`, record(index)]));
    expect(sizeOf(named) / exactSum(records, 60)).toBeGreaterThan(0.75);
    expect(sizeOf(named) / exactSum(records, 60)).toBeLessThan(1.3);
  });

  it('extrapolates through several levels', () => {
    const grid = list(40, () => list(40, () => list(40, (index) => ({ x: index, text: 'y'.repeat(50) }))));
    const exact = 40 * 40 * 40 * (8 + sizeOf(grid[0]![0]![0])) + 1641 * 32;
    expect(sizeOf(grid) / exact).toBeGreaterThan(0.75);
    expect(sizeOf(grid) / exact).toBeLessThan(1.3);
  });

  it('takes a sparse array, and an object of sparse ids, for the few elements that they have', () => {
    const sparse: number[] = [];
    sparse[4_000_000_000] = 1;
    expect(sizeOf(sparse)).toBeLessThan(1000);
    expect(sizeOf({ 4000000000: 1, 7: 2 })).toBeLessThan(1000);
    expect(sizeOf(Object.fromEntries(list(1000, (index) => [index, 1])))).toBeGreaterThan(8000);
    expect(sizeOf(new Array(2000).fill(undefined))).toBeGreaterThan(16_000);
  });

  it('counts a class instance by its own fields', () => {
    class Base {
      readonly text = 'x'.repeat(500);
      get doubled(): string {
        throw new Error('not asked for');
      }
    }
    expect(sizeOf(new Base())).toBe(sizeOf({ text: 'x'.repeat(500) }));
    expect(sizeOf(Object.create({ inherited: 'x'.repeat(500) }))).toBe(sizeOf({}));
  });

  it('counts the message and the cause of an error', () => {
    const text = 'x'.repeat(1000);
    expect(sizeOf(new Error(text)) - sizeOf(new Error(''))).toBe(sizeOf(text) - sizeOf(''));
    expect(sizeOf(new Error('', { cause: new Error(text) }))).toBeGreaterThan(sizeOf(text));
  });
});

describe('the size of binary data', () => {
  it('counts the buffer that a view keeps alive', () => {
    const buffer = new ArrayBuffer(50_000);
    for (const view of [
      new Uint8Array(buffer),
      new Float64Array(buffer, 80, 10),
      new DataView(buffer, 5, 1000),
      Buffer.from(buffer, 100, 200),
    ]) {
      expect(sizeOf(view)).toBeGreaterThan(50_000);
      expect(sizeOf(view)).toBeLessThan(50_500);
    }
    expect(sizeOf(buffer)).toBeLessThan(50_200);
  });

  it('counts the share of a Buffer in the pool', () => {
    const pooled = [Buffer.from('y'.repeat(100)), Buffer.allocUnsafe(100)];
    for (const buffer of pooled) {
      expect(buffer.buffer.byteLength).toBeGreaterThan(1000);
      expect(sizeOf(buffer)).toBeGreaterThanOrEqual(200);
      expect(sizeOf(buffer)).toBeLessThan(300);
    }
    expect(sizeOf(Buffer.alloc(Buffer.poolSize))).toBeGreaterThan(Buffer.poolSize);
  });
});

describe('a value that resists', () => {
  it('does not pass the error of an accessor on, and still counts the fields that are data', () => {
    const text = 'x'.repeat(1000);
    const value = {
      text,
      nested: { text },
      get broken(): never {
        throw new Error('broken');
      },
    };
    expect(sizeOf(value)).toBe(sizeOf({ text, nested: { text }, broken: undefined }));
    expect(sizeOf([value, value])).toBeGreaterThan(4000);
    const elements = Object.defineProperty([text], 1, {
      get() {
        throw new Error('broken');
      },
      enumerable: true,
    });
    expect(sizeOf(elements)).toBeGreaterThan(1000);
    const shadowed = Object.defineProperty(new Uint8Array(5), 'byteLength', {
      get() {
        throw new Error('broken');
      },
    });
    expect(sizeOf(shadowed)).toBeGreaterThanOrEqual(8);
    const negative = Object.defineProperty(new Uint8Array(500), 'byteLength', { value: -1e9 });
    expect(sizeOf(negative)).toBeGreaterThanOrEqual(8);
    expect(sizeOf([negative])).toBeGreaterThanOrEqual(8);
  });

  it('may be a Proxy, whatever its traps do', () => {
    const handlers: ProxyHandler<object>[] = [{}];
    const refuse = () => {
      throw new Error('trapped');
    };
    for (const trap of ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor'] as const) {
      handlers.push({ [trap]: refuse });
    }
    for (const answer of [
      -5,
      2 ** 53,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      'many',
      5n,
      Symbol('many'),
      {},
      null,
    ]) {
      handlers.push({ get: () => answer });
    }
    for (const prototype of [Map.prototype, Date.prototype, Uint8Array.prototype, null, Array.prototype]) {
      handlers.push({ getPrototypeOf: () => prototype });
    }
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const proxies = [{ a: 1 }, [1, 2], new Map([[1, 2]]), Buffer.alloc(9), new Date(), () => 1].flatMap(
      (target) => handlers.map((handler) => new Proxy<object>(target, handler)),
    );
    proxies.push(revoked.proxy);
    for (const proxy of proxies) {
      for (const value of [proxy, [proxy, 'beside'], { proxy }]) {
        expect(Number.isSafeInteger(sizeOf(value))).toBe(true);
        expect(sizeOf(value)).toBeGreaterThanOrEqual(8);
      }
    }
    class Late extends Map<number, string> {}
    expect(sizeOf(new Proxy({}, { getPrototypeOf: () => Late.prototype }))).toBeGreaterThanOrEqual(8);
    for (const map of [new Map([[1, 'x'.repeat(500)]]), new Late([[1, 'x'.repeat(500)]])]) {
      expect(sizeOf(map), 'a lie spoils no other estimate').toBeGreaterThan(500);
    }
  });

  it('may borrow the prototype of another type', () => {
    const text = 'x'.repeat(5000);
    for (const { prototype } of [Map, Set, Date, Buffer, RegExp, Error, Promise, String, DataView, Array]) {
      expect(sizeOf(Object.create(prototype))).toBeGreaterThanOrEqual(8);
    }
    expect(sizeOf(new Map([[1, text]]))).toBeGreaterThan(5000);
    expect(sizeOf(new String(text))).toBeGreaterThan(5000);
  });

  it('costs no more for a reference back to where it is referred to from', () => {
    const self: Record<string, unknown> = { text: 'x'.repeat(100) };
    const flat = sizeOf({ ...self, self: null });
    self.self = self;
    expect(sizeOf(self)).toBe(flat);
    const parent: { name: string; children: object[] } = { name: 'p'.repeat(50), children: [] };
    const alone = sizeOf({ name: parent.name, children: list(10, () => ({ parent: null })) });
    parent.children = list(10, () => ({ parent }));
    expect(sizeOf(parent)).toBe(alone);
  });

  it('may refer back by a long way round, at a bounded cost', () => {
    const first: Record<string, unknown> = {};
    let last = first;
    for (let index = 0; index < 50; index++) last = last.next = { index } as Record<string, unknown>;
    last.next = first;
    expect(sizeOf(first)).toBeLessThan(200 * 100);
  });

  it('may nest 100,000 levels deep', () => {
    let array: unknown[] = [];
    let record: Record<string, unknown> = {};
    let map = new Map<string, unknown>();
    for (let level = 0; level < 100_000; level++) {
      array = [array];
      record = { record };
      map = new Map([['map', map]]);
    }
    for (const value of [array, record, map]) {
      expect(sizeOf(value)).toBeGreaterThan(1000);
      expect(sizeOf(value)).toBeLessThan(1e6);
    }
  });

  it('may set other values from its accessors', () => {
    let inner = 0;
    const value = {
      before: ['x'.repeat(100)],
      get reentrant() {
        inner = sizeOf({ nested: { text: 'y'.repeat(3000) } });
        return 1;
      },
      after: ['x'.repeat(100)],
    };
    expect(sizeOf(value)).toBe(sizeOf({ before: value.before, reentrant: 1, after: value.after }));
    expect(inner).toBeGreaterThan(3000);
  });
});

describe('the cost of an estimate', () => {
  /** Elements that count how often they are read. */
  function watched(length: number, element: (index: number) => unknown, onRead: () => void): unknown[] {
    const target = list(length, element);
    return new Proxy(target, {
      get(array, key, receiver) {
        if (key !== 'length') onRead();
        return Reflect.get(array, key, receiver);
      },
    });
  }

  it('is bounded by the elements looked at, not by those there are', () => {
    let reads = 0;
    const onRead = () => reads++;
    sizeOf(watched(100_000, (index) => index, onRead));
    expect(reads).toBeLessThanOrEqual(16);

    reads = 0;
    const leaf = () => watched(30, (index) => ({ index }), onRead);
    const branch = () => watched(30, leaf, onRead);
    sizeOf(watched(30, branch, onRead));
    expect(reads).toBeGreaterThan(16);
    expect(reads).toBeLessThanOrEqual(200);

    let fieldReads = 0;
    const fields = new Proxy(Object.fromEntries(list(20_000, (index) => [`field${index}`, index])), {
      get: () => fieldReads++,
    });
    sizeOf(fields);
    expect(fieldReads).toBeLessThanOrEqual(200);
  });

  it('is bounded for a Map and a Set, which are only walked in part', () => {
    let steps = 0;
    class Counted extends Map<number, number> {
      override *keys(): MapIterator<number> {
        for (const key of super.keys()) {
          steps++;
          yield key;
        }
      }
    }
    sizeOf(new Counted(list(10_000, (index) => [index, index])));
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThanOrEqual(130);
  });
});

describe('the cost of an entry', () => {
  it('is that of its key and a constant', () => {
    expect(keySize('user:12345')).toBe(32);
    expect(keySize('ж'.repeat(100))).toBe(216);
    expect(entryOverheadBytes).toBeGreaterThan(20 * 8);
  });
});
