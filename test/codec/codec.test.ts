import { deepStrictEqual, throws } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Codec } from '../../dist/codec/codec.js';
import { SwapError } from '../../dist/errors.js';
import { codeBuffer } from '../support/code-buffer.js';
import { collect } from '../support/collect.js';

/** What follows the buffer that may be written to, to see that it stays as it was. */
const guardByte = 0xa5;
const guardBytes = 64;

/** A buffer on shared memory, as slabs are, with a guard behind it. */
function guarded(bytes: number): { buffer: Buffer; isUntouchedBehind(): boolean } {
  const whole = Buffer.from(new SharedArrayBuffer(bytes + guardBytes)).fill(guardByte);
  return {
    buffer: whole.subarray(0, bytes),
    isUntouchedBehind: () => whole.subarray(bytes).every((byte) => byte === guardByte),
  };
}

function encoded(codec: Codec, value: unknown, start = 0): Buffer {
  for (let bytes = 256; ; bytes *= 4) {
    const { buffer, isUntouchedBehind } = guarded(bytes);
    const end = codec.encode(value, codeBuffer(buffer), start);
    expect(isUntouchedBehind()).toBe(true);
    if (end !== -1) return Buffer.from(buffer.subarray(start, end));
  }
}

function decoded(codec: Codec, bytes: Buffer): unknown {
  return codec.decode(codeBuffer(bytes), 0, bytes.length, false);
}

function roundTrip(value: unknown, codec = new Codec()): unknown {
  return decoded(codec, encoded(codec, value));
}

function withHoleAt(index: number): Array<number | undefined> {
  const array = [...numbers];
  delete array[index];
  return array;
}

/** Decodes what may be anything; true when it is a value or is called corrupt. */
function isContained(codec: Codec, bytes: Buffer): boolean {
  try {
    decoded(codec, bytes);
  } catch (error) {
    if (!(error instanceof SwapError && error.code === 'ERR_SWAP_CORRUPT')) throw error;
  }
  return true;
}

const sparse = Object.assign(new Array<unknown>(5), { 1: 'one', 3: undefined });
const numbers = Array.from<undefined, number | undefined>({ length: 20 }, (_, index) => index);
const withCause = new TypeError('outer', { cause: new RangeError('inner') });
const nameless = new Error('no stack');
Reflect.deleteProperty(nameless, 'stack');

const values: ReadonlyArray<readonly [string, unknown]> = [
  ['undefined', undefined],
  ['null', null],
  ['booleans', [true, false]],
  ['small integers', [0, 1, -1, 127, 128, -128, -129]],
  ['integers at the bounds of 32 bits', [2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1]],
  ['other numbers', [-0, 0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.MIN_VALUE, 2 ** 53]],
  ['bigints', [0n, -1n, 2n ** 64n, -(2n ** 200n)]],
  ['an empty string', ''],
  ['strings around the length of short ones', [12, 13, 47, 48, 49].map((length) => 'é'.repeat(length))],
  ['long ASCII', 'a'.repeat(5_000)],
  ['long Latin-1', `${'a'.repeat(4_999)}é`],
  ['long two-byte text', `${'a'.repeat(4_999)}漢`],
  ['lone surrogates', ['\ud800', `${'a'.repeat(60)}\udc00`]],
  ['dates', [new Date(0), new Date(-1), new Date(8.64e15)]],
  ['regular expressions', [/a\/b/giu, /(?:)/]],
  ['boxed primitives', [Object(1), Object('text'), Object(false), Object(2n)]],
  [
    'a map with objects for keys',
    new Map<unknown, unknown>([
      [{ a: 1 }, [1]],
      [undefined, Number.NaN],
    ]),
  ],
  ['a set', new Set<unknown>([1, 'one', { one: 1 }])],
  ['an array with holes', sparse],
  ['an array with a property', Object.assign([1, 2], { extra: true })],
  ['a long array', numbers],
  ['a long array with an undefined element', numbers.with(7, undefined)],
  ['a long array with a hole', withHoleAt(7)],
  ['a long array with a property', Object.assign([...numbers], { extra: 1 })],
  ['a long array with a property for its hole', Object.assign(withHoleAt(7), { extra: undefined })],
  ['an empty array of some length', new Array(1_000)],
  ['an array buffer', Uint8Array.of(1, 2, 3).buffer],
  ['a data view', new DataView(Uint8Array.of(1, 2, 3).buffer, 1)],
  ['typed arrays', [Int8Array.of(-1), new Uint8Array(), Uint8ClampedArray.of(255), Int16Array.of(-300)]],
  ['wider typed arrays', [Uint16Array.of(65_535), Int32Array.of(-70_000), Uint32Array.of(2 ** 32 - 1)]],
  ['floating typed arrays', [Float32Array.of(0.5, Number.NaN), Float64Array.of(-0, 0.1)]],
  ['typed arrays of bigints', [BigInt64Array.of(-1n), BigUint64Array.of(2n ** 64n - 1n)]],
  ['a part of a typed array', Float64Array.of(1, 2, 3, 4).subarray(1, 3)],
  ['records', { a: 1, b: { c: [{ d: null }] }, 'not an identifier': 2, '\u2028"\\': 3 }],
  ['records with numbers for keys', { 2: 'two', 1: 'one', z: 0, a: 0 }],
  ['a key called __proto__', JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')],
];

describe('the codec', () => {
  it('tells a Buffer in its encoding from any other without encoding it', () => {
    const codec = new Codec();
    const other = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(undefined));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), other, fc.nat(8), (one, two, start) => {
        const value = Buffer.from(one);
        const source = encoded(codec, value, start);
        const bytes = Buffer.concat([Buffer.alloc(start), source]);
        const compared = Buffer.from(two ?? one);
        expect(codec.isBufferIn(bytes, start, source.length, compared)).toBe(compared.equals(value));
      }),
    );
    const text = encoded(codec, 'xxxxxxxx');
    expect(codec.isBufferIn(text, 0, text.length, Buffer.from('xxxxxxxx'))).toBe(false);
    const view = encoded(codec, new Uint8Array(3));
    expect(codec.isBufferIn(view, 0, view.length, Buffer.alloc(3))).toBe(false);
    expect(codec.isBufferIn(view, 0, view.length, Buffer.alloc(4))).toBe(false);
  });

  it.each(values)('brings back %s as structured clone does', (_what, value) => {
    const back = roundTrip(value);
    deepStrictEqual(back, deserialize(serialize(value)));
    deepStrictEqual(back, value);
  });

  it('brings back a long array with a property for an element that is not enumerable, as structured clone does', () => {
    for (const index of [0, 7, 19]) {
      const array = Object.assign([...numbers], { extra: 'kept' });
      Object.defineProperty(array, index, { enumerable: false });
      const back = roundTrip(array);
      deepStrictEqual(back, structuredClone(array));
      expect(back).toHaveProperty('extra', 'kept');
    }
  });

  it('brings back a long array with a property for its hole where the hole shows an inherited element', () => {
    const array = Object.assign(withHoleAt(7), { extra: 1 });
    const inherited: unknown[] = Array.prototype;
    inherited[7] = 'inherited';
    try {
      const back = roundTrip(array);
      expect(Object.hasOwn(back as object, 7)).toBe(false);
      expect(back).toHaveProperty('extra', 1);
    } finally {
      Reflect.deleteProperty(inherited, 7);
      inherited.length = 0;
    }
  });

  it('brings a Buffer back as a Buffer, alone, inside, and when the source is given away', () => {
    const codec = new Codec();
    const value = Buffer.from('bytes');
    deepStrictEqual(roundTrip(value), value);
    deepStrictEqual(roundTrip([value, Buffer.alloc(0)]), [value, Buffer.alloc(0)]);
    const bytes = encoded(codec, value);
    const adopted = codec.decode(codeBuffer(bytes), 0, bytes.length, true);
    deepStrictEqual(adopted, value);
    expect((adopted as Buffer).buffer).toBe(bytes.buffer);
    expect((decoded(codec, bytes) as Buffer).buffer).not.toBe(bytes.buffer);
  });

  it('brings many short strings back, among others that are long or have two bytes a character', () => {
    const text = (index: number) => `${index}é`.repeat(20).slice(0, index % 50);
    const value = Array.from({ length: 500 }, (_, index) =>
      index % 17 === 0 ? `漢${index}` : index % 23 === 0 ? text(index).padEnd(70) : text(index),
    );
    for (let length = 0; length <= value.length; length += 20)
      deepStrictEqual(roundTrip(value.slice(0, length)), value.slice(0, length));
  });

  it('brings errors back with class, message, stack and cause, and nothing that was not there', () => {
    const back = roundTrip(withCause) as TypeError;
    expect(back).toBeInstanceOf(TypeError);
    expect([back.message, back.stack]).toEqual([withCause.message, withCause.stack]);
    expect(back.cause).toBeInstanceOf(RangeError);
    expect(Object.hasOwn(roundTrip(nameless) as Error, 'stack')).toBe(false);
    expect(Object.hasOwn(roundTrip(nameless) as Error, 'cause')).toBe(false);
  });

  it('brings an invalid date back invalid', () => {
    expect((roundTrip(new Date(Number.NaN)) as Date).getTime()).toBeNaN();
  });

  it('brings back whatever structured clone does, through shared memory', () => {
    const codec = new Codec();
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withObjectString: true,
      withBoxedValues: true,
      withNullPrototype: true,
    });
    fc.assert(
      fc.property(anything, fc.nat(9), (value, start) => {
        const clone = deserialize(serialize(value));
        // Some runtimes hold no invalid date equal to another.
        fc.pre(isDeepStrictEqual(clone, deserialize(serialize(value))));
        return isDeepStrictEqual(decoded(codec, encoded(codec, value, start)), clone);
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps cycles and shared references, among few objects and among many', () => {
    const shared = { name: 'shared' };
    for (const count of [2, 100]) {
      const value: { list: unknown[]; self?: unknown; map: Map<unknown, unknown> } = {
        list: Array.from({ length: count }, (_, index) => ({ index, shared })),
        map: new Map(),
      };
      value.self = value;
      value.map.set(value.map, value.list);
      const codec = new Codec();
      // Often enough that readers are made for the shapes.
      for (let round = 0; round < 40; round++) {
        const back = roundTrip(value, codec) as typeof value;
        expect(back.self).toBe(back);
        expect(back.map.get(back.map)).toBe(back.list);
        expect(new Set(back.list.map((item) => (item as { shared: unknown }).shared)).size).toBe(1);
      }
    }
  });

  it('nests 100,000 deep, in every kind of container', () => {
    let value: unknown = 'core';
    for (let level = 0; level < 100_000; level++) {
      if (level % 4 === 0) value = [value];
      else if (level % 4 === 1) value = { value };
      else if (level % 4 === 2) value = new Map([['value', value]]);
      else value = new Set([value]);
    }
    let back = roundTrip(value);
    let levels = 0;
    for (; back !== 'core'; levels++) {
      if (Array.isArray(back)) back = back[0];
      else if (back instanceof Map) back = back.get('value');
      else if (back instanceof Set) [back] = back;
      else back = (back as { value: unknown }).value;
    }
    expect(levels).toBe(100_000);
  });

  it('answers -1 when the buffer is too small, and writes nothing behind it', () => {
    const codec = new Codec();
    for (const [, value] of values) {
      const needed = encoded(codec, value).length;
      for (let bytes = 0; bytes < needed; bytes += Math.ceil(needed / 97)) {
        const { buffer, isUntouchedBehind } = guarded(bytes);
        expect(codec.encode(value, codeBuffer(buffer), 0)).toBe(-1);
        expect(isUntouchedBehind()).toBe(true);
      }
      // What was given up leaves nothing behind in the encoder.
      deepStrictEqual(roundTrip(value, codec), value);
    }
  });

  it('calls truncated bytes corrupt', () => {
    const codec = new Codec();
    const corrupt = { name: 'SwapError', code: 'ERR_SWAP_CORRUPT' };
    for (const [, value] of values) {
      const bytes = encoded(codec, value);
      for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 97)) {
        throws(() => decoded(codec, bytes.subarray(0, length)), corrupt);
      }
    }
    throws(() => decoded(codec, Buffer.concat([encoded(codec, 1), Buffer.alloc(1)])), corrupt);
  });

  it('makes some value of changed bytes or calls them corrupt, and does nothing else', () => {
    const codec = new Codec();
    const ours = Object.getOwnPropertyNames(Object.prototype);
    const samples = [...values.map(([, value]) => value), withCause, [Buffer.from('bytes')]];
    const originals = samples.map((value) => encoded(codec, value));
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        (original, changes) => {
          const bytes = Buffer.from(original);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          return isContained(codec, bytes);
        },
      ),
      { numRuns: 5_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => isContained(codec, Buffer.from(bytes))),
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(ours);
    expect(Object.hasOwn({}, 'polluted')).toBe(false);
  });

  it('is not led into the depths by any byte that is repeated', () => {
    const codec = new Codec();
    for (let byte = 0; byte < 32; byte++) expect(isContained(codec, Buffer.alloc(200_000, byte))).toBe(true);
  });

  it.each([
    ['a function', () => {}],
    ['a symbol', Symbol('symbol')],
    ['a promise', Promise.resolve()],
    ['a weak map', new WeakMap()],
    ['a weak set', new WeakSet()],
    ['a weak reference', new WeakRef({})],
    ['shared memory', new SharedArrayBuffer(1)],
    ['a generator', (function* () {})()],
  ])('refuses %s, and goes on with the next value', (_what, value) => {
    const codec = new Codec();
    for (const uncloneable of [value, { deep: [value] }, new Map([[1, value]])]) {
      expect(() => encoded(codec, uncloneable)).toThrow();
    }
    deepStrictEqual(roundTrip({ deep: [1] }, codec), { deep: [1] });
  });

  it('brings instances of classes back plain, and tells each class once', () => {
    class Point {
      x = 1;
    }
    class Line {
      from = new Point();
      to = new Point();
    }
    const told: string[] = [];
    const codec = new Codec((name) => told.push(name));
    deepStrictEqual(roundTrip([new Line(), new Line()], codec), [
      { from: { x: 1 }, to: { x: 1 } },
      { from: { x: 1 }, to: { x: 1 } },
    ]);
    roundTrip(new Point(), codec);
    roundTrip(Object.create(null), codec);
    expect(told).toEqual(['Line', 'Point']);
  });

  it('encodes what it has decoded to the same bytes', () => {
    const codec = new Codec();
    for (const value of [...values.map(([, one]) => one), withCause, Buffer.from('bytes')]) {
      const bytes = encoded(codec, value);
      expect(encoded(codec, decoded(codec, bytes)).equals(bytes)).toBe(true);
    }
  });

  it('has values of more shapes than it remembers', () => {
    const codec = new Codec();
    // So many that those that are looked at first, as the ones before them had no room, come to their end twice.
    const all = Array.from({ length: 7_500 }, (_, index) => ({ [`key${index}`]: index, common: { index } }));
    const bytes = all.map((value) => encoded(codec, value));
    for (const [index, value] of all.entries()) deepStrictEqual(decoded(codec, bytes[index]!), value);
  });

  it('takes no longer for each level of records that it has no room to remember', () => {
    const codec = new Codec();
    for (let index = 0; index < 5_000; index++) encoded(codec, { [`key${index}`]: index });
    // The first key leads a part of the way into the table, so that the second shows that there is no room.
    let value: object = { end: true };
    for (let level = 0; level < 90; level++) value = { key0: value, [`level${level}`]: level };
    for (let time = 0; time < 3; time++) expect(roundTrip(value, codec)).toEqual(value);
    expect(roundTrip({ key0: 1 }, codec)).toEqual({ key0: 1 });
  });

  it('gives up a record that has another key each time it is read', () => {
    const codec = new Codec();
    for (let index = 0; index < 5_000; index++) encoded(codec, { [`key${index}`]: index });
    let reads = 0;
    const restless = {
      get key0() {
        const known = Object.keys(this).find((key) => key !== 'key0');
        if (known !== undefined) Reflect.deleteProperty(this, known);
        // Added while the keys are walked over: met the next time, under a name that no shape has.
        Object.assign(this, { [`other${reads++}`]: 1 });
        return 1;
      },
    };
    for (let time = 0; time < 5; time++) {
      try {
        expect(roundTrip(restless, codec)).toHaveProperty('key0');
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }
    expect(reads).toBeLessThan(100);
  });

  it('keeps nothing alive of a long text that it has looked through', () => {
    roundTrip({ text: '\u4e00'.repeat(1_000) });
    expect((RegExp as unknown as { input: string }).input).toBe('');
  });

  it('keeps no more alive with a string than the texts that it came with, and a little', () => {
    const codec = new Codec();
    const bytes = encoded(codec, {
      id: 'sixteen letters.',
      other: 'and sixteen more',
      data: Buffer.alloc(900),
    });
    const kept: string[] = [];
    const usedBytes = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = usedBytes();
    for (let index = 0; index < 5_000; index++) kept.push((decoded(codec, bytes) as { id: string }).id);
    expect((usedBytes() - before) / kept.length).toBeLessThan(300);
  });

  it('reads records where generating code is forbidden', () => {
    const module = new URL('../../dist/codec/codec.js', import.meta.url).href;
    const script = `
      import { deepStrictEqual } from 'node:assert';
      import { Codec } from '${module}';
      const codec = new Codec();
      const bytes = Buffer.alloc(1000);
      const buffer = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
      for (let index = 0; index < 100; index++) {
        const value = { index, inner: { text: 'text' } };
        deepStrictEqual(codec.decode(buffer, 0, codec.encode(value, buffer, 0), false), value);
      }`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script];
    const child = spawnSync(process.execPath, flags, { encoding: 'utf8' });
    expect([child.status, child.stderr]).toEqual([0, '']);
  });
});
