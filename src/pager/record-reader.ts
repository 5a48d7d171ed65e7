/**
 * Reads the record that a pointer points to, and proves before anything else that it is this key's latest value:
 * sound header, length, generation, key, and the fingerprint of the payload. The bytes come from a slab that still
 * holds them, else from the file by one call. What was read is left in the fields, so that a fault allocates nothing
 * but the value.
 */

import { Compression, decompress } from '../codec/compression.js';
import { fingerprint, takeFingerprint } from '../codec/fingerprint.js';
import type { Likeness } from '../codec/likeness.js';
import {
  checkHeader,
  compressionOf,
  Encoding,
  encodingOf,
  headerBytes,
  keyMatches,
  payloadEnd,
  payloadOffset,
  RecordBuffer,
  readKey,
  recordMagic,
  sealBytes,
  sizeCodeOf,
} from '../disk/record.js';
import { SwapError } from '../errors.js';
import { quoteKey } from '../key-prefix.js';
import { sizeOfCode } from '../memory/size-code.js';
import type { PayloadFormat } from './payload-format.js';

/** Records up to this are read into one buffer that is used again and again; larger ones into their own. */
export const scratchBytes = 72 * 1024;

/** What a pointer claims of its record. */
export interface Claim {
  readonly key: string;
  readonly page: number;
  readonly recordBytes: number;
  readonly generation: number;
}

export class RecordReader {
  readonly #format: PayloadFormat;
  readonly #scratch = new RecordBuffer(new ArrayBuffer(scratchBytes));
  /** What sealed records are decrypted into. */
  #plain: RecordBuffer | undefined = undefined;

  // Of the last record that was accepted.
  value: unknown = undefined;
  payloadBytes = 0;
  /** What its value costs in memory, bytes, as it was when the record was made; 0 = unknown. */
  sizeBytes = 0;
  /** Where its payload lies as the codec wrote it, while it does: in what it was read into. */
  plainSource: RecordBuffer | undefined = undefined;
  plainFrom = 0;
  fingerprintA = 0;
  fingerprintB = 0;

  constructor(format: PayloadFormat) {
    this.#format = format;
  }

  /** Hands the value over, and keeps nothing of it alive. */
  takeValue(): unknown {
    const { value } = this;
    this.value = undefined;
    return value;
  }

  /** A buffer to read a record of `bytes` into. */
  bufferFor(bytes: number): RecordBuffer {
    if (bytes <= scratchBytes) return this.#scratch;
    return new RecordBuffer(new ArrayBuffer(Math.ceil(bytes / 4) * 4));
  }

  /** True when the record at `start` is the one that the pointer means. */
  matches(source: RecordBuffer, start: number, available: number, claim: Claim): boolean {
    if (this.#format.sealer !== undefined) return this.#mayBe(source, start, available, claim);
    return this.#isMeant(source, start, available, claim);
  }

  /** The same for a record that is sealed, as far as can be told without opening it. */
  #mayBe(source: RecordBuffer, start: number, available: number, claim: Claim): boolean {
    const at = start >>> 2;
    const { words } = source;
    return (
      available >= claim.recordBytes &&
      claim.recordBytes >= headerBytes + sealBytes &&
      start + claim.recordBytes <= source.bytes.length &&
      words[at] === recordMagic &&
      words[at + 1] === claim.recordBytes &&
      words[at + 2] === claim.generation
    );
  }

  #isMeant(source: RecordBuffer, start: number, available: number, claim: Claim): boolean {
    return (
      checkHeader(source, start, available) &&
      source.words[(start >>> 2) + 1] === claim.recordBytes &&
      source.words[(start >>> 2) + 2] === claim.generation &&
      keyMatches(source, start, claim.key)
    );
  }

  /**
   * Takes the value out of the record at `start`, of which `available` bytes were read. Throws ERR_SWAP_CORRUPT when
   * it is not what the pointer claims.
   *
   * @param likeness Has that of the value then, where the value can have one. What is too large for the buffer that is used
   *   again has none, as nobody counts what a likeness keeps alive.
   */
  accept(
    source: RecordBuffer,
    start: number,
    available: number,
    claim: Claim,
    likeness: Likeness | undefined,
  ): void {
    if (this.#format.sealer === undefined) {
      this.#acceptPlain(source, start, available, claim, likeness);
      return;
    }
    const plain = this.#open(source, start, available, claim);
    this.#acceptPlain(plain, 0, claim.recordBytes, claim, likeness);
  }

  /** The key of the record at `page`, whose bytes are at the start of `source`; undefined when they are none. */
  keyAt(source: RecordBuffer, page: number): string | undefined {
    const { sealer } = this.#format;
    const recordBytes = source.words[1]!;
    if (sealer === undefined) return readKey(source, 0);
    if (recordBytes < headerBytes + sealBytes || recordBytes > source.bytes.length) return undefined;
    const plain = new RecordBuffer(new ArrayBuffer(source.bytes.length));
    return sealer.open(source.bytes, 0, recordBytes, page, plain.bytes) ? readKey(plain, 0) : undefined;
  }

  /** The record, decrypted, at the start of another buffer. */
  #open(source: RecordBuffer, start: number, available: number, claim: Claim): RecordBuffer {
    if (!this.#mayBe(source, start, available, claim)) throw corrupt(claim, 'its header does not match');
    this.#plain ??= new RecordBuffer(new ArrayBuffer(scratchBytes));
    const bytes = claim.recordBytes;
    const target = bytes <= scratchBytes ? this.#plain : new RecordBuffer(new ArrayBuffer((bytes + 3) & ~3));
    if (!this.#format.sealer!.open(source.bytes, start, bytes, claim.page, target.bytes))
      throw corrupt(claim, 'it does not open: it was changed, or sealed for another place or by another key');
    return target;
  }

  #acceptPlain(
    source: RecordBuffer,
    start: number,
    available: number,
    claim: Claim,
    likeness: Likeness | undefined,
  ): void {
    if (!this.#isMeant(source, start, available, claim)) throw corrupt(claim, 'its header does not match');
    const at = start >>> 2;
    const keyWord = source.words[at + 3]!;
    const rawBytes = source.words[at + 4]!;
    const from = start + payloadOffset(keyWord);
    const end = start + payloadEnd(claim.recordBytes, keyWord);
    const compression = compressionOf(keyWord);
    this.sizeBytes = sizeOfCode(sizeCodeOf(keyWord), rawBytes);
    this.plainSource = undefined;
    const notes = rawBytes <= scratchBytes ? likeness : undefined;
    if (compression !== Compression.None) {
      const plain = inflate(source.bytes.subarray(from, end), compression, rawBytes, claim);
      this.#checkFingerprint(plain, 0, rawBytes, source.words, at, claim);
      this.#decode(plain, 0, rawBytes, encodingOf(keyWord), true, claim, notes);
      return;
    }
    this.#checkFingerprint(source, from, rawBytes, source.words, at, claim);
    // A buffer of its own is not used again, so that a large Buffer may stay where it was read.
    const adopt = source.bytes.length > scratchBytes && source.bytes.buffer instanceof ArrayBuffer;
    this.#decode(source, from, end, encodingOf(keyWord), adopt, claim, notes);
    if (source !== this.#scratch || encodingOf(keyWord) !== Encoding.Codec) return;
    this.plainSource = source;
    this.plainFrom = from;
  }

  #checkFingerprint(
    payload: RecordBuffer,
    from: number,
    bytes: number,
    header: Int32Array,
    at: number,
    claim: Claim,
  ): void {
    takeFingerprint(payload.words, from >>> 2, bytes, this.#format.seedA, this.#format.seedB);
    if (fingerprint.a !== header[at + 6] || fingerprint.b !== header[at + 7]) {
      throw corrupt(claim, 'its checksum does not match');
    }
    this.payloadBytes = bytes;
    this.fingerprintA = fingerprint.a;
    this.fingerprintB = fingerprint.b;
  }

  #decode(
    source: RecordBuffer,
    from: number,
    end: number,
    encoding: Encoding,
    adopt: boolean,
    claim: Claim,
    likeness: Likeness | undefined,
  ): void {
    try {
      this.value =
        encoding === Encoding.Codec
          ? this.#format.codec.decode(source, from, end, adopt, likeness)
          : this.#deserialize(source, from, end);
    } catch (cause) {
      // The end of the stack, or of memory, says nothing of the record.
      if (cause instanceof RangeError && encoding === Encoding.Codec) throw cause;
      throw corrupt(claim, 'it cannot be decoded', cause);
    }
  }

  #deserialize(source: RecordBuffer, from: number, end: number): unknown {
    if (this.#format.serializer === undefined)
      throw new Error('it was made by a serializer that this store does not have');
    this.#format.foreign.depth++;
    try {
      return this.#format.serializer.deserialize(new Uint8Array(source.bytes.subarray(from, end)));
    } finally {
      this.#format.foreign.depth--;
    }
  }
}

function inflate(stored: Uint8Array, kind: Compression, rawBytes: number, claim: Claim): RecordBuffer {
  try {
    const plain = decompress(kind, stored, rawBytes);
    const buffer = new RecordBuffer(new ArrayBuffer(Math.ceil(rawBytes / 4) * 4));
    buffer.bytes.set(plain);
    return buffer;
  } catch (cause) {
    throw corrupt(claim, 'it cannot be decompressed', cause);
  }
}

function corrupt(claim: Claim, why: string, cause?: unknown): SwapError {
  const message = `the record of ${quoteKey(claim.key)} at page ${claim.page} is damaged: ${why}`;
  return new SwapError('ERR_SWAP_CORRUPT', message, { cause, storedKey: claim.key, page: claim.page });
}
