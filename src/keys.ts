/** What may be a key: a non-empty string of at most 65,535 bytes in UTF-8, kept as it is. */
import { SwapError } from './errors.js';

const keyBytesMax = 65_535;
/** No string of so many characters can take more bytes than that. */
const safeLength = Math.floor(keyBytesMax / 3);

/** @param prefixBytes What the name of a namespace takes of that. */
export function checkKey(key: unknown, prefixBytes = 0): asserts key is string {
  if (typeof key !== 'string') {
    throw new SwapError(
      'ERR_SWAP_KEY',
      `a key must be a string, but ${key === null ? 'null' : `a ${typeof key}`} was given`,
    );
  }
  if (key.length === 0) throw new SwapError('ERR_SWAP_KEY', 'a key must not be empty', { key });
  const bytesMax = keyBytesMax - prefixBytes;
  if (key.length > safeLength - prefixBytes && Buffer.byteLength(key) > bytesMax) {
    const given = `${Buffer.byteLength(key)} bytes (${JSON.stringify(key.slice(0, 40))}…) were given`;
    throw new SwapError('ERR_SWAP_KEY', `a key must take at most ${bytesMax} bytes in UTF-8, but ${given}`, {
      key,
    });
  }
}

/** Takes a list of keys off the caller's hands, each checked. */
export function checkKeys(keys: unknown): string[] {
  const given = keys as Iterable<unknown> | null | undefined;
  if (typeof keys === 'string' || typeof given?.[Symbol.iterator] !== 'function') {
    throw new SwapError('ERR_SWAP_KEY', 'keys must be an iterable of strings, and not a string');
  }
  const checked: string[] = [];
  for (const key of given) {
    checkKey(key);
    checked.push(key);
  }
  return checked;
}
