/**
 * A key as bytes where they lie, with its hash: what the table of keys and the index on the disk hand one another, so
 * that no string is made on the way. One object is filled again and again.
 */

/** What the shift of a byte within a word is xored with: a word begins with its lowest byte, but on a big-endian machine. */
const byteOrder = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 24;

export class StoredKey {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where in `bytes` it begins. */
  from = 0;
  /** In UTF-16 code units. */
  length = 0;
  /** Two bytes a code unit, low byte first; else one. */
  twoByte = false;
  /** By the seeds of the store. */
  hash = 0;

  get byteLength(): number {
    return this.twoByte ? 2 * this.length : this.length;
  }

  get beginsWithNul(): boolean {
    const { bytes, from } = this;
    return this.length > 0 && bytes[from] === 0 && (!this.twoByte || bytes[from + 1] === 0);
  }

  /** Copies the bytes of the key to `target`. */
  copyTo(target: Uint8Array, at: number): void {
    const { bytes, from, byteLength } = this;
    if (byteLength > 64) target.set(bytes.subarray(from, from + byteLength), at);
    else for (let index = 0; index < byteLength; index++) target[at + index] = bytes[from + index]!;
  }

  /** The same, from where a word of `words` begins, and zeros up to the end of the last: four at once, as there are millions of keys. */
  copyToWords(words: Int32Array, at: number): void {
    const { bytes, from, byteLength } = this;
    const end = from + byteLength;
    let word = at;
    let next = from;
    for (; next + 4 <= end; next += 4, word++) {
      words[word] =
        (bytes[next]! << byteOrder) |
        (bytes[next + 1]! << (8 ^ byteOrder)) |
        (bytes[next + 2]! << (16 ^ byteOrder)) |
        (bytes[next + 3]! << (24 ^ byteOrder));
    }
    let last = 0;
    for (let index = next; index < end; index++) last |= bytes[index]! << ((8 * (index - next)) ^ byteOrder);
    if (next < end) words[word] = last;
  }

  /** True when the same bytes are at `at` of `other`. */
  isAt(other: Uint8Array, at: number): boolean {
    const { bytes, from, byteLength } = this;
    for (let index = 0; index < byteLength; index++)
      if (other[at + index] !== bytes[from + index]) return false;
    return true;
  }
}
