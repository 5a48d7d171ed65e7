/**
 * What a value costs in memory, kept in its record as eight bits: so that a value that comes back need not be weighed
 * again, which takes as long as decoding it. The code is the ratio of that cost to the bytes of the payload, in steps of
 * 3% from a half to 40, so that a size comes back within 1.5% of what it was, and the same from then on. A value that is
 * said to cost less than half of its payload has grown since it was weighed, and has no code.
 */

/** No more than a fraction of an entry's overhead, so that the ratio of tiny payloads stays in range. */
const payloadBaseBytes = 64;
const stepsPerDoubling = 24;
/** The code of an equal size. */
const codeOfOne = 25;
const codeMax = 255;

/** What a code says: cost for each byte of payload; 0 for what carries no code. */
const ratios = Float64Array.from({ length: codeMax + 1 }, (_, code) =>
  code === 0 ? 0 : 2 ** ((code - codeOfOne) / stepsPerDoubling),
);

/** The code of a size, 1 to 255; 0 where none comes near it. */
export function sizeCode(sizeBytes: number, payloadBytes: number): number {
  if (sizeBytes === 0) return 0;
  const ratio = sizeBytes / (payloadBaseBytes + payloadBytes);
  const code = Math.round(Math.log2(ratio) * stepsPerDoubling) + codeOfOne;
  return code >= 1 && code <= codeMax ? code : 0;
}

/** The size that a code stands for, bytes; 0 = it says nothing. */
export function sizeOfCode(code: number, payloadBytes: number): number {
  return Math.round(ratios[code]! * (payloadBaseBytes + payloadBytes));
}
