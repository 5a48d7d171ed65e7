/**
 * A seeded 64-bit fingerprint of bytes: the checksum of a record, and the proof that a value encodes to what its
 * copy in the file already says. Four lanes of 32 bits take a word each, side by side, as a processor has a
 * multiplication under way in each of them (the idea of xxHash, Collet); then each is mixed with its neighbour. Each
 * line of a step changes one lane, and for fixed words and fixed other lanes is a bijection of it, so that 128 bits of
 * state forget nothing. It is no cryptographic hash: it stands against accidents, and with a secret seed against
 * guesses, not against an attacker who sees the sums. JavaScript over an Int32Array beats a call into zlib.crc32 at
 * any length.
 */

/** The two halves of the last fingerprint, signed. Returned here so that no object is made for each record. */
export const fingerprint = { a: 0, b: 0 };

const primeA = 0x9e3779b1;
const primeB = 0x85ebca6b;
const primeC = 0xc2b2ae35;
const primeD = 0x27d4eb2f;

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
  let b = seedB + Math.imul(byteLength, primeD);
  let c = seedB ^ primeA;
  let d = seedA ^ primeB;
  const end = firstWord + ((byteLength >>> 4) << 2);
  let at = firstWord;
  for (; at < end; at += 4) {
    a = Math.imul(a ^ words[at]!, primeA);
    b = Math.imul(b ^ words[at + 1]!, primeB);
    c = Math.imul(c ^ words[at + 2]!, primeC);
    d = Math.imul(d ^ words[at + 3]!, primeD);
    a = (((a << 13) | (a >>> 19)) + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ c;
    c = (((c << 11) | (c >>> 21)) + d) | 0;
    d = ((d << 17) | (d >>> 15)) ^ a;
  }
  // Up to three words, and a part of one: what is not there counts as zero, as the length tells them apart.
  const bits = (byteLength & 15) << 3;
  if (bits > 0) a = Math.imul(a ^ firstBits(words[at]!, bits), primeA);
  if (bits > 32) b = Math.imul(b ^ firstBits(words[at + 1]!, bits - 32), primeB);
  if (bits > 64) c = Math.imul(c ^ firstBits(words[at + 2]!, bits - 64), primeC);
  if (bits > 96) d = Math.imul(d ^ firstBits(words[at + 3]!, bits - 96), primeD);
  a = (((a << 13) | (a >>> 19)) + b) | 0;
  b = ((b << 15) | (b >>> 17)) ^ c;
  c = (((c << 11) | (c >>> 21)) + d) | 0;
  d = ((d << 17) | (d >>> 15)) ^ a;
  a = (((a << 13) | (a >>> 19)) + Math.imul(c, primeB)) | 0;
  b = ((b << 15) | (b >>> 17)) ^ Math.imul(d, primeC);
  fingerprint.a = avalanche(a ^ (b >>> 16));
  fingerprint.b = avalanche(b ^ Math.imul(a, 0x297a2d39));
}

/** The low `bits` bits of a word, all of it where there are more. */
function firstBits(word: number, bits: number): number {
  return bits >= 32 ? word : word & (-1 >>> (32 - bits));
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
