import { showsKeys } from './object-kinds.js';

/** Up to so many elements, to have their indexes named takes less than to look at each. */
const namedMax = 6;
/** Names of indexes, so that those that are met need not be made. */
const indexNames = Array.from({ length: namedMax }, (_, index) => String(index));

/**
 * True when an array has an element at each index and no other own property, as far as they are enumerable. May call
 * getters of its elements.
 *
 * What it does not see: an element that is not enumerable, beside another property that is the very same as the last
 * element. To ask that of each index takes as long as to encode three numbers.
 */
export function isDense(value: readonly unknown[]): boolean {
  if (value.length <= namedMax || hasFractions(value) || showsKeys(Object.getPrototypeOf(value)))
    return isDenseByNames(value);
  // A name must be made for each index, which takes longer than all else that is done to an element.
  const values = Object.values(value);
  const last = value.length - 1;
  if (values.length !== value.length) return false;
  // As many as there should be: then there is another property for each index that is missing, and those come last.
  if (!Object.is(values[last], value[last])) return isDenseByNames(value);
  for (let index = 0; index < value.length; index++) {
    if (value[index] === undefined && !Object.hasOwn(value, index)) return false;
  }
  return true;
}

/** Indexes come first among the keys and in order, so that their count and the last of them say it all. */
function isDenseByNames(value: readonly unknown[]): boolean {
  const { length } = value;
  const keys = Object.keys(value);
  if (keys.length !== length) return false;
  return length === 0 || keys[length - 1] === (indexNames[length - 1] ?? String(length - 1));
}

/** Such numbers lie in the array itself, and to have each taken out takes as long as to have it named. */
function hasFractions(value: readonly unknown[]): boolean {
  return typeof value[0] === 'number' && !Number.isInteger(value[0]);
}
