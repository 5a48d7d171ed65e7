/**
 * Makes the record of a value: key, payload and header, straight into the buffer that will be written. The payload's
 * fingerprint is left in `fingerprint`, so that the caller can see whether the file says the same already.
 *
 * Feared most: bytes that go to the file and belong to no record, as pages are written whole, and encoding leaves its
 * traces in the buffer, in plain. So a record is padded here, by whomever it is written.
 */

import { copyBytes } from '../codec/copy-bytes.js';
import { fingerprint, takeFingerprint } from '../codec/fingerprint.js';
import {
  counterBytes,
  Encoding,
  keyBytesOf,
  padRecord,
  payloadOffset,
  RecordBuffer,
  recordBytesMax,
  sealBytes,
  sealedBit,
  withSizeCode,
  writeHeader,
  writeKey,
} from '../disk/record.js';
import { reasonOf, SwapError } from '../errors.js';
import { charactersSize } from '../heap-layout.js';
import { quoteKey } from '../key-prefix.js';
import { sizeCode } from '../memory/size-code.js';
import { entryOverheadBytes } from '../memory/size-of.js';
import { pageSizeMax } from '../options.js';
import type { PayloadFormat } from './payload-format.js';
import { scratchBytes } from './record-reader.js';

/** Values up to this are compared with their record; as many bytes as are read into one buffer. */
const comparedBytesMax = scratchBytes;
/** The encoder stops some bytes before its buffer ends. */
const comparedSlackBytes = 64;

export class RecordWriter {
  readonly #format: PayloadFormat;
  readonly #pageSize: number;

  /** What a value is encoded into only to be compared. */
  #compared: RecordBuffer | undefined = undefined;
  /** Seals made so far: no two have the same nonce. */
  #seals = 0;
  /** Bytes of the last payload, before compression. */
  payloadBytes = 0;
  /** What its entry costs in memory, bytes; 0 where that is not known. */
  entryBytes = 0;

  constructor(format: PayloadFormat, pageSize: number) {
    this.#format = format;
    this.#pageSize = pageSize;
  }

  /**
   * Writes the record at `start`, with zeros behind it up to the end of its last page, and returns its bytes, or -1
   * when the buffer is too small for it. Throws ERR_SWAP_UNSERIALIZABLE when the value cannot be encoded.
   *
   * @param sizeBytes What the entry costs in memory; 0 = what the codec has found, or where that has not weighed it,
   *   nothing, so that it is weighed when it comes back.
   */
  write(
    target: RecordBuffer,
    start: number,
    key: string,
    value: unknown,
    sizeBytes: number,
    generation: number,
  ): number {
    const encoding = this.#format.serializer === undefined ? Encoding.Codec : Encoding.Serializer;
    const { sealer } = this.#format;
    let keyWord = writeKey(target, start, key, encoding);
    if (keyWord === -1) return -1;
    if (sealer !== undefined) keyWord |= sealedBit;
    const payload = start + payloadOffset(keyWord);
    const end = this.#encode(target, payload, key, value);
    if (end === -1) return -1;
    const recordBytes = end - start + (sealer === undefined ? 0 : sealBytes);
    if (start + recordBytes > target.bytes.length) return -1;
    this.payloadBytes = end - payload;
    this.entryBytes = sizeBytes !== 0 ? sizeBytes : this.#sizeWith(keyWord);
    keyWord = withSizeCode(keyWord, sizeCode(this.entryBytes, this.payloadBytes));
    takeFingerprint(target.words, payload >>> 2, this.payloadBytes, this.#format.seedA, this.#format.seedB);
    writeHeader(
      target,
      start,
      recordBytes,
      generation,
      keyWord,
      this.payloadBytes,
      fingerprint.a,
      fingerprint.b,
    );
    if (sealer !== undefined) {
      target.bytes.writeUIntLE(this.#seals++, end, 6);
      target.bytes.fill(0, end + 6, end + counterBytes);
    }
    padRecord(target, start, recordBytes, this.#pageSize);
    return recordBytes;
  }

  /** What the entry costs whose value was just encoded, as the codec weighs it; 0 where it does not. */
  #sizeWith(keyWord: number): number {
    if (this.#format.serializer !== undefined) return 0;
    const { weight } = this.#format.codec;
    return Number.isNaN(weight) ? 0 : entryOverheadBytes + charactersSize(keyBytesOf(keyWord)) + weight;
  }

  /**
   * The record of a value that no slab can hold, in a buffer of its own, grown until it fits. `estimateBytes` is
   * where to begin.
   */
  writeAlone(
    key: string,
    value: unknown,
    sizeBytes: number,
    generation: number,
    estimateBytes: number,
  ): RecordBuffer {
    for (
      let capacity = roundUp(estimateBytes);
      ;
      capacity = roundUp(Math.min(capacity * 2, recordBytesMax))
    ) {
      const target = new RecordBuffer(new ArrayBuffer(capacity));
      if (this.write(target, 0, key, value, sizeBytes, generation) !== -1) return target;
      if (capacity >= recordBytesMax - pageSizeMax) throw tooLarge(key);
    }
  }

  /** True when `value` encodes to the `length` bytes of `source` from `from` on. Only without a serializer of the user's. */
  saysTheSame(value: unknown, source: RecordBuffer, from: number, length: number): boolean {
    if (Buffer.isBuffer(value)) return this.#format.codec.isBufferIn(source.bytes, from, length, value);
    const encoded = this.#encodedTo(value, length);
    return encoded !== undefined && source.bytes.compare(encoded.bytes, 0, length, from, from + length) === 0;
  }

  /** True for a payload of which `takeFingerprintOf` may say something. */
  mayCompare(payloadBytes: number): boolean {
    return this.#format.serializer === undefined && payloadBytes <= comparedBytesMax;
  }

  /**
   * Takes the fingerprint of a value that encodes to `length` bytes; false when it does not, or that is not known without
   * its record. What it is encoded into is in the caches, as a slab is not: threads have written from that.
   */
  takeFingerprintOf(value: unknown, length: number): boolean {
    const { seedA, seedB } = this.#format;
    const encoded = this.mayCompare(length) ? this.#encodedTo(value, length) : undefined;
    if (encoded === undefined) return false;
    this.payloadBytes = length;
    takeFingerprint(encoded.words, 0, length, seedA, seedB);
    return true;
  }

  /** Encodes a value to compare it; undefined when that does not take `length` bytes. */
  #encodedTo(value: unknown, length: number): RecordBuffer | undefined {
    if (length > comparedBytesMax) return undefined;
    this.#compared ??= new RecordBuffer(new ArrayBuffer(comparedBytesMax + comparedSlackBytes));
    this.#format.foreign.depth++;
    try {
      const end = this.#format.codec.encode(value, this.#compared, 0);
      return end === length ? this.#compared : undefined;
    } catch {
      // What cannot be encoded any more was changed.
      return undefined;
    } finally {
      this.#format.foreign.depth--;
    }
  }

  #encode(target: RecordBuffer, start: number, key: string, value: unknown): number {
    this.#format.foreign.depth++;
    try {
      if (this.#format.serializer === undefined) return this.#format.codec.encode(value, target, start);
      const bytes: unknown = this.#format.serializer.serialize(value);
      if (!(bytes instanceof Uint8Array)) throw new TypeError('serialize did not return a Uint8Array');
      if (start + bytes.length > target.bytes.length) return -1;
      copyBytes(bytes, target.bytes, start);
      return start + bytes.length;
    } catch (cause) {
      const message = `the value of ${quoteKey(key)} cannot be encoded: ${reasonOf(cause)}`;
      throw new SwapError('ERR_SWAP_UNSERIALIZABLE', message, { cause, storedKey: key });
    } finally {
      this.#format.foreign.depth--;
    }
  }
}

/** Values of 2 GiB and more have no record. */
export function tooLarge(key: string): SwapError {
  const message = `the value of ${quoteKey(key)} takes more than 2 GiB, which no record can hold`;
  return new SwapError('ERR_SWAP_UNSERIALIZABLE', message, { storedKey: key });
}

/** Up to a whole number of the largest pages, so that the padding of any page size is inside. */
function roundUp(bytes: number): number {
  return Math.min(
    Math.ceil(bytes / pageSizeMax) * pageSizeMax,
    Math.floor(recordBytesMax / pageSizeMax) * pageSizeMax,
  );
}
