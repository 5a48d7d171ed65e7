import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Codec } from '../../dist/codec/codec.js';
import { Likeness } from '../../dist/pager/likeness.js';
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

describe('a likeness', () => {
  const likeness = new Likeness();

  it('is of a value that nobody has changed', () => {
    fc.assert(
      fc.property(root, (value) => {
        if (likeness.take(value, false)) expect(likeness.isOf(value)).toBe(true);
        if (likeness.take(value, true)) expect(likeness.isOf(value)).toBe(true);
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
          if (!likeness.take(value, place % 2 === 0)) return;
          const before = encoded(value);
          const containers = containersOf(value);
          const container = containers[place % containers.length]!;
          // The length of an array can be no such thing as `other`.
          if (Array.isArray(container) && key === 'length') return;
          changes[way]!(container, key, other);
          if (encoded(value) === before) return;
          changed++;
          expect(likeness.isOf(value)).toBe(false);
        },
      ),
      { numRuns: 3_000 },
    );
    expect(changed).toBeGreaterThan(250);
  });

  it('is of what was taken last, and of nothing that is only equal to it', () => {
    const value = { a: [1, 2], b: 'x' };
    expect(likeness.take({ c: 1 }, false)).toBe(true);
    expect(likeness.take(value, false)).toBe(true);
    expect(likeness.isOf({ a: [1, 2], b: 'x' })).toBe(false);
    expect(likeness.isOf(value)).toBe(true);
  });

  it('keeps nothing alive once it is forgotten, nor where it cannot be taken', () => {
    const parts: WeakRef<object>[] = [];
    // In functions of their own, whose frames are gone when the collector looks.
    const make = (width: number) => {
      const value = Array.from({ length: width }, (_, index) => [index]);
      parts.push(...value.map((part) => new WeakRef(part)));
      return value;
    };
    const takeOf = (width: number) => likeness.take(make(width), false);
    expect(takeOf(100)).toBe(true);
    likeness.forget();
    expect(takeOf(1_000)).toBe(false);
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      collect();
      expect(parts.filter((part) => part.deref() !== undefined).length).toBe(0);
    });
  });

  it('can be taken of what the codec calls simple', () => {
    const kinds = [fc.date(), fc.uint8Array(), fc.array(fc.integer()).map((array) => new Set(array))];
    const odd = fc.oneof(
      ...kinds,
      fc.sparseArray(fc.integer()),
      fc.constant(Object.assign([1], { named: 2 })),
    );
    const seen = { simple: 0, other: 0 };
    fc.assert(
      fc.property(root, fc.option(odd, { freq: 2 }), (value, part) => {
        const whole = part === null ? value : { value, part };
        const back = codec.decode(buffer, 0, codec.encode(whole, buffer, 0), false);
        seen[codec.decodedSimple ? 'simple' : 'other']++;
        if (codec.decodedSimple) expect(likeness.take(back, false)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(seen.simple, seen.other)).toBeGreaterThan(50);
  });

  it('cannot be taken of what it does not know', () => {
    const endless: Record<string, unknown> = {};
    endless.self = endless;
    class Point {
      x = 1;
    }
    const unknown = [
      Buffer.from('x'),
      new Map(),
      new Set([1]),
      new Date(0),
      { at: new Date(0) },
      [new Uint8Array(1)],
      new Point(),
      endless,
      Object.create(null),
      Object.assign([1], { named: 2 }),
      Array(1),
      Array.from({ length: 5_000 }, (_, index) => index),
      Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [index, index])),
      Array.from({ length: 5_000 }, (_, index) => [index]),
    ];
    for (const value of unknown) expect(likeness.take(value, false)).toBe(false);
    for (const value of [null, 'x', 1, undefined, {}, []]) expect(likeness.take(value, false)).toBe(true);
  });
});
