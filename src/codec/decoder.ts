/**
 * A value from its bytes. The bytes come from a file and are not trusted: every length is checked against what is left
 * before it is used, keys become own properties whatever they are called, and no code is made from data but readers of
 * shapes that this process has written itself.
 *
 * What is kept is copied, as the source is used again, but for a Buffer that is the whole value of a source given away.
 */
import { SwapError } from '../errors.js';
import { type CodeBuffer, noBuffer } from './code-buffer.js';
import { copyBytes } from './copy-bytes.js';
import type { Likeness } from './likeness.js';
import type { Shape, Shapes, ValueSource } from './shapes.js';
import { depthMax, errorKinds, Flag, Tag, viewKinds } from './tags.js';

/**
 * As many bytes of texts become one string at a time, of which strings are cut: that costs a third of a call into the
 * runtime for each, and a string that outlives its value keeps no more than this alive.
 */
const windowBytes = 1024;
/**
 * A value of which no more than this is not texts becomes one string as a whole, so that what long strings it has are cut
 * from that, too. Bytes that are no strings are kept alive by it, and nobody counts those.
 */
const otherBytesMax = 256;

export class Decoder implements ValueSource {
  readonly #shapes: Shapes;
  #bytes: Buffer = noBuffer.bytes;
  #view: DataView = noBuffer.view;
  #at = 0;
  /** Where the value ends and the texts begin. */
  #end = 0;
  #depth = 0;
  #adopt = false;
  /** Told of each object that is made, where somebody wants to know. */
  #likeness: Likeness | undefined = undefined;

  // Texts from #end to #textsEnd have not been read yet; #window is what lies from #windowFrom on, up to those read, and
  // does not begin before #windowMin.
  #textsEnd = 0;
  #window = '';
  #windowFrom = 0;
  #windowMin = 0;

  /** True when some object is referred to: then all are kept, in the order in which the encoder met them. */
  #keepsObjects = false;
  readonly #objects: object[] = [];
  readonly #deferred: Array<{ readonly tag: Tag; readonly shell: object }> = [];

  constructor(shapes: Shapes) {
    this.#shapes = shapes;
  }

  /**
   * The value in `source` from `start` to `end`. With `adopt` the source is the value's to keep; `likeness` has that of the
   * value then.
   */
  decode(
    source: CodeBuffer,
    start: number,
    end: number,
    adopt: boolean,
    likeness: Likeness | undefined,
  ): unknown {
    this.#bytes = source.bytes;
    this.#view = source.view;
    const flags = this.#bytes[start]!;
    this.#at = start + 1;
    this.#end = end;
    this.#textsEnd = end;
    this.#windowFrom = end;
    this.#windowMin = end;
    this.#keepsObjects = (flags & Flag.References) !== 0;
    this.#adopt = adopt;
    this.#depth = 0;
    this.#likeness = likeness;
    likeness?.begin();
    try {
      if ((flags & Flag.Texts) !== 0) this.#findTexts(start, end);
      const value = this.value();
      for (let index = 0; index < this.#deferred.length; index++) {
        const { tag, shell } = this.#deferred[index]!;
        this.#depth = 1;
        this.#fill(tag, shell);
      }
      if (this.#at !== this.#end || this.#textsEnd !== this.#end)
        throw malformed('there is more, or less, than one value');
      return value;
    } catch (cause) {
      likeness?.forget();
      // A view ends with its buffer. The stack may end, too, or memory, which says nothing of the value.
      if (cause instanceof RangeError && this.#at > this.#view.byteLength)
        throw malformed('it ends too early', cause);
      throw cause;
    } finally {
      this.#window = '';
      if (this.#keepsObjects) this.#objects.length = 0;
      if (this.#deferred.length > 0) this.#deferred.length = 0;
      this.#bytes = noBuffer.bytes;
      this.#view = noBuffer.view;
    }
  }

  #findTexts(start: number, end: number): void {
    const textsEnd = end - 4;
    const bytes = textsEnd > start ? this.#view.getUint32(textsEnd, true) : 0;
    if (bytes > textsEnd - start - 1) throw malformed('its texts are longer than it is');
    this.#textsEnd = textsEnd;
    this.#windowFrom = textsEnd;
    this.#end = textsEnd - bytes;
    const takesAll = end - start <= windowBytes && this.#end - start <= otherBytesMax;
    this.#windowMin = takesAll ? start : this.#end;
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
      case Tag.OneByteString:
        return this.#oneByteString();
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

  // Reads past the end of the value, or of the buffer, show at the end at the latest: they leave #at behind #end. Only
  // what says how much is to be done is checked before it is used.

  #byte(): number {
    return this.#bytes[this.#at++]!;
  }

  #uint32(): number {
    const at = this.#at;
    this.#at = at + 4;
    return this.#view.getUint32(at, true);
  }

  /** A count of things that take at least `bytesEach` bytes each: no more than can be left. */
  #length(bytesEach: number): number {
    const length = this.#uint32();
    if (length * bytesEach > this.#end - this.#at) throw malformed('a length is larger than what is left');
    return length;
  }

  #float64(): number {
    const at = this.#at;
    this.#at = at + 8;
    return this.#view.getFloat64(at, true);
  }

  #shortString(): string {
    const end = this.#textsEnd;
    const from = end - this.#byte();
    if (!(from >= this.#end)) throw malformed('a string is longer than the texts that are left');
    if (from < this.#windowFrom) this.#openWindow();
    this.#textsEnd = from;
    return this.#window.substring(from - this.#windowFrom, end - this.#windowFrom);
  }

  #openWindow(): void {
    const end = this.#textsEnd;
    this.#windowFrom = Math.max(this.#windowMin, end - windowBytes);
    this.#window = this.#bytes.latin1Slice(this.#windowFrom, end);
  }

  #oneByteString(): string {
    const length = this.#length(1);
    const from = this.#at;
    this.#at = from + length;
    if (from < this.#windowMin) return this.#bytes.latin1Slice(from, from + length);
    if (from < this.#windowFrom) this.#openWindow();
    return this.#window.substring(from - this.#windowFrom, from - this.#windowFrom + length);
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
    const object = this.#objects[this.#uint32()];
    if (object === undefined) throw malformed('it refers to an object that is not there');
    return object;
  }

  #object(tag: Tag): unknown {
    if (++this.#depth > depthMax + 1) throw malformed('it is nested more deeply than the encoder nests');
    const object = this.#objectOf(tag);
    this.#depth--;
    return object;
  }

  #objectOf(tag: Tag): object {
    if (tag === Tag.Record) return this.#record();
    if (tag === Tag.Array) return this.#array();
    if (tag === Tag.Object) return this.#plainObject();
    this.#likeness?.forget();
    switch (tag) {
      case Tag.Buffer:
        return this.#buffer();
      case Tag.View:
        return this.#typedArray();
      case Tag.ArrayBuffer:
        return this.#note(this.#copy(this.#length(1)).buffer);
      case Tag.Date:
        return this.#note(new Date(this.#float64()));
      case Tag.RegExp:
        return this.#regExp();
      case Tag.Boxed:
        return this.#boxed();
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
    if (this.#keepsObjects) this.#objects.push(object);
    return object;
  }

  #boxed(): object {
    // It is met before what it holds, which is no object.
    const boxed: object = Object(this.value());
    return this.#note(boxed);
  }

  #record(): object {
    const low = this.#byte();
    const shape = this.#shapes.get(low | (this.#byte() << 8));
    if (shape === undefined) throw malformed('it has a shape that this store does not know');
    // A reader makes its record last, too late for a reference to it from inside.
    const reader = this.#keepsObjects ? undefined : this.#shapes.readerOf(shape);
    const record = reader === undefined ? this.#recordWithoutReader(shape) : reader(this);
    this.#likeness?.noteRecord(record, shape.keys);
    return record;
  }

  #recordWithoutReader(shape: Shape): object {
    const record = this.#note({});
    for (const key of shape.keys) define(record, key, this.value());
    return record;
  }

  /** A record that carries its keys. */
  #plainObject(): object {
    const record = this.#note({});
    this.#members(record);
    if (this.#likeness?.isWhole) this.#likeness.noteRecord(record, Object.keys(record));
    return record;
  }

  #array(): unknown[] {
    const array = this.#arrayOf(this.#length(1));
    this.#likeness?.noteArray(array);
    return array;
  }

  #arrayOf(length: number): unknown[] {
    // A literal is made to size, but too late for a reference to it from inside.
    if (!this.#keepsObjects) {
      if (length === 1) return [this.value()];
      if (length === 2) return [this.value(), this.value()];
      if (length === 3) return [this.value(), this.value(), this.value()];
      if (length === 4) return [this.value(), this.value(), this.value(), this.value()];
    }
    const array: unknown[] = [];
    this.#note(array);
    for (let index = 0; index < length; index++) array.push(this.value());
    return array;
  }

  /** The next bytes, in memory of their own. */
  #copy(length: number): Buffer<ArrayBuffer> {
    const copy = Buffer.allocUnsafeSlow(length);
    copyBytes(this.#bytes.subarray(this.#at, this.#at + length), copy, 0);
    this.#at += length;
    return copy;
  }

  #buffer(): Buffer {
    const length = this.#length(1);
    const from = this.#at;
    if (!this.#adopt || from + length !== this.#end || this.#depth !== 1)
      return this.#note(this.#copy(length));
    this.#at = this.#end;
    return this.#note(this.#bytes.subarray(from, this.#end));
  }

  #typedArray(): ArrayBufferView {
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
