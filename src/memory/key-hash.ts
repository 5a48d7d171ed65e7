/**
 * HalfSipHash-1-3 (Aumasson and Bernstein) of a key's UTF-16 code units, low byte first: a keyed hash, so that nobody who
 * does not know the store's seed can choose keys that collide. 32-bit operations only, which JavaScript has.
 */
export function hashKey(key: string, seedA: number, seedB: number): number {
  let v0 = seedA;
  let v1 = seedB;
  let v2 = 0x6c796765 ^ seedA;
  let v3 = 0x74656462 ^ seedB;
  const { length } = key;
  // The last word carries the length in bytes, so that no key is another one with zeros behind it.
  for (let at = 0; at <= length; at += 2) {
    let word: number;
    if (at + 1 < length) word = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16);
    else word = (length << 25) | (at < length ? key.charCodeAt(at) : 0);
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 3; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  return v1 ^ v3;
}
