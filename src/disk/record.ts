/**
 * How one value lies in the file: a header of eight little-endian words, the key, the payload; the key padded to a
 * word, the whole to a page. The header says enough to prove that these bytes are this key's latest value, and to
 * walk a slab of records without any list beside it. Nothing in it is believed before `checkHeader` has seen it.
 *
 *     word 0  magic            word 4  bytes of the payload before compression
 *     word 1  record bytes     word 5  sum over the words 0-4, 6, 7 and the key
 *     word 2  generation       word 6  fingerprint of the payload before compression, first half
 *     word 3  key, kind, code  word 7  its second half
 *
 * The code, eight bits, says what the value costs in memory (memory/size-code.ts). The fingerprint is over the payload as it was encoded, so that it stays the same whatever compression does; a
 * compressed payload is checked after it was inflated into a buffer of exactly the size that word 4 says.
 */

import type { CodeBuffer } from '../codec/code-buffer.js';
import { Compression } from '../codec/compression.js';
import { isOneByte } from '../codec/one-byte.js';
import { assert } from '../errors.js';

export const recordMagic = 0x31505753; // 'SWP1'
export const headerBytes = 32;
export const headerWords = headerBytes / 4;
/** Records are read and written with lengths of 31 bits. */
export const recordBytesMax = 0x7fffffff;

/** How the payload was made. */
export const enum Encoding {
  Codec = 0,
  Serializer = 1,
}
const twoByteBit = 1 << 16;
const encodingShift = 17;
const compressionShift = 20;
/** The record is encrypted in the file, and ends in a seal. */
export const sealedBit = 1 << 23;
const sizeCodeShift = 24;

/** The word of a key with the code of its value's size. */
export function withSizeCode(keyWord: number, code: number): number {
  return keyWord | (code << sizeCodeShift);
}
export function sizeCodeOf(keyWord: number): number {
  return keyWord >>> sizeCodeShift;
}

/** A seal: the counter of its nonce, the salt of its session, and the tag. */
export const counterBytes = 8;
export const saltBytes = 16;
export const tagBytes = 16;
export const sealBytes = counterBytes + saltBytes + tagBytes;

/** Bytes that the key takes in a record, without padding. */
export function keyBytesOf(keyWord: number): number {
  return (keyWord & 0xffff) * ((keyWord & twoByteBit) !== 0 ? 2 : 1);
}
export function encodingOf(keyWord: number): Encoding {
  return (keyWord >>> encodingShift) & 7;
}
export function compressionOf(keyWord: number): Compression {
  return (keyWord >>> compressionShift) & 7;
}
/** Bytes from the start of a record to its payload. */
export function payloadOffset(keyWord: number): number {
  return headerBytes + ((keyBytesOf(keyWord) + 3) & ~3);
}

/** Bytes from the start of a record to the end of its payload. */
export function payloadEnd(recordBytes: number, keyWord: number): number {
  return (keyWord & sealedBit) !== 0 ? recordBytes - sealBytes : recordBytes;
}

/** Bytes of the whole pages that a record takes. */
export function paddedBytes(recordBytes: number, pageSize: number): number {
  return Math.ceil(recordBytes / pageSize) * pageSize;
}

/**
 * Fills what is behind the record that begins at `start`, up to the end of its last page, with zeros: whole pages are
 * written, and what the buffer held before is of another value, or of this one before it was encrypted.
 */
export function padRecord(target: RecordBuffer, start: number, recordBytes: number, pageSize: number): void {
  let end = start + recordBytes;
  for (; (end & 3) !== 0; end++) target.bytes[end] = 0;
  target.words.fill(0, end >>> 2, (start + paddedBytes(recordBytes, pageSize)) >>> 2);
}

/** One buffer seen as bytes, as words and through a view; records begin at whole words. */
export class RecordBuffer implements CodeBuffer {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly words: Int32Array;

  constructor(
    memory: ArrayBuffer | SharedArrayBuffer,
    byteOffset = 0,
    byteLength = memory.byteLength - byteOffset,
  ) {
    assert(byteOffset % 4 === 0 && byteLength % 4 === 0, 'a record buffer is made of whole words');
    this.bytes = Buffer.from(memory, byteOffset, byteLength);
    this.view = new DataView(memory, byteOffset, byteLength);
    this.words = new Int32Array(memory, byteOffset, byteLength / 4);
  }
}

/**
 * Writes `key` behind the header that begins at `start` and returns the word that describes it (word 3), or -1 when
 * the buffer ends before the payload could begin. One byte a character where that holds the key, else two.
 */
export function writeKey(target: RecordBuffer, start: number, key: string, encoding: Encoding): number {
  const oneByte = isOneByte(key);
  const keyWord = key.length | (oneByte ? 0 : twoByteBit) | (encoding << encodingShift);
  const at = start + headerBytes;
  if (start + payloadOffset(keyWord) > target.bytes.length) return -1;
  const { bytes } = target;
  if (oneByte && key.length < 32) {
    for (let index = 0; index < key.length; index++) bytes[at + index] = key.charCodeAt(index);
  } else if (oneByte) {
    bytes.latin1Write(key, at, key.length);
  } else {
    bytes.ucs2Write(key, at, key.length * 2);
  }
  const keyBytes = keyBytesOf(keyWord);
  for (let pad = at + keyBytes; (pad & 3) !== 0; pad++) bytes[pad] = 0;
  return keyWord;
}

/** The key of the record that begins at `start`; the caller has checked its header. */
export function readKey(source: RecordBuffer, start: number): string {
  const keyWord = source.words[(start >>> 2) + 3]!;
  const from = start + headerBytes;
  const end = from + keyBytesOf(keyWord);
  return (keyWord & twoByteBit) !== 0
    ? source.bytes.ucs2Slice(from, end)
    : source.bytes.latin1Slice(from, end);
}

/** True when the record that begins at `start` belongs to `key`. */
export function keyMatches(source: RecordBuffer, start: number, key: string): boolean {
  const keyWord = source.words[(start >>> 2) + 3]!;
  if ((keyWord & 0xffff) !== key.length) return false;
  const { bytes } = source;
  let at = start + headerBytes;
  if ((keyWord & twoByteBit) !== 0) {
    for (let index = 0; index < key.length; index++, at += 2) {
      if ((bytes[at]! | (bytes[at + 1]! << 8)) !== key.charCodeAt(index)) return false;
    }
    return true;
  }
  for (let index = 0; index < key.length; index++, at++) {
    if (bytes[at] !== key.charCodeAt(index)) return false;
  }
  return true;
}

/** Fills in the header of the record at `start`; key and payload are in place already. */
export function writeHeader(
  target: RecordBuffer,
  start: number,
  recordBytes: number,
  generation: number,
  keyWord: number,
  rawBytes: number,
  fingerprintA: number,
  fingerprintB: number,
): void {
  const { words } = target;
  const at = start >>> 2;
  words[at] = recordMagic;
  words[at + 1] = recordBytes;
  words[at + 2] = generation;
  words[at + 3] = keyWord;
  words[at + 4] = rawBytes;
  words[at + 6] = fingerprintA;
  words[at + 7] = fingerprintB;
  words[at + 5] = headerSum(words, at, keyWord);
}

/** A compressed payload has taken the place of the plain one: writes what that changes. */
export function rewriteHeader(
  target: RecordBuffer,
  start: number,
  recordBytes: number,
  compression: Compression,
): void {
  const { words } = target;
  const at = start >>> 2;
  const keyWord = words[at + 3]! | (compression << compressionShift);
  words[at + 1] = recordBytes;
  words[at + 3] = keyWord;
  words[at + 5] = headerSum(words, at, keyWord);
}

/**
 * True when a sound header begins at `start` and the whole record lies within `available` bytes of it. Checks
 * lengths before it uses them.
 */
export function checkHeader(source: RecordBuffer, start: number, available: number): boolean {
  if (available < headerBytes || start + available > source.bytes.length) return false;
  const { words } = source;
  const at = start >>> 2;
  if (words[at] !== recordMagic) return false;
  const recordBytes = words[at + 1]!;
  const keyWord = words[at + 3]!;
  const end = payloadEnd(recordBytes, keyWord);
  if (end < payloadOffset(keyWord) || recordBytes > available) return false;
  const rawBytes = words[at + 4]!;
  if (rawBytes < 0) return false;
  if (compressionOf(keyWord) === Compression.None && rawBytes !== end - payloadOffset(keyWord)) return false;
  return words[at + 5] === headerSum(words, at, keyWord);
}

function headerSum(words: Int32Array, at: number, keyWord: number): number {
  let sum = recordMagic;
  for (let word = 1; word < headerWords; word++) {
    if (word === 5) continue;
    sum = Math.imul(sum ^ words[at + word]!, 0x9e3779b1);
    sum = (sum << 13) | (sum >>> 19);
  }
  const end = at + (payloadOffset(keyWord) >>> 2);
  for (let word = at + headerWords; word < end; word++) {
    sum = Math.imul(sum ^ words[word]!, 0x85ebca6b);
    sum = (sum << 15) | (sum >>> 17);
  }
  return sum ^ (sum >>> 16);
}
