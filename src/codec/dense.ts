/**
 * True when an array has an element at each index and no other own property. Indexes come first among the keys and in
 * order, so that their count and the last of them say it all.
 */
export function isDense(value: readonly unknown[]): boolean {
  const keys = Object.keys(value);
  const { length } = value;
  return keys.length === length && (length === 0 || keys[length - 1] === String(length - 1));
}
