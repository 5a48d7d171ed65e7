/**
 * The codec's format: one byte of flags, the value, the texts that it refers to, and four bytes that say how long those
 * are, where there are any. Numbers are little-endian.
 */

/** What the byte of flags says. */
export const enum Flag {
  /** Some object is met more than once, so that they must be numbered. */
  References = 1,
  /** There are texts behind the value. */
  Texts = 2,
}

/** The first byte of every value. */
export const enum Tag {
  Undefined,
  Null,
  True,
  False,
  /** One signed byte. */
  Int8,
  Int32,
  Float64,
  /** Length in one byte; one byte a character, among the texts, which are in the order of their strings, backwards. */
  ShortString,
  /** Length in four bytes, then one byte a character. */
  OneByteString,
  /** Length in four bytes, then two bytes a character. */
  TwoByteString,
  /** A string of hexadecimal digits, perhaps with a minus. */
  BigInt,
  Buffer,
  ArrayBuffer,
  /** Kind of view, bytes, content. */
  View,
  Date,
  RegExp,
  Map,
  Set,
  /** Kind, then message, stack and cause, each behind a flag. */
  Error,
  /** The primitive that is boxed. */
  Boxed,
  /** Length, then that many values. */
  Array,
  /** Length and count, then that many pairs of key and value: holes, or properties that are no elements. */
  SparseArray,
  /** Number of a shape in two bytes, then its values. */
  Record,
  /** Count, then that many pairs of key and value. */
  Object,
  /** An object that was met before, by its number. */
  Reference,
  /** A container whose content follows later, as it is nested too deeply; then its tag. */
  Deferred,
}

/** Containers nested more deeply than this are deferred, so that no data can overflow the stack. */
export const depthMax = 100;

/** Views by their number in the format. Only ever append. */
export const viewKinds: ReadonlyArray<
  (new (buffer: ArrayBuffer) => ArrayBufferView) & { BYTES_PER_ELEMENT?: number }
> = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];

/** Errors by their number in the format: what structured clone keeps apart. */
export const errorKinds = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
] as const;
