/** A seeded generator (xorshift), so that a run can be had again. */
export function seededRandom(seed = 0x9e3779b9): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Bytes that no compression makes smaller. */
export function noise(byteLength: number, seed = 1): Buffer {
  const random = seededRandom(seed);
  const bytes = Buffer.allocUnsafe(byteLength);
  for (let at = 0; at < byteLength; at++) bytes[at] = random() >>> 11;
  return bytes;
}
