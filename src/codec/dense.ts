/** Names of indexes, so that those that are met often need not be made. */
const indexNames = Array.from({ length: 64 }, (_, index) => String(index));

/**
 * True when an array has an element at each index and no other own property. Indexes come first among the keys and in
 * order, so that their count and the last of them say it all.
 */
export function isDense(value: readonly unknown[]): boolean {
  const { length } = value;
  const keys = Object.keys(value);
  if (keys.length !== length) return false;
  return length === 0 || keys[length - 1] === (indexNames[length - 1] ?? String(length - 1));
}
