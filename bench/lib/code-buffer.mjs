/** A buffer as the codec takes it; a Buffer itself as well, which is what earlier builds take (bench:compare). */
export function codeBuffer(byteCount) {
  const bytes = Buffer.alloc(byteCount);
  return Object.assign(bytes, { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, byteCount) });
}
