/**
 * Encrypts what goes to the disk and decrypts what comes back: AES-256-GCM of node:crypto, never under the user's key
 * itself, but under subkeys of it that are used for one purpose (HKDF, RFC 5869, with a salt of 16 random bytes).
 *
 * A record: the subkey is that of the session that wrote it, the nonce a counter that the main thread writes into each
 * record it makes, and never gives out twice in a session. The first 16 bytes stay readable (that it is a record, its
 * length, its generation, what was done to it); all else, the key included, is encrypted. What is readable and the page
 * that the record lies at are authenticated with it, so that a record that was moved, or an older one put back, does not
 * open. The salt lies in the record, so that any later session can read it, and nothing that is lost takes it along.
 *
 *     | 16 bytes, clear | encrypted: rest of the header, key, payload | counter, 8 | salt, 16 | tag, 16 |
 *
 * A block of the index: a subkey of its own, so that the nonce may be zeros.
 *
 *     | salt, 16 | encrypted | tag, 16 |
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { copyBytes } from '../codec/copy-bytes.js';
import type { BlockSeal } from './index-format.js';
import { counterBytes, saltBytes, sealBytes, tagBytes } from './record.js';

export const sealKeyBytes = 32;
const clearBytes = 16;
const nonceBytes = 12;
const algorithm = 'aes-256-gcm';
const keyCheckBytes = 16;
/** Subkeys of other sessions that are kept at hand. */
const subkeysMax = 64;
const zeros = Buffer.alloc(nonceBytes);

/** What threads need to seal and open records; no two sessions have the same salt. */
export interface SealSecret {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** Proves that a key is the one that a file was made with, and gives nothing of it away. */
export function keyCheckOf(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return subkeyOf(key, salt, 'key check').subarray(0, keyCheckBytes);
}

function subkeyOf(key: Uint8Array, salt: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, `swapstore ${purpose}`, sealKeyBytes));
}

export class Sealer {
  readonly secret: SealSecret;
  readonly #own: Uint8Array;
  readonly #subkeys = new Map<string, Uint8Array>();
  readonly #nonce = Buffer.alloc(nonceBytes);
  readonly #authenticated = Buffer.alloc(clearBytes + 4);

  constructor(secret: SealSecret) {
    this.secret = secret;
    this.#own = subkeyOf(secret.key, secret.salt, 'record');
  }

  /** Encrypts the record of `recordBytes` at `start`, which is about to be written at `page`, in place. */
  seal(bytes: Buffer, start: number, recordBytes: number, page: number): void {
    const end = start + recordBytes;
    bytes.set(this.secret.salt, end - tagBytes - saltBytes);
    this.#prepare(bytes, start, end, page);
    const cipher = createCipheriv(algorithm, this.#own, this.#nonce, { authTagLength: tagBytes });
    cipher.setAAD(this.#authenticated);
    copyBytes(cipher.update(bytes.subarray(start + clearBytes, end - sealBytes)), bytes, start + clearBytes);
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
    const subkey = this.#subkey(source.subarray(end - tagBytes - saltBytes, end - tagBytes));
    const decipher = createDecipheriv(algorithm, subkey, this.#nonce, { authTagLength: tagBytes });
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

  #subkey(salt: Buffer): Uint8Array {
    if (salt.equals(this.secret.salt)) return this.#own;
    const name = salt.latin1Slice(0, saltBytes);
    let found = this.#subkeys.get(name);
    if (found !== undefined) return found;
    // Most stores have few sessions; one with more of them, or with damaged salts, begins again.
    if (this.#subkeys.size >= subkeysMax) this.#subkeys.clear();
    found = subkeyOf(this.secret.key, salt, 'record');
    this.#subkeys.set(name, found);
    return found;
  }

  #prepare(bytes: Buffer, start: number, end: number, page: number): void {
    bytes.copy(this.#nonce, nonceBytes - counterBytes, end - sealBytes, end - sealBytes + counterBytes);
    bytes.copy(this.#authenticated, 0, start, start + clearBytes);
    this.#authenticated.writeUInt32LE(page, clearBytes);
  }
}

/** Encrypts the blocks of an index. What `authenticated` says must be said again to open one. */
export class BlockCipher implements BlockSeal {
  readonly #key: Uint8Array;
  readonly newSalt: () => Uint8Array;

  constructor(key: Uint8Array, newSalt: () => Uint8Array) {
    this.#key = key;
    this.newSalt = newSalt;
  }

  seal(plain: Uint8Array, authenticated: Uint8Array): Buffer {
    const salt = this.newSalt();
    const cipher = createCipheriv(algorithm, this.#subkey(salt), zeros, { authTagLength: tagBytes });
    cipher.setAAD(authenticated);
    const encrypted = cipher.update(plain);
    cipher.final();
    return Buffer.concat([salt, encrypted, cipher.getAuthTag()]);
  }

  open(sealed: Buffer, authenticated: Uint8Array): Buffer | undefined {
    if (sealed.length < saltBytes + tagBytes) return undefined;
    const subkey = this.#subkey(sealed.subarray(0, saltBytes));
    const decipher = createDecipheriv(algorithm, subkey, zeros, { authTagLength: tagBytes });
    decipher.setAAD(authenticated);
    decipher.setAuthTag(Buffer.from(sealed.subarray(sealed.length - tagBytes)));
    const plain = decipher.update(sealed.subarray(saltBytes, sealed.length - tagBytes));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plain;
  }

  #subkey(salt: Uint8Array): Uint8Array {
    return subkeyOf(this.#key, salt, 'index block');
  }
}
