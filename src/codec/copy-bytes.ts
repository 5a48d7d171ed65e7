/**
 * One way to copy bytes. V8 copies to and from shared memory, which slabs are made of, a byte at a time where the two
 * do not begin at the same place of a word (its Relaxed_Memmove): 28 times as long as for private memory. Node's
 * `fill` is a memcpy for either.
 */

/** Up to so many bytes the call into Node would cost more than it saves. */
const fewBytes = 128;

/** Copies `source` to `at` of `target`, where it must fit; the two must not overlap. */
export function copyBytes(source: Uint8Array, target: Buffer, at: number): void {
  if (source.length <= fewBytes) target.set(source, at);
  else target.fill(source, at, at + source.length);
}
