import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizeCode, sizeOfCode } from '../../dist/memory/size-code.js';

describe('the code of a size', () => {
  const sizes = fc.integer({ min: 1, max: 2 ** 40 });
  const payloads = fc.integer({ min: 0, max: 2 ** 31 });

  it('has eight bits, and gives the size back within two percent, or says that it cannot', () => {
    fc.assert(
      fc.property(sizes, payloads, (size, payload) => {
        const code = sizeCode(size, payload);
        expect(code).toBe(code & 0xff);
        const ratio = size / (64 + payload);
        if (code === 0) expect(ratio < 0.52 || ratio > 40).toBe(true);
        else expect(Math.abs(sizeOfCode(code, payload) - size)).toBeLessThanOrEqual(0.02 * size + 1);
      }),
    );
  });

  it('of what it gave back is the same code, so that a value that comes and goes keeps its size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 252, max: 2 ** 31 }),
        fc.integer({ min: 1, max: 2 ** 31 }),
        (size, payload) => {
          const code = sizeCode(size, payload);
          if (code !== 0) expect(sizeCode(sizeOfCode(code, payload), payload)).toBe(code);
        },
      ),
    );
  });

  it('says nothing where there is none', () => {
    expect(sizeOfCode(0, 1000)).toBe(0);
  });
});
