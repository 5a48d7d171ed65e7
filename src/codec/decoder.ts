/**
 * A value from its bytes. The bytes come from a file and are not trusted: every length is checked against what is left
 * before it is used, keys become own properties whatever they are called, and no code is made from data but readers of
 * shapes that this process has written itself.
 *
 * What is kept is copied, as the source is used again, but for a Buffer that is the whole value of a source given away.
 */
import { SwapError } from '../errors.js';
import type { Shape, Shapes, ValueSource } from './shapes.js';
import { depthMax, errorKinds, Tag, viewKinds } from './tags.js';

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

const nothing = Buffer.alloc(0);

export class Decoder implements ValueSource {
  readonly #shapes: Shapes;
  #bytes: Buffer = nothing;
  #at = 0;
  #end = 0;
  #depth = 0;
  #adopt = false;
  /** Objects in the order in which the encoder met them; a hole for a record whose reader has not returned. */
  readonly #objects: Array<object | undefined> = [];
  readonly #deferred: Array<{ readonly tag: Tag; readonly shell: object }> = [];
  /** Set when a record refers to one around it, which its reader has not made yet: then readers are not used. */
  #isCircular = false;
  #useReaders = true;

  constructor(shapes: Shapes) {
    this.#shapes = shapes;
  }

  /** The value in `source` from `start` to `end`. With `adopt` the source is the value's to keep. */
  decode(source: Buffer, start: number, end: number, adopt: boolean): unknown {
    this.#bytes = source;
    this.#end = end;
    this.#adopt = adopt;
    this.#useReaders = true;
    try {
      this.#isCircular = false;
      let value = this.#whole(start);
      if (this.#isCircular) {
        this.#useReaders = false;
        value = this.#whole(start);
      }
      if (this.#at !== end) throw malformed('there is more than one value');
      return value;
    } finally {
      this.#bytes = nothing;
      this.#objects.length = 0;
      this.#deferred.length = 0;
    }
  }

  #whole(start: number): unknown {
    this.#at = start;
    this.#depth = 0;
    this.#objects.length = 0;
    this.#deferred.length = 0;
    const value = this.value();
    for (let index = 0; index < this.#deferred.length && !this.#isCircular; index++) {
      const { tag, shell } = this.#deferred[index]!;
      this.#depth = 1;
      this.#fill(tag, shell);
    }
    if (this.#isCircular) this.#at = this.#end;
    return value;
  }

  /** The next value; also what the readers of shapes call. */
  value(): unknown {
    const tag = this.#byte();
    switch (tag) {
      case Tag.Undefined:
        return undefined;
      case Tag.Null:
        return null;
      case Tag.True:
        return true;
      case Tag.False:
        return false;
      case Tag.Int8:
        return (this.#byte() << 24) >> 24;
      case Tag.Int32:
        return this.#uint32() | 0;
      case Tag.Float64:
        return this.#float64();
      case Tag.ShortString:
        return this.#shortString();
      case Tag.OneByteString: {
        const length = this.#length(1);
        this.#at += length;
        return this.#bytes.latin1Slice(this.#at - length, this.#at);
      }
      case Tag.TwoByteString: {
        const length = this.#length(2);
        this.#at += 2 * length;
        return this.#bytes.ucs2Slice(this.#at - 2 * length, this.#at);
      }
      case Tag.BigInt:
        return this.#bigint();
      case Tag.Reference:
        return this.#reference();
      default:
        return this.#object(tag);
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw malformed('it ends too early');
    return this.#bytes[this.#at++]!;
  }

  #uint32(): number {
    const at = this.#at;
    if (at + 4 > this.#end) throw malformed('it ends too early');
    const bytes = this.#bytes;
    this.#at = at + 4;
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  /** A count of things that take at least `bytesEach` bytes each: no more than can be left. */
  #length(bytesEach: number): number {
    const length = this.#uint32();
    if (length * bytesEach > this.#end - this.#at) throw malformed('a length is larger than what is left');
    return length;
  }

  #float64(): number {
    const at = this.#at;
    if (at + 8 > this.#end) throw malformed('it ends too early');
    for (let index = 0; index < 8; index++) floatBytes[index] = this.#bytes[at + index]!;
    this.#at = at + 8;
    return float[0]!;
  }

  #shortString(): string {
    const length = this.#byte();
    const from = this.#at;
    const end = from + length;
    if (end > this.#end) throw malformed('a string is longer than what is left');
    this.#at = end;
    if (length > 12) return this.#bytes.latin1Slice(from, end);
    // A call into the runtime costs more than a few characters.
    const bytes = this.#bytes;
    let text = '';
    for (let at = from; at < end; at++) text += String.fromCharCode(bytes[at]!);
    return text;
  }

  #bigint(): bigint {
    // Only a string is read on: a run of tags like this one would nest without bound.
    const tag = this.#bytes[this.#at];
    const digits = tag === Tag.ShortString || tag === Tag.OneByteString ? this.value() : undefined;
    if (typeof digits !== 'string' || !/^-?[0-9a-f]+$/.test(digits))
      throw malformed('a bigint has no digits');
    return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
  }

  #reference(): unknown {
    const number = this.#uint32();
    if (number >= this.#objects.length) throw malformed('it refers to an object that is not there');
    const object = this.#objects[number];
    if (object === undefined) {
      if (!this.#useReaders) throw malformed('it refers to an object that is not made yet');
      this.#isCircular = true;
    }
    return object;
  }

  #object(tag: Tag): unknown {
    if (++this.#depth > depthMax + 1) throw malformed('it is nested more deeply than the encoder nests');
    const object = this.#objectOf(tag);
    this.#depth--;
    return object;
  }

  #objectOf(tag: Tag): object {
    switch (tag) {
      case Tag.Record:
        return this.#record();
      case Tag.Array:
        return this.#array();
      case Tag.Buffer:
        return this.#buffer();
      case Tag.View:
        return this.#view();
      case Tag.ArrayBuffer:
        return this.#note(this.#copy(this.#length(1)).buffer);
      case Tag.Date:
        return this.#note(new Date(this.#float64()));
      case Tag.RegExp:
        return this.#regExp();
      case Tag.Boxed: {
        const number = this.#objects.push(undefined) - 1;
        const boxed: object = Object(this.value());
        this.#objects[number] = boxed;
        return boxed;
      }
      case Tag.Deferred: {
        const deferred = this.#byte();
        const shell = this.#note(shellOf(deferred));
        this.#deferred.push({ tag: deferred, shell });
        return shell;
      }
      default: {
        const shell = this.#note(shellOf(tag));
        this.#fill(tag, shell);
        return shell;
      }
    }
  }

  #note<T extends object>(object: T): T {
    this.#objects.push(object);
    return object;
  }

  #record(): object {
    const low = this.#byte();
    const shape = this.#shapes.get(low | (this.#byte() << 8));
    if (shape === undefined) throw malformed('it has a shape that this store does not know');
    if (this.#useReaders) {
      const reader = this.#shapes.readerOf(shape);
      if (reader !== undefined) {
        const number = this.#objects.push(undefined) - 1;
        const record = reader(this);
        this.#objects[number] = record;
        return record;
      }
    }
    return this.#recordWithoutReader(shape);
  }

  #recordWithoutReader(shape: Shape): object {
    const record = this.#note({});
    for (const key of shape.keys) define(record, key, this.value());
    return record;
  }

  #array(): unknown[] {
    const length = this.#length(1);
    const array: unknown[] = [];
    this.#note(array);
    for (let index = 0; index < length; index++) array.push(this.value());
    return array;
  }

  #copy(length: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(length);
    copy.set(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return copy;
  }

  #buffer(): Buffer {
    const length = this.#length(1);
    const from = this.#at;
    this.#at += length;
    if (this.#adopt && this.#at === this.#end && this.#depth === 1) {
      return this.#note(this.#bytes.subarray(from, this.#at));
    }
    const copy = Buffer.allocUnsafeSlow(length);
    this.#bytes.copy(copy, 0, from, this.#at);
    return this.#note(copy);
  }

  #view(): ArrayBufferView {
    const kind = viewKinds[this.#byte()];
    const length = this.#length(1);
    if (kind === undefined) throw malformed('it has a view of an unknown kind');
    if (length % (kind.BYTES_PER_ELEMENT ?? 1) !== 0) throw malformed('a view has a part of an element');
    return this.#note(new kind(this.#copy(length).buffer));
  }

  #regExp(): RegExp {
    const source = this.value();
    const flags = this.value();
    if (typeof source !== 'string' || typeof flags !== 'string')
      throw malformed('a regular expression has no source');
    try {
      return this.#note(new RegExp(source, flags));
    } catch (cause) {
      throw malformed('a regular expression is none', cause);
    }
  }

  /** Reads the content of a container into its shell. */
  #fill(tag: Tag, shell: object): void {
    switch (tag) {
      case Tag.Object:
        return this.#members(shell);
      case Tag.SparseArray: {
        const length = this.#uint32();
        (shell as unknown[]).length = length;
        return this.#members(shell);
      }
      case Tag.Map: {
        for (let left = this.#length(2); left > 0; left--) {
          const key = this.value();
          (shell as Map<unknown, unknown>).set(key, this.value());
        }
        return;
      }
      case Tag.Set: {
        for (let left = this.#length(1); left > 0; left--) (shell as Set<unknown>).add(this.value());
        return;
      }
      default:
        return this.#error(shell as Error);
    }
  }

  #members(shell: object): void {
    for (let left = this.#length(2); left > 0; left--) {
      const key = this.value();
      if (typeof key !== 'string') throw malformed('a key is no string');
      if (Array.isArray(shell) && key === 'length') throw malformed('an array has two lengths');
      define(shell, key, this.value());
    }
  }

  #error(shell: Error): void {
    const kind = errorKinds[this.#byte()];
    if (kind === undefined) throw malformed('it has an error of an unknown kind');
    Object.setPrototypeOf(shell, kind.prototype);
    for (const name of ['message', 'stack', 'cause'] as const) {
      if (this.value() !== true) {
        delete shell[name];
        continue;
      }
      Object.defineProperty(shell, name, { value: this.value(), writable: true, configurable: true });
    }
  }
}

/** An empty container for a tag. */
function shellOf(tag: Tag): object {
  switch (tag) {
    case Tag.Object:
      return {};
    case Tag.SparseArray:
      return [];
    case Tag.Map:
      return new Map();
    case Tag.Set:
      return new Set();
    case Tag.Error:
      return new Error();
    default:
      throw malformed(`${tag} is no tag`);
  }
}

/** Makes an own property, whatever the key: `__proto__` is one like any other. */
function define(object: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    (object as Record<string, unknown>)[key] = value;
  }
}

function malformed(why: string, cause?: unknown): SwapError {
  return new SwapError('ERR_SWAP_CORRUPT', `an encoded value is malformed: ${why}`, { cause });
}
