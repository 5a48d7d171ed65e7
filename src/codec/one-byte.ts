/** True when every character of `text` fits in one byte, so that Latin-1 holds it. */
export function isOneByte(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}
