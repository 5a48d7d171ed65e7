/**
 * A key as bytes where they lie, with its hash: what the table of keys and the index on the disk hand one another, so
 * that no string is made on the way. One object is filled again and again.
 */
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

  /** True when the same bytes are at `at` of `other`. */
  isAt(other: Uint8Array, at: number): boolean {
    const { bytes, from, byteLength } = this;
    for (let index = 0; index < byteLength; index++)
      if (other[at + index] !== bytes[from + index]) return false;
    return true;
  }
}
