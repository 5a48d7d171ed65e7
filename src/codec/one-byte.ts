/** Up to so many characters a look at each is faster than a search. */
const shortLength = 32;
const wide = /[\u0100-\uffff]/;
const nothing = /^/;

/**
 * True when every character of `text` fits in one byte, so that Latin-1 holds it. A search for one that does not ends at
 * once where V8 keeps the text in one byte a character. What a search has found stays alive with all of its text until
 * another finds something, so one that finds nothing much comes after it.
 */
export function isOneByte(text: string): boolean {
  if (text.length > shortLength) {
    const isWide = wide.test(text);
    if (isWide) nothing.test('');
    return !isWide;
  }
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}
