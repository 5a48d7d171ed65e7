/**
 * A seeded 64-bit fingerprint of bytes: the checksum of a record, and the proof that a value encodes to what its
 * copy in the file already says. Two lanes of 32 bits take a word each and are then mixed with one another: for a
 * fixed state a step is a bijection of its two words, and for fixed words one of the state, so that a change of any two
 * neighbours always shows. It is no cryptographic hash: it stands against accidents, and with a secret seed against guesses, not against an attacker
 * who sees the sums. JavaScript over an Int32Array beats a call into zlib.crc32 for all but large records.
 */

/** The two halves of the last fingerprint, signed. Returned here so that no object is made for each record. */
export const fingerprint = { a: 0, b: 0 };

/**
 * Fingerprints `byteLength` bytes that begin at word `firstWord` of `words`, and leaves the halves in `fingerprint`.
 * Bytes of the last word past the end do not count.
 */
export function takeFingerprint(
  words: Int32Array,
  firstWord: number,
  byteLength: number,
  seedA: number,
  seedB: number,
): void {
  let a = seedA ^ byteLength;
  let b = seedB + Math.imul(byteLength, 0x2c1b3c6d);
  const lastPair = firstWord + (byteLength >>> 2) - 1;
  let at = firstWord;
  for (; at < lastPair; at += 2) {
    a = Math.imul(a ^ words[at]!, 0x9e3779b1);
    b = Math.imul(b ^ words[at + 1]!, 0x85ebca6b);
    a = (((a << 13) | (a >>> 19)) + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
  }
  const bits = 8 * (byteLength - 4 * (at - firstWord));
  if (bits >= 32) a = Math.imul(a ^ words[at++]!, 0x9e3779b1);
  if (bits % 32 !== 0) b = Math.imul(b ^ (words[at]! & (-1 >>> (32 - (bits % 32)))), 0x85ebca6b);
  a = (((a << 13) | (a >>> 19)) + b) | 0;
  b = ((b << 15) | (b >>> 17)) ^ a;
  fingerprint.a = avalanche(a ^ (b >>> 16));
  fingerprint.b = avalanche(b ^ Math.imul(a, 0x297a2d39));
}

/** The same of bytes that need not begin at a word. */
export function takeFingerprintOf(bytes: Uint8Array, seedA: number, seedB: number): void {
  const count = Math.ceil(bytes.length / 4);
  const { buffer, byteOffset } = bytes;
  let words: Int32Array;
  if (byteOffset % 4 === 0 && byteOffset + 4 * count <= buffer.byteLength) {
    words = new Int32Array(buffer, byteOffset, count);
  } else {
    words = new Int32Array(count);
    new Uint8Array(words.buffer).set(bytes);
  }
  takeFingerprint(words, 0, bytes.length, seedA, seedB);
}

/** Spreads each bit over all of them (the finalizer of MurmurHash3, Appleby). */
function avalanche(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
