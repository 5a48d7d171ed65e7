import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Codec } from '../../dist/codec/codec.js';
import { Likeness } from '../../dist/codec/likeness.js';
import { codeBuffer } from '../support/code-buffer.js';
import { collect } from '../support/collect.js';

const codec = new Codec();
const buffer = codeBuffer(Buffer.alloc(1 << 20));

/** What the codec brings back of a value, as the measure of whether it is another. */
function encoded(value: unknown): string {
  const back = codec.decode(buffer, 0, codec.encode(value, buffer, 0), false);
  return buffer.bytes.toString('latin1', 0, codec.encode(back, buffer, 0));
}

const leaf = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, -0, 0, Number.NaN, ''),
);
const tree = fc.letrec<{ value: unknown; record: Record<string, unknown>; array: unknown[] }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, tie('record'), tie('array')),
  record: fc.dictionary(fc.string(), tie('value'), { maxKeys: 5 }) as fc.Arbitrary<Record<string, unknown>>,
  array: fc.array(tie('value'), { maxLength: 5 }),
}));
const root = fc.oneof(tree.record, tree.array);

/** All records and arrays of a value. */
function containersOf(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(containersOf)];
}

/** Ways to change a container in place; some leave it as it was. */
const changes: Array<(container: object, key: string, other: unknown) => void> = [
  (container, key, other) => Object.assign(container, { [key]: other }),
  (container) => Reflect.deleteProperty(container, Object.keys(container)[0] ?? ''),
  (container, _key, other) => Object.assign(container, { [Object.keys(container).at(-1) ?? 'x']: other }),
  (container) => {
    // The same members in another order.
    const [first] = Object.entries(container);
    if (first === undefined || Array.isArray(container)) return;
    Reflect.deleteProperty(container, first[0]);
    Object.assign(container, { [first[0]]: first[1] });
  },
  (container) => Array.isArray(container) && (container as unknown[]).reverse(),
  (container) => Array.isArray(container) && container.pop(),
  (container) => Array.isArray(container) && (container as unknown[]).push(undefined),
  (container) => {
    // A hole, and a member that is no element.
    if (!Array.isArray(container) || container.length === 0) return;
    Reflect.deleteProperty(container, '0');
    Object.assign(container, { named: 1 });
  },
  (container) => Object.setPrototypeOf(container, null),
  (container) => Object.defineProperty(container, 'hidden', { value: 1 }),
];

/** What the codec makes of a value, with its likeness. */
function decoded(value: unknown, likeness: Likeness): unknown {
  return codec.decode(buffer, 0, codec.encode(value, buffer, 0), false, likeness);
}

describe('a likeness', () => {
  const likeness = new Likeness();

  it('is of a value that nobody has changed', () => {
    fc.assert(
      fc.property(root, (value) => {
        decoded(value, likeness);
        expect(likeness.isWhole && likeness.isAsItWas()).toBe(true);
      }),
    );
  });

  it('is of no value that the codec would write otherwise', () => {
    let changed = 0;
    fc.assert(
      fc.property(
        root,
        fc.nat(),
        fc.nat(changes.length - 1),
        fc.string(),
        tree.value,
        (value, place, way, key, other) => {
          const back = decoded(value, likeness);
          const before = encoded(back);
          const containers = containersOf(back);
          const container = containers[place % containers.length]!;
          // The length of an array can be no such thing as `other`.
          if (Array.isArray(container) && key === 'length') return;
          changes[way]!(container, key, other);
          if (encoded(back) === before) return;
          changed++;
          expect(likeness.isAsItWas()).toBe(false);
        },
      ),
      { numRuns: 3_000 },
    );
    expect(changed).toBeGreaterThan(250);
  });

  it('is of what was decoded last', () => {
    const first = decoded({ a: 1 }, likeness) as { a: number };
    decoded({ b: [1, 2] }, likeness);
    first.a = 2;
    expect(likeness.isAsItWas()).toBe(true);
  });

  it('is of records that refer to one another', () => {
    const outer: { inner: { outer?: unknown; list: unknown[] } } = { inner: { list: [] } };
    outer.inner.outer = outer;
    outer.inner.list.push(outer.inner, outer);
    const back = decoded(outer, likeness) as typeof outer;
    expect(likeness.isWhole && likeness.isAsItWas()).toBe(true);
    back.inner.outer = { ...back };
    expect(likeness.isAsItWas()).toBe(false);
  });

  it('sees what was changed in a record without a reader, and in one with keys that are indexes', () => {
    const value = () => ({ 7: 'a', 3: 'b', ['__proto__']: { c: 1 } });
    // A reader is made for the shape meanwhile.
    for (let times = 0; times < 40; times++) {
      const back = decoded(value(), likeness) as Record<string, unknown>;
      expect(likeness.isWhole && likeness.isAsItWas()).toBe(true);
      back['7'] = 'c';
      expect(likeness.isAsItWas()).toBe(false);
    }
  });

  it('keeps nothing alive once it is forgotten, nor where there can be none', () => {
    const parts: WeakRef<object>[] = [];
    // In functions of their own, whose frames are gone when the collector looks.
    const decode = (width: number) => {
      const back = decoded(
        Array.from({ length: width }, (_, index) => [index]),
        likeness,
      ) as object[];
      parts.push(...back.map((part) => new WeakRef(part)));
    };
    decode(100);
    expect(likeness.isWhole).toBe(true);
    likeness.forget();
    decode(1_000);
    expect(likeness.isWhole).toBe(false);
    expect(() => {
      const end = codec.encode([[1], [2], 'x'], buffer, 0);
      codec.decode(buffer, 0, end - 1, false, likeness);
    }).toThrow();
    expect(likeness.isWhole).toBe(false);
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      collect();
      expect(parts.filter((part) => part.deref() !== undefined).length).toBe(0);
    });
  });

  it('is there of plain records, arrays and what cannot be changed in place, and of nothing else', () => {
    const none = [
      Buffer.from('x'),
      new Map(),
      new Set([1]),
      new Date(0),
      { at: new Date(0) },
      [new Uint8Array(1)],
      Object.assign([1], { named: 2 }),
      Array(1),
      Array.from({ length: 5_000 }, (_, index) => index),
      Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [index, index])),
      Array.from({ length: 5_000 }, (_, index) => [index]),
      [[{ a: new Set([{}]) }], { a: 1 }],
    ];
    for (const value of none) {
      decoded(value, likeness);
      expect(likeness.isWhole).toBe(false);
    }
    for (const value of [null, 'x', 1, undefined, {}, [], [[{ a: [] }]]]) {
      decoded(value, likeness);
      expect(likeness.isWhole).toBe(true);
    }
  });
});
