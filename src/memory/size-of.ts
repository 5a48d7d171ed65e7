/**
 * What a value costs in memory: an estimate in bytes, quick, by type, from a sample of its elements. It runs at every
 * `set`, so that it may cost far less than encoding the value would. The constants are what V8 takes on 64 bits
 * without pointer compression, as Node is built; scripts/measure-sizes.mjs holds them against process.memoryUsage().
 *
 * The walk is breadth first over a list of containers, each with a weight: how many containers like it the sampled
 * one stands for. A list needs no stack, however deep the value nests, and the levels near the root, which tell most,
 * are looked at first. When enough has been looked at, the rest of the list is taken for as large as its level.
 *
 * What it does not do well. JavaScript cannot tell how V8 laid an object out: up to 128 named keys are taken for a
 * record, whose keys its kind shares, more for a dictionary, of whose keys half are taken for shared; an object of 20
 * to 128 keys that grew by computed keys costs several times the estimate until it has been swapped once. A sampled
 * container with few large elements among many small ones is misjudged. What is referred to from two places, or by a
 * long cycle, counts at each place. A view counts the buffer it keeps alive as a whole, unless that is Node's pool.
 * An error's captured stack is a flat charge, since to read it is to format it. Own accessors are called, as
 * encoding calls them; one that throws counts as empty.
 */

import {
  ARRAY_BUFFER_BYTES,
  ARRAY_BYTES,
  bigintSize,
  capacityFor,
  DATA_NAME_LENGTH_MIN,
  DATE_BYTES,
  DICTIONARY_BYTES,
  dictionarySize,
  ERROR_BYTES,
  elementsSize,
  HEADER_BYTES,
  HEAP_NUMBER_BYTES,
  INDEXED_BYTES,
  isIndex,
  isSmallInteger,
  MAP_ENTRY_BYTES,
  OPAQUE_BYTES,
  RECORD_BYTES,
  REG_EXP_BYTES,
  SET_ENTRY_BYTES,
  SLOT_BYTES,
  stringSize,
  TABLE_BYTES,
  viewSize,
} from '../heap-layout.js';
import { Kind, kindOf } from './value-kind.js';

/** V8 turns an object with more named properties than this into a dictionary, however it was made. */
const RECORD_NAMES_MAX = 128;
/** An array that an element is stored into so far past its end becomes sparse. */
const GAP_MIN = 1024;

/** Elements looked at in one container. */
const SAMPLES_MAX = 16;
/** Containers that the samples of one level may lead to; deeper levels sample fewer elements of each. */
const LEVEL_CONTAINERS = 64;
/** A Map or Set is only walked so far, as there is no way to its middle. */
const ITERATIONS_MAX = 128;
/** No further container is opened once so many fields and elements were looked at. */
const LOOKS_MAX = 192;
/** Containers in the list; what is found beyond it is taken for as large as the rest. */
const LIST_LENGTH_MAX = 256;
/** A value that refers back to one of so many containers above it is a cycle, which costs nothing more. */
const ANCESTORS_MAX = 8;

/**
 * What an entry costs besides its key and value: the Entry object of 26 fields, its share of a Map's table at the
 * mean load between two doublings, its slot in a dense array at the mean spare of a growing one. By measurement.
 */
export const entryOverheadBytes = 284;

/** What a resident key costs. */
export function keySize(key: string): number {
  return stringSize(key);
}

/** What a value costs, in bytes, at least 8. Never throws, whatever the value's accessors or traps do. */
export function sizeOf(value: unknown): number {
  // Asked one by one, as a switch over a typeof is a call into the runtime.
  if (typeof value === 'object') return value === null ? SLOT_BYTES : objectSize(value);
  if (typeof value === 'string') return stringSize(value);
  if (typeof value === 'number') return isSmallInteger(value) ? SLOT_BYTES : HEAP_NUMBER_BYTES;
  return Math.max(SLOT_BYTES, rareSize(value));
}

/** Beyond its slot, of what is no object, string or number. */
function rareSize(value: unknown): number {
  if (typeof value === 'bigint') return bigintSize(value);
  return typeof value === 'function' || typeof value === 'symbol' ? OPAQUE_BYTES : 0;
}

/** Kept from call to call, so that none allocates one. Absent while in use: an accessor or trap may call `set`. */
let idleSurvey: Survey | undefined;

function objectSize(root: object): number {
  const bytes = ArrayBuffer.isView(root) ? viewSize(root) : graphSize(root);
  // A Proxy may claim any length, a shadowed property be anything, and nested lengths multiply.
  return bytes >= SLOT_BYTES && bytes < Number.MAX_SAFE_INTEGER ? Math.round(bytes) : OPAQUE_BYTES;
}

function graphSize(root: object): number {
  const survey = idleSurvey ?? new Survey();
  idleSurvey = undefined;
  const bytes = survey.take(root);
  idleSurvey = survey;
  return bytes;
}

/** One walk through a value. */
class Survey {
  // Of the list's `length` containers those below `at` have been opened. A container comes after its parent, and all
  // of one level before the next. Nothing stays referred to between two walks.
  private readonly containers: Array<object | undefined> = new Array(LIST_LENGTH_MAX).fill(undefined);
  private readonly weights = new Float64Array(LIST_LENGTH_MAX);
  private readonly parents = new Int32Array(LIST_LENGTH_MAX);
  private length = 0;
  private at = 0;
  /** Weight of what found no place in the list. */
  private unlistedWeight = 0;
  private looks = 0;
  private samples = SAMPLES_MAX;

  take(root: object): number {
    this.containers[0] = root;
    this.weights[0] = 1;
    this.parents[0] = -1;
    this.length = 1;
    this.unlistedWeight = 0;
    this.looks = 0;
    this.samples = SAMPLES_MAX;
    let total = 0;
    let levelEnd = 1;
    let levelBytes = 0;
    let levelWeight = 0;
    for (this.at = 0; this.at < this.length && this.looks < LOOKS_MAX; this.at++) {
      if (this.at === levelEnd) {
        const containers = this.length - levelEnd;
        levelEnd = this.length;
        levelBytes = 0;
        levelWeight = 0;
        this.samples = Math.min(SAMPLES_MAX, Math.max(1, Math.floor(LEVEL_CONTAINERS / containers)));
      }
      const weight = this.weights[this.at]!;
      const bytes = this.open(this.containers[this.at]!, weight) * weight;
      total += bytes;
      levelBytes += bytes;
      levelWeight += weight;
    }
    if (this.at < this.length)
      total += this.unopenedWeight(levelEnd, levelWeight) * (levelBytes / levelWeight);
    for (let index = 0; index < this.length; index++) this.containers[index] = undefined;
    return total;
  }

  /**
   * Weight of what has not been opened: the rest of the level that ends at `levelEnd`, of which `openedWeight` was
   * opened, and the level below, with what the rest would have added to it.
   */
  private unopenedWeight(levelEnd: number, openedWeight: number): number {
    let rest = 0;
    for (let index = this.at; index < levelEnd; index++) rest += this.weights[index]!;
    let below = this.unlistedWeight;
    for (let index = levelEnd; index < this.length; index++) below += this.weights[index]!;
    return rest + below * (1 + rest / openedWeight);
  }

  /** The bytes of one container, with the strings and numbers that it holds, without the containers. */
  private open(value: object, weight: number): number {
    const length = this.length;
    try {
      if (Array.isArray(value)) return this.array(value, weight);
      const prototype: object | null = Object.getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null) {
        return this.record(value as Fields, prototype, weight);
      }
      if (ArrayBuffer.isView(value)) return viewSize(value);
      switch (kindOf(value, prototype)) {
        case Kind.Instance:
          return this.record(value as Fields, prototype, weight);
        case Kind.Map:
          return this.map(value as Map<unknown, unknown>, weight);
        case Kind.Set:
          return this.set(value as Set<unknown>, weight);
        case Kind.Buffer:
          return ARRAY_BUFFER_BYTES + (value as ArrayBuffer).byteLength;
        case Kind.Date:
          return DATE_BYTES;
        case Kind.RegExp:
          return REG_EXP_BYTES;
        case Kind.Error:
          return this.error(value as Error, weight);
        case Kind.Text:
          return OPAQUE_BYTES + stringSize(String.prototype.valueOf.call(value));
        case Kind.Opaque:
          return OPAQUE_BYTES;
      }
    } catch {
      // An accessor or a trap has thrown. What it left in the list is found again, without reading anything.
      for (let index = length; index < this.length; index++) this.containers[index] = undefined;
      this.length = length;
      return this.guarded(value, weight);
    }
  }

  /** Bytes of a field's or element's value beyond its slot; a container goes to the list and is counted there. */
  private look(value: unknown, weight: number): number {
    if (typeof value === 'string') return stringSize(value);
    if (typeof value === 'number') return isSmallInteger(value) ? 0 : HEAP_NUMBER_BYTES;
    if (typeof value !== 'object') return rareSize(value);
    if (value !== null) this.list(value, weight);
    return 0;
  }

  private list(child: object, weight: number): void {
    let ancestor = this.at;
    for (let distance = 0; distance < ANCESTORS_MAX && ancestor !== -1; distance++) {
      if (this.containers[ancestor] === child) return;
      ancestor = this.parents[ancestor]!;
    }
    if (this.length === LIST_LENGTH_MAX) {
      this.unlistedWeight += weight;
      return;
    }
    this.containers[this.length] = child;
    this.weights[this.length] = weight;
    this.parents[this.length] = this.at;
    this.length++;
  }

  /**
   * Beyond so many names it is a dictionary; one without a prototype always is.
   */
  private record(fields: Fields, prototype: object | null, weight: number): number {
    // The check is free on most shapes and dear on some; what a plain object could inherit is not worth it.
    const mayInherit = prototype !== Object.prototype && prototype !== null;
    let count = 0;
    let looks = 0;
    let nextLook = 1;
    let bytes = 0;
    let nameLengths = 0;
    for (const name in fields) {
      if (mayInherit && !Object.hasOwn(fields, name)) continue;
      if (++count < nextLook) continue;
      // Indices come before names, so that the first one tells.
      if (count === 1 && isIndex(name)) return this.indexed(fields, INDEXED_BYTES, weight);
      const gap = gapAfter(count);
      nextLook = count + gap;
      looks++;
      bytes += gap * this.look(fields[name], weight * gap);
      if (name.length >= DATA_NAME_LENGTH_MIN) bytes += gap * stringSize(name);
      else nameLengths += gap * name.length;
    }
    this.looks += looks;
    if (count <= RECORD_NAMES_MAX && prototype !== null) return RECORD_BYTES + SLOT_BYTES * count + bytes;
    const namesSize = HEADER_BYTES * count + nameLengths;
    return DICTIONARY_BYTES + dictionarySize(count) + namesSize / 2 + bytes;
  }

  /** An object whose keys are indices, or an array of which most is holes. V8 keeps them in order, or in a dictionary. */
  private indexed(elements: Fields, ownBytes: number, weight: number): number {
    let count = 0;
    let looks = 0;
    let nextLook = 1;
    let bytes = 0;
    let indexCount = 0;
    let lastIndex = 0;
    for (const name in elements) {
      if (++count < nextLook) continue;
      const gap = gapAfter(count);
      nextLook = count + gap;
      looks++;
      bytes += gap * this.look(elements[name], weight * gap);
      if (isIndex(name)) {
        indexCount = count;
        lastIndex = Number(name);
      }
    }
    this.looks += looks;
    const sparseBytes = DICTIONARY_BYTES + dictionarySize(indexCount);
    const denseBytes = elementsSize(lastIndex + 1);
    // V8's own rule: dense as long as that takes no more than twice as much.
    const indicesBytes = denseBytes <= 2 * sparseBytes ? denseBytes : sparseBytes;
    return ownBytes + indicesBytes + SLOT_BYTES * (count - indexCount) + bytes;
  }

  private array(array: readonly unknown[], weight: number): number {
    // A Proxy may say anything here.
    const length = array.length >>> 0;
    if (length === 0) return ARRAY_BYTES;
    const samples = Math.min(length, this.samples);
    this.looks += samples;
    const share = length / samples;
    let bytes = 0;
    let numbers = 0;
    let missing = 0;
    for (let sample = 0; sample < samples; sample++) {
      const element = array[sampleIndex(sample, samples, length)];
      if (element === undefined) missing++;
      else if (typeof element === 'number') numbers++;
      bytes += this.look(element, weight * share);
    }
    if (missing === samples && length > GAP_MIN && !(length >>> 1 in array)) {
      return this.indexed(array as unknown as Fields, ARRAY_BYTES, weight);
    }
    // Where all elements are numbers, they lie in the slots themselves.
    if (numbers + missing === samples) bytes = 0;
    return ARRAY_BYTES + elementsSize(length) + bytes * share;
  }

  private map(map: ReadonlyMap<unknown, unknown>, weight: number): number {
    const size = map.size;
    const table = TABLE_BYTES + MAP_ENTRY_BYTES * capacityFor(size);
    return table + this.members(map.keys(), size, weight) + this.members(map.values(), size, weight);
  }

  private set(set: ReadonlySet<unknown>, weight: number): number {
    const size = set.size;
    return TABLE_BYTES + SET_ENTRY_BYTES * capacityFor(size) + this.members(set, size, weight);
  }

  /** What the sampled elements of a Map or Set add to its table. */
  private members(members: Iterable<unknown>, size: number, weight: number): number {
    const span = Math.min(size, ITERATIONS_MAX);
    const samples = Math.min(span, this.samples);
    this.looks += samples;
    const share = size / samples;
    let bytes = 0;
    let sample = 0;
    let index = 0;
    for (const member of members) {
      if (sample === samples) break;
      if (index++ < sampleIndex(sample, samples, span)) continue;
      sample++;
      bytes += this.look(member, weight * share);
    }
    return bytes === 0 ? 0 : (bytes * size) / sample;
  }

  private error(error: Error, weight: number): number {
    const fields = this.record(error as unknown as Fields, Error.prototype, weight);
    return ERROR_BYTES + fields + this.look(error.message, weight) + this.look(error.cause, weight);
  }

  /** For what throws when it is read: only what lies there as data. */
  private guarded(value: object, weight: number): number {
    try {
      const names = Object.keys(value);
      const samples = Math.min(names.length, SAMPLES_MAX);
      this.looks += samples;
      let bytes = RECORD_BYTES + SLOT_BYTES * names.length;
      for (let sample = 0; sample < samples; sample++) {
        const name = names[sampleIndex(sample, samples, names.length)]!;
        bytes += this.look(Object.getOwnPropertyDescriptor(value, name)?.value, weight);
      }
      return bytes;
    } catch {
      return OPAQUE_BYTES;
    }
  }
}

/** All of the first 32 fields are looked at, then ever fewer: the next 96 looks reach past two million. */
function gapAfter(count: number): number {
  return count < 32 ? 1 : count >> 3;
}

type Fields = Record<string, unknown>;

/** Where a sample is taken: spread over the length, and irregularly, so that no period of the data hides from it. */
function sampleIndex(sample: number, samples: number, length: number): number {
  return samples === length
    ? sample
    : Math.floor(((sample + ((7 * sample + 3) % 16) / 16) * length) / samples);
}
