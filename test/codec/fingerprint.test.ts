import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint, takeFingerprint } from '../../dist/codec/fingerprint.js';

function of(bytes: Uint8Array, length = bytes.length, seedA = 1, seedB = 2): string {
  const words = new Int32Array(Math.ceil(bytes.length / 4) + 2).fill(-1);
  new Uint8Array(words.buffer).set(bytes, 4);
  takeFingerprint(words, 1, length, seedA, seedB);
  return `${fingerprint.a},${fingerprint.b}`;
}

describe('a fingerprint', () => {
  it('changes with every bit, and with nothing behind the end', () => {
    for (let length = 0; length <= 41; length++) {
      const bytes = Uint8Array.from({ length: 41 }, (_, at) => at * 37);
      const before = of(bytes, length);
      for (let bit = 0; bit < 8 * 41; bit++) {
        const changed = Uint8Array.from(bytes);
        changed[bit >>> 3]! ^= 1 << (bit & 7);
        expect(of(changed, length) === before, `bit ${bit} of ${length} bytes`).toBe(bit >>> 3 >= length);
      }
    }
  });

  it('differs with length and seed', () => {
    const zeros = new Uint8Array(64);
    const seen = new Set(Array.from({ length: 65 }, (_, length) => of(zeros, length)));
    expect(seen.size).toBe(65);
    expect(of(zeros, 64, 3)).not.toBe(of(zeros));
    expect(of(zeros, 64, 1, 3)).not.toBe(of(zeros));
  });

  it('differs for words of the tail that differ in any two places', () => {
    const bytes = new Uint8Array(12);
    const words = new Uint32Array(bytes.buffer);
    for (const [first, second] of [
      [0, 2],
      [0, 1],
      [1, 2],
    ] as const) {
      const seen = new Set<string>();
      let state = 1;
      for (let count = 0; count < 200_000; count++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        words.fill(7);
        words[first] = state;
        words[second] = Math.imul(state, 0x9e3779b1);
        seen.add(of(bytes));
      }
      // By chance alone a sum of 32 bits would meet itself some five times.
      expect(seen.size).toBe(200_000);
    }
  });

  it('differs for bytes that differ, however they do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 64 }), (one, other) => {
        return (of(one) === of(other)) === (Buffer.compare(one, other) === 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
