/** Bytes as the codec takes them. */
import type { CodeBuffer } from '../../dist/codec/code-buffer.js';

export function codeBuffer(bytes: Buffer): CodeBuffer {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}
