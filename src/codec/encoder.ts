/**
 * A value's bytes, written straight into the buffer that will leave. Knows every type that structured clone does;
 * objects met twice are written once and then by their number, so that shared and circular references come back as
 * such. Containers nested beyond a hundred levels are deferred: their content follows the rest, so that the stack has
 * a bound whatever the data.
 *
 * When the buffer ends too early the whole attempt is given up by one throw of an error made beforehand.
 *
 * A value that is written is weighed in the same walk, by the same figures as in memory/size-of.ts, as far as it is made
 * of what most are; but what is met twice counts once.
 */
import { types } from 'node:util';
import { serialize } from 'node:v8';
import {
  ARRAY_BYTES,
  charactersSize,
  DATE_BYTES,
  elementsSize,
  HEAP_NUMBER_BYTES,
  SLOT_BYTES,
  viewSize,
} from '../heap-layout.js';
import { type CodeBuffer, noBuffer } from './code-buffer.js';
import { copyBytes } from './copy-bytes.js';
import { isDense } from './dense.js';
import { cannotClone, containerTag, hasOnlyNumbers, isLeaf, showsKeys } from './object-kinds.js';
import { isOneByte } from './one-byte.js';
import type { ShapeNode, Shapes } from './shapes.js';
import { depthMax, errorKinds, Flag, Tag, viewKinds } from './tags.js';

const overflow = new Error('the buffer is too small');
/** Thrown where the table of shapes has no room for a record of which a part is written already. */
const noShape = new Error('the table of shapes has no room');
/** So many values are then looked at before they are written, as the next ones are like this one. */
const carefulCount = 1000;
/** Any scalar fits into this; every value begins with a check that there is so much room. */
const scalarBytes = 16;
const shortStringMax = 48;
/** Texts of more bytes are worth a view of their own when they are put behind the rest. */
const manyTextBytes = 256;
/** Beyond so many objects a Map finds those met before; up to that a list does, at no allocation. */
const listMax = 12;

export class Encoder {
  readonly #shapes: Shapes;
  readonly #onInstance: (constructorName: string) => void;
  readonly #flattened = new WeakSet<object>();

  #bytes: Buffer = noBuffer.bytes;
  #view: DataView = noBuffer.view;
  #at = 0;
  /** Texts are collected from the end of the buffer downwards: this is where they begin, and where all else must end. */
  #texts = 0;
  #flags = 0;
  #depth = 0;
  /** What the value costs in memory, bytes, but for the slots that records and arrays have for what they hold. */
  #weight = 0;
  // Every object of the value in the order in which it was met; `#numbers` has them instead once there are many.
  readonly #met: Array<object | undefined> = new Array(listMax).fill(undefined);
  #metCount = 0;
  #numbers: Map<object, number> | undefined = undefined;
  readonly #deferred: object[] = [];
  #enumerablePrototype = false;
  /** Values left before which the table of shapes is asked first. */
  #careful = 0;

  constructor(shapes: Shapes, onInstance: (constructorName: string) => void) {
    this.#shapes = shapes;
    this.#onInstance = onInstance;
  }

  /** What the value that was written last costs in memory, bytes, as `sizeOf` has it; NaN = that must be asked. */
  get weight(): number {
    return Math.max(SLOT_BYTES, this.#weight);
  }

  /** Writes `value` at `start` and returns where it ends; -1 when it does not fit. Throws what cannot be cloned. */
  encode(value: unknown, target: CodeBuffer, start: number): number {
    const isCareful = this.#careful > 0;
    try {
      return this.#attempt(value, target, start);
    } catch (error) {
      if (error === overflow) return -1;
      if (error !== noShape) throw error;
    } finally {
      if (isCareful) this.#careful--;
    }
    if (isCareful) throw new TypeError('an object that changes while it is read cannot be cloned');
    // Once more, and whole: were each record that has no shape to take back what it wrote, each level of nesting would
    // double the work.
    this.#careful = carefulCount;
    return this.encode(value, target, start);
  }

  #attempt(value: unknown, target: CodeBuffer, start: number): number {
    const { bytes } = target;
    this.#bytes = bytes;
    this.#view = target.view;
    this.#at = start + 1;
    this.#texts = bytes.length;
    this.#flags = 0;
    this.#weight = 0;
    this.#enumerablePrototype = showsKeys(Object.prototype);
    try {
      this.#value(value);
      for (let index = 0; index < this.#deferred.length; index++) this.#content(this.#deferred[index]!);
      if (this.#texts !== bytes.length) this.#appendTexts();
      bytes[start] = this.#flags;
      return this.#at;
    } finally {
      this.#depth = 0;
      for (let at = Math.min(this.#metCount, listMax) - 1; at >= 0; at--) this.#met[at] = undefined;
      this.#metCount = 0;
      this.#numbers = undefined;
      if (this.#deferred.length > 0) this.#deferred.length = 0;
      // Kept alive by nobody but its owner.
      this.#bytes = noBuffer.bytes;
      this.#view = noBuffer.view;
    }
  }

  /** The texts follow the value, and how long they are follows them. */
  #appendTexts(): void {
    this.#flags |= Flag.Texts;
    const bytes = this.#bytes;
    const length = bytes.length - this.#texts;
    const isApart = this.#at + length <= this.#texts;
    if (isApart && length > manyTextBytes) copyBytes(bytes.subarray(this.#texts), bytes, this.#at);
    else bytes.copyWithin(this.#at, this.#texts);
    this.#at += length;
    this.#uint32(length);
  }

  #room(bytes: number): void {
    if (this.#at + bytes + scalarBytes > this.#texts) throw overflow;
  }

  #value(value: unknown): void {
    this.#room(0);
    // Asked one by one, as a switch over a typeof is a call into the runtime.
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'boolean') this.#bytes[this.#at++] = value ? Tag.True : Tag.False;
    else if (value === null) this.#bytes[this.#at++] = Tag.Null;
    else if (typeof value === 'object') this.#object(value);
    else if (value === undefined) this.#bytes[this.#at++] = Tag.Undefined;
    else if (typeof value === 'bigint') {
      this.#bytes[this.#at++] = Tag.BigInt;
      this.#string(value.toString(16));
      this.#weight = Number.NaN;
    } else throw new TypeError(`a ${typeof value} cannot be cloned`);
  }

  #number(value: number): void {
    const bytes = this.#bytes;
    const whole = value | 0;
    if (whole === value && (whole !== 0 || 1 / value > 0)) {
      if (whole >= -128 && whole < 128) {
        bytes[this.#at] = Tag.Int8;
        bytes[this.#at + 1] = whole;
        this.#at += 2;
      } else {
        bytes[this.#at++] = Tag.Int32;
        this.#uint32(whole);
      }
      return;
    }
    bytes[this.#at++] = Tag.Float64;
    this.#float64(value);
    this.#weight += HEAP_NUMBER_BYTES;
  }

  #uint32(value: number): void {
    this.#view.setInt32(this.#at, value, true);
    this.#at += 4;
  }

  #float64(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  #string(text: string): void {
    const { length } = text;
    if (length > shortStringMax) return this.#longString(text);
    this.#room(length);
    const bytes = this.#bytes;
    const from = this.#texts - length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0xff) return this.#twoByteString(text);
      bytes[from + index] = code;
    }
    const at = this.#at;
    bytes[at] = Tag.ShortString;
    bytes[at + 1] = length;
    this.#at = at + 2;
    this.#texts = from;
    this.#weight += length > 1 ? charactersSize(length) : SLOT_BYTES;
  }

  #longString(text: string): void {
    const { length } = text;
    this.#room(length);
    if (!isOneByte(text)) return this.#twoByteString(text);
    this.#bytes[this.#at++] = Tag.OneByteString;
    this.#uint32(length);
    this.#bytes.latin1Write(text, this.#at, length);
    this.#at += length;
    this.#weight += charactersSize(length);
  }

  #twoByteString(text: string): void {
    this.#room(2 * text.length);
    this.#bytes[this.#at++] = Tag.TwoByteString;
    this.#uint32(text.length);
    this.#bytes.ucs2Write(text, this.#at, 2 * text.length);
    this.#at += 2 * text.length;
    this.#weight += charactersSize(2 * text.length);
  }

  /** Notes an object; true when it was met before, and its number has been written. */
  #wasMet(value: object): boolean {
    const met = this.#met;
    const count = this.#metCount;
    let number: number | undefined;
    if (this.#numbers !== undefined) {
      number = this.#numbers.get(value);
      if (number === undefined) this.#numbers.set(value, count);
    } else {
      for (let at = 0; at < count; at++) if (met[at] === value) number = at;
      if (number === undefined && count < listMax) met[count] = value;
      else if (number === undefined) {
        this.#numbers = new Map();
        for (let at = 0; at < count; at++) this.#numbers.set(met[at]!, at);
        this.#numbers.set(value, count);
      }
    }
    if (number === undefined) {
      this.#metCount = count + 1;
      return false;
    }
    this.#flags |= Flag.References;
    this.#bytes[this.#at++] = Tag.Reference;
    this.#uint32(number);
    return true;
  }

  #object(value: object): void {
    if (this.#wasMet(value)) return;
    if (this.#depth >= depthMax) return this.#defer(value);
    this.#depth++;
    // To ask for a prototype is a call into the runtime, which arrays are spared.
    if (Array.isArray(value)) this.#array(value);
    else if (Object.getPrototypeOf(value) === Object.prototype) this.#record(value);
    else this.#special(value);
    this.#depth--;
  }

  #defer(value: object): void {
    if (isLeaf(value)) return this.#special(value);
    this.#weight = Number.NaN;
    this.#bytes[this.#at++] = Tag.Deferred;
    this.#bytes[this.#at++] = containerTag(value);
    this.#deferred.push(value);
  }

  /** The content of a deferred container, in its most general form. */
  #content(value: object): void {
    this.#room(0);
    this.#depth = 1;
    if (Array.isArray(value)) this.#sparseArray(value);
    else if (types.isMap(value)) this.#map(value);
    else if (types.isSet(value)) this.#set(value);
    else if (types.isNativeError(value)) this.#error(value);
    else this.#instance(value);
  }

  /** A plain record: by its shape where that is known or can be, else with its keys. */
  #record(value: object): void {
    if (this.#enumerablePrototype || (this.#careful > 0 && !this.#hasShape(value))) {
      this.#bytes[this.#at++] = Tag.Object;
      return this.#plainObject(value);
    }
    // Keys and values in one go: the number of the shape is known at the end, and its place is kept.
    const begin = this.#at;
    this.#at = begin + 3;
    let node: ShapeNode | undefined = this.#shapes.root;
    for (const key in value) {
      node = this.#shapes.step(node, key);
      if (node === undefined) throw noShape;
      this.#value((value as Record<string, unknown>)[key]);
    }
    const shape = this.#shapes.shapeAt(node);
    if (shape === undefined) throw noShape;
    this.#weight += shape.weight;
    this.#bytes[begin] = Tag.Record;
    this.#bytes[begin + 1] = shape.number;
    this.#bytes[begin + 2] = shape.number >>> 8;
  }

  #hasShape(value: object): boolean {
    let node: ShapeNode | undefined = this.#shapes.root;
    for (const key in value) {
      node = this.#shapes.step(node, key);
      if (node === undefined) return false;
    }
    return this.#shapes.shapeAt(node) !== undefined;
  }

  #plainObject(value: object): void {
    this.#weight = Number.NaN;
    const keys = Object.keys(value);
    this.#uint32(keys.length);
    for (const key of keys) {
      this.#room(0);
      this.#string(key);
      this.#value((value as Record<string, unknown>)[key]);
    }
  }

  #array(value: readonly unknown[]): void {
    const { length } = value;
    if (!isDense(value)) {
      this.#bytes[this.#at++] = Tag.SparseArray;
      return this.#sparseArray(value);
    }
    this.#bytes[this.#at++] = Tag.Array;
    this.#uint32(length);
    const before = this.#weight;
    for (let index = 0; index < length; index++) this.#value(value[index]);
    // Numbers lie in the slots themselves, where there is nothing else.
    if (this.#weight > before && hasOnlyNumbers(value)) this.#weight = before;
    this.#weight += ARRAY_BYTES + elementsSize(length);
  }

  #sparseArray(value: readonly unknown[]): void {
    this.#uint32(value.length);
    this.#plainObject(value);
  }

  /** Everything that is neither a plain record nor an array. */
  #special(value: object): void {
    if (ArrayBuffer.isView(value)) {
      this.#weight += viewSize(value);
      return this.#typedArray(value);
    }
    if (types.isDate(value)) {
      this.#weight += DATE_BYTES;
      this.#bytes[this.#at++] = Tag.Date;
      return this.#float64(value.getTime());
    }
    this.#weight = Number.NaN;
    if (types.isMap(value)) {
      this.#bytes[this.#at++] = Tag.Map;
      this.#map(value);
    } else if (types.isSet(value)) {
      this.#bytes[this.#at++] = Tag.Set;
      this.#set(value);
    } else if (types.isRegExp(value)) {
      this.#bytes[this.#at++] = Tag.RegExp;
      this.#string(value.source);
      this.#room(0);
      this.#string(value.flags);
    } else if (types.isNativeError(value)) {
      this.#bytes[this.#at++] = Tag.Error;
      this.#error(value);
    } else if (types.isArrayBuffer(value)) {
      this.#bytes[this.#at++] = Tag.ArrayBuffer;
      this.#content8(new Uint8Array(value));
    } else if (types.isBoxedPrimitive(value)) {
      this.#bytes[this.#at++] = Tag.Boxed;
      this.#value(value.valueOf());
    } else {
      this.#bytes[this.#at++] = Tag.Object;
      this.#instance(value);
    }
  }

  /** An instance of a class comes back as a plain object, if it is one of those that are more than internals. */
  #instance(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) return this.#plainObject(value);
    if (types.isPromise(value) || types.isSharedArrayBuffer(value) || types.isExternal(value))
      throw cannotClone(value);
    if (types.isWeakMap(value) || types.isWeakSet(value) || types.isGeneratorObject(value))
      throw cannotClone(value);
    // What has nothing to show may be all internals; V8 knows whether it can be cloned.
    if (prototype !== null && Object.keys(value).length === 0) serialize(value);
    const { constructor: itsClass } = value;
    if (prototype !== null && typeof itsClass === 'function' && !this.#flattened.has(itsClass)) {
      this.#flattened.add(itsClass);
      this.#onInstance(itsClass.name);
    }
    this.#plainObject(value);
  }

  #map(value: Map<unknown, unknown>): void {
    this.#uint32(value.size);
    for (const [key, item] of value) {
      this.#value(key);
      this.#value(item);
    }
  }

  #set(value: Set<unknown>): void {
    this.#uint32(value.size);
    for (const item of value) this.#value(item);
  }

  #error(value: Error): void {
    const kind = errorKinds.findIndex((candidate) => candidate.name === value.name);
    this.#bytes[this.#at++] = kind === -1 ? 0 : kind;
    this.#optional(value, 'message', String);
    this.#optional(value, 'stack', String);
    this.#optional(value, 'cause', (cause) => cause);
  }

  #optional(value: Error, name: 'message' | 'stack' | 'cause', as: (member: unknown) => unknown): void {
    this.#room(0);
    const has = Object.hasOwn(value, name);
    this.#bytes[this.#at++] = has ? Tag.True : Tag.False;
    if (has) this.#value(as(value[name]));
  }

  #typedArray(value: ArrayBufferView): void {
    if (Buffer.isBuffer(value)) {
      this.#bytes[this.#at++] = Tag.Buffer;
      return this.#content8(value);
    }
    const kind = viewKinds.findIndex(
      (candidate) => Object.prototype.toString.call(value) === `[object ${candidate.name}]`,
    );
    if (kind === -1) throw cannotClone(value);
    this.#bytes[this.#at++] = Tag.View;
    this.#bytes[this.#at++] = kind;
    this.#content8(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  #content8(content: Uint8Array): void {
    this.#room(content.length + 4);
    this.#uint32(content.length);
    copyBytes(content, this.#bytes, this.#at);
    this.#at += content.length;
  }
}
