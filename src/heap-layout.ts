/**
 * What V8 and Node take for one thing each, without what it refers to: bytes on 64 bits without pointer compression,
 * as Node is built, from 20 to 26. Where the layout depends on how the thing was made, which JavaScript cannot see,
 * the figure lies between the cases. scripts/measure-sizes.mjs holds all of them against process.memoryUsage().
 */

import v8 from 'node:v8';
import { isOneByte } from './codec/one-byte.js';

/** One tagged field or element; also what a value costs that fits into one. */
export const SLOT_BYTES = 8;
/** A number in a field that is no small integer: V8 boxes it. Elements of arrays of numbers alone are not boxed. */
export const HEAP_NUMBER_BYTES = 16;
/** Header of a string, a bigint and a backing store: map, length or hash. */
export const HEADER_BYTES = 16;
/** Three words of header, and one that is spare on average: a literal has none, `{}` grown by hand up to four. */
export const RECORD_BYTES = 32;
/** An object whose properties lie in a hash table, and the table's own header. */
export const DICTIONARY_BYTES = 90;
/** Key, value and details. */
const DICTIONARY_ENTRY_BYTES = 24;
export const ARRAY_BYTES = 32;
/** Map or Set with the header of its table; each table entry carries half a bucket. */
export const TABLE_BYTES = 82;
export const MAP_ENTRY_BYTES = 28;
export const SET_ENTRY_BYTES = 20;
const CAPACITY_MIN = 4;
/** A name as long as this is data (a UUID, a hash), and of one value alone. */
export const DATA_NAME_LENGTH_MIN = 32;
/** An object with elements, and the four fields that `{}` reserves. */
export const INDEXED_BYTES = 56;
export const ARRAY_BUFFER_BYTES = 97;
const VIEW_BYTES = 100;
/** V8 keeps so many bytes within the view itself; asking such a view for its buffer would move them out. */
const VIEW_INLINE_BYTES_MAX = 64;
/** Node 26 makes the pool of small Buffers that much larger than Buffer.poolSize, to align it. */
const POOL_PADDING_BYTES_MAX = 64;
export const DATE_BYTES = 104;
export const REG_EXP_BYTES = 100;
/** Besides its fields: the call sites of a shallow stack. */
export const ERROR_BYTES = 170;
/** Boxed primitives, promises, functions: what is stored rarely and cannot be looked into. */
export const OPAQUE_BYTES = 64;

export function isSmallInteger(value: number): boolean {
  // Negative zero is none.
  return (value | 0) === value && (value !== 0 || 1 / value > 0);
}

/** Newer runtimes say how a string is stored; elsewhere what it holds is the best guess. */
// Taken apart like this, as webpack makes a named import of what stands after a dot, and a name that older runtimes do
// not have would keep all of it from starting.
const { isStringOneByteRepresentation } = v8 as { isStringOneByteRepresentation?: (text: string) => boolean };
const isStoredInOneByte = isStringOneByteRepresentation ?? isOneByte;

export function stringSize(text: string): number {
  const length = text.length;
  // V8 has these ready made.
  if (length === 0 || (length === 1 && text.charCodeAt(0) < 256)) return SLOT_BYTES;
  return charactersSize(isStoredInOneByte(text) ? length : 2 * length);
}

/** A string that is not ready made, whose characters take so many bytes. */
export function charactersSize(bytes: number): number {
  return (HEADER_BYTES + bytes + 7) & ~7;
}

export function bigintSize(value: bigint): number {
  if (BigInt.asIntN(64, value) === value) return HEADER_BYTES + 8;
  const hexDigits = (value < 0n ? -value : value).toString(16).length;
  return HEADER_BYTES + 8 * Math.ceil(hexDigits / 16);
}

/** With the buffer that the view keeps alive. */
export function viewSize(view: ArrayBufferView): number {
  try {
    const byteLength = view.byteLength;
    if (byteLength <= VIEW_INLINE_BYTES_MAX && view.byteOffset === 0) {
      return VIEW_BYTES + ARRAY_BUFFER_BYTES + byteLength;
    }
    const bufferBytes = view.buffer.byteLength;
    if (!isPooled(view, byteLength, bufferBytes)) return VIEW_BYTES + ARRAY_BUFFER_BYTES + bufferBytes;
    // A share of the pool, and of what is left over at its end because the next one did not fit.
    return VIEW_BYTES + byteLength * Math.min(1.3, bufferBytes / (bufferBytes - 2 * byteLength));
  } catch {
    return OPAQUE_BYTES;
  }
}

/** A guess: nothing marks the buffers that Node cuts its small Buffers from. */
function isPooled(view: ArrayBufferView, byteLength: number, bufferBytes: number): boolean {
  const poolBytes = Buffer.poolSize;
  if (bufferBytes < poolBytes || bufferBytes > poolBytes + POOL_PADDING_BYTES_MAX) return false;
  return byteLength < poolBytes / 2 && Buffer.isBuffer(view);
}

/** The backing store of `length` slots, with what grown ones have spare: none if made to size, up to half if pushed. */
export function elementsSize(length: number): number {
  return length === 0 ? 0 : HEADER_BYTES + SLOT_BYTES * (length + ((length + 8) >>> 4));
}

export function dictionarySize(count: number): number {
  return DICTIONARY_ENTRY_BYTES * capacityFor(count + (count >>> 1));
}

/** V8's hash tables double. */
export function capacityFor(count: number): number {
  return count <= CAPACITY_MIN ? CAPACITY_MIN : 2 ** (32 - Math.clz32(count - 1));
}

export function isIndex(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 48 && first <= 57 && String(Number(name) >>> 0) === name;
}
