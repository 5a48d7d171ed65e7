/**
 * A seeded 64-bit fingerprint of bytes: the checksum of a record, and the proof that a value encodes to what its
 * copy in the file already says. Two independent lanes of multiply, rotate and mix over 32-bit words; for a fixed
 * state each step is a bijection of the word, so that a change of any single word always shows. It is no
 * cryptographic hash: it stands against accidents, and with a secret seed against guesses, not against an attacker
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
  const end = firstWord + (byteLength >>> 2);
  for (let at = firstWord; at < end; at++) {
    const word = words[at]!;
    a = Math.imul(a ^ word, 0x9e3779b1);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(((b << 15) | (b >>> 17)) + word, 0x85ebca6b);
  }
  const rest = byteLength & 3;
  if (rest !== 0) {
    const word = words[end]! & (-1 >>> (32 - 8 * rest));
    a = Math.imul(a ^ word, 0x9e3779b1);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(((b << 15) | (b >>> 17)) + word, 0x85ebca6b);
  }
  fingerprint.a = avalanche(a ^ (b >>> 16));
  fingerprint.b = avalanche(b ^ Math.imul(a, 0x297a2d39));
}

/** Spreads each bit over all of them (the finalizer of MurmurHash3, Appleby). */
function avalanche(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
