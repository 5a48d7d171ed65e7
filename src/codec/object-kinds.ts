/**
 * What the encoder asks of an object before it writes it, and how what it cannot write is named.
 */
import { types } from 'node:util';
import { Tag } from './tags.js';

/** Not by `every`, which an array with another prototype need not have. */
export function hasOnlyNumbers(array: readonly unknown[]): boolean {
  for (let index = 0; index < array.length; index++) {
    const element = array[index];
    if (typeof element !== 'number' && element !== undefined) return false;
  }
  return true;
}

/** True when someone has given a prototype enumerable properties, so that what inherits from it seems to have them. */
export function showsKeys(prototype: object): boolean {
  for (const _ in prototype) return true;
  return false;
}

/** True for what contains no other values, so that it needs not be deferred. */
export function isLeaf(value: object): boolean {
  return (
    ArrayBuffer.isView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value)
  );
}

/** The tag under which a container is deferred. */
export function containerTag(value: object): Tag {
  if (Array.isArray(value)) return Tag.SparseArray;
  if (types.isMap(value)) return Tag.Map;
  if (types.isSet(value)) return Tag.Set;
  return types.isNativeError(value) ? Tag.Error : Tag.Object;
}

export function cannotClone(value: object): TypeError {
  return new TypeError(`${Object.prototype.toString.call(value)} cannot be cloned`);
}
