/** What the codec finds a value to weigh while it writes it is what `sizeOf` finds, as far as it is made of what most are. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Codec } from '../../dist/codec/codec.js';
import { sizeOf } from '../../dist/memory/size-of.js';
import { codeBuffer } from '../support/code-buffer.js';

const target = codeBuffer(Buffer.alloc(1 << 20));

function weightOf(value: unknown): number {
  const codec = new Codec();
  expect(codec.encode(value, target, 0)).toBeGreaterThan(0);
  return codec.weight;
}

/** Small enough to be looked at as a whole by a walk that samples what is large. */
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.date(),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.double(), { maxLength: 8 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }).filter((name) => !/^\d/.test(name)),
      tie('value'),
      { maxKeys: 6, noNullPrototype: true },
    ),
  ),
})).value;

it('weighs as sizeOf does', () => {
  fc.assert(
    fc.property(plain, (value) => {
      // Rounded as a whole, and a view's share of its pool is no whole number.
      expect(Math.abs(weightOf(value) - sizeOf(value))).toBeLessThanOrEqual(1);
    }),
    { numRuns: 3_000 },
  );
});

it('counts what is referred to twice once', () => {
  const shared = { text: 'x'.repeat(1_000) };
  expect(weightOf([shared, shared])).toBeLessThan(1_200);
});

it.each([
  ['a Map', new Map([[1, 2]])],
  ['a Set in a record', { members: new Set([1]) }],
  ['an instance', Object.assign(Object.create({ inherited: 1 }), { own: 1 })],
  ['an error', new Error('no')],
  ['a bigint', 2n ** 70n],
  ['an array with holes', new Array(3)],
  ['a record of indices', { 1: 'one', 2: 'two' }],
])('leaves %s to sizeOf', (_name, value) => {
  expect(weightOf(value)).toBeNaN();
});
