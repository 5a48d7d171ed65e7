import { describe, expect, it } from 'vitest';
import { copyBytes } from '../../dist/codec/copy-bytes.js';

const guard = 9;

describe.each([
  ['private', (length: number) => Buffer.from(new ArrayBuffer(length))],
  ['shared', (length: number) => Buffer.from(new SharedArrayBuffer(length))],
])('copyBytes to %s memory', (_, make) => {
  it('copies any length from and to any place, and nothing else', () => {
    const source = make(1024 + 8);
    for (let index = 0; index < source.length; index++) source[index] = 1 + (index % 251);
    for (const length of [0, 1, 7, 8, 127, 128, 129, 130, 255, 1000, 1024]) {
      for (const from of [0, 1, 3, 8]) {
        for (const at of [guard, guard + 1, guard + 7]) {
          const target = make(length + 2 * guard + 8).fill(0);
          copyBytes(source.subarray(from, from + length), target, at);
          const expected = new Uint8Array(target.length);
          for (let index = 0; index < length; index++) expected[at + index] = source[from + index]!;
          expect(Buffer.compare(target, expected), `${length} bytes from ${from} to ${at}`).toBe(0);
        }
      }
    }
  });

  it('takes any array of bytes, and throws where it does not fit', () => {
    const target = make(300);
    copyBytes(new Uint8Array(200).fill(7), target, 50);
    expect(target.subarray(50, 250).every((byte) => byte === 7)).toBe(true);
    expect(() => copyBytes(new Uint8Array(200), target, 101)).toThrow(RangeError);
    expect(() => copyBytes(new Uint8Array(100), target, 201)).toThrow(RangeError);
  });
});
