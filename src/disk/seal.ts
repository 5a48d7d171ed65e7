/**
 * Encrypts records on their way to the file and decrypts them on their way back: AES-256-GCM of node:crypto, under a
 * subkey that only this session has. The first 16 bytes of a record stay readable (that it is a record, its length, its
 * generation, what was done to it); all else, the key included, is encrypted. What is readable and the page that the
 * record lies at are authenticated with it, so that a record that was moved, or an older one put back, does not open.
 *
 *     | 16 bytes, clear | encrypted: rest of the header, key, payload | counter, 8 | tag, 16 |
 *
 * A nonce is the counter, which the main thread writes into each record it makes, and never gives out twice in a
 * session; the next session has another subkey.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { sealBytes, tagBytes } from './record.js';

export const sealKeyBytes = 32;
const clearBytes = 16;
const algorithm = 'aes-256-gcm';

/** The key of one session, from the user's and 32 bytes that are used once (HKDF, RFC 5869). */
export function sessionKey(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, 'swapstore record', sealKeyBytes));
}

export class Sealer {
  readonly #key: Uint8Array;
  readonly #nonce = Buffer.alloc(12);
  readonly #authenticated = Buffer.alloc(clearBytes + 4);

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Encrypts the record of `recordBytes` at `start`, which is about to be written at `page`, in place. */
  seal(bytes: Buffer, start: number, recordBytes: number, page: number): void {
    const end = start + recordBytes;
    this.#prepare(bytes, start, end, page);
    const cipher = createCipheriv(algorithm, this.#key, this.#nonce, { authTagLength: tagBytes });
    cipher.setAAD(this.#authenticated);
    bytes.set(cipher.update(bytes.subarray(start + clearBytes, end - sealBytes)), start + clearBytes);
    cipher.final();
    bytes.set(cipher.getAuthTag(), end - tagBytes);
  }

  /**
   * Decrypts the record at `start` of `source` into the start of `target`, which has room for it; false when it was
   * changed, or was sealed under another key or for another page.
   */
  open(source: Buffer, start: number, recordBytes: number, page: number, target: Buffer): boolean {
    const end = start + recordBytes;
    this.#prepare(source, start, end, page);
    const decipher = createDecipheriv(algorithm, this.#key, this.#nonce, { authTagLength: tagBytes });
    decipher.setAAD(this.#authenticated);
    decipher.setAuthTag(Buffer.from(source.subarray(end - tagBytes, end)));
    source.copy(target, 0, start, start + clearBytes);
    const plain = decipher.update(source.subarray(start + clearBytes, end - sealBytes));
    try {
      decipher.final();
    } catch {
      return false;
    }
    target.set(plain, clearBytes);
    return true;
  }

  #prepare(bytes: Buffer, start: number, end: number, page: number): void {
    bytes.copy(this.#nonce, 4, end - sealBytes, end - tagBytes);
    bytes.copy(this.#authenticated, 0, start, start + clearBytes);
    this.#authenticated.writeUInt32LE(page, clearBytes);
  }
}
