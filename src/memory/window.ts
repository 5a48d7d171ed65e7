/**
 * A list of candidates in the order of their last use, linked through the entries themselves: what is new stands here
 * before it has shown that it is used again. An lru-cache did this at first; its Map took two look-ups for each value
 * that came and went and 100 bytes an entry, and is rehashed in one go.
 *
 * An entry that leaves the list must keep no link: a dead entry that the garbage collector has not looked at yet would
 * keep the next one alive, that one the next, and so on.
 */
import type { Resident } from './resident.js';

export class Window<E extends Resident> {
  // From the oldest entry `newer` leads to the youngest, `older` back; `bytes` is the sum of their sizes.
  #oldest: E | undefined = undefined;
  #youngest: E | undefined = undefined;
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of the values in the list. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Puts an entry that is not in the list at its young end. */
  push(entry: E): void {
    this.#link(entry);
    this.#count++;
    this.#bytes += entry.size;
  }

  /** Moves an entry of the list to its young end. */
  touch(entry: E): void {
    if (entry === this.#youngest) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  remove(entry: E): void {
    this.#unlink(entry);
    this.#count--;
    this.#bytes -= entry.size;
  }

  /** The entry that was used longest ago. */
  get oldest(): E | undefined {
    return this.#oldest;
  }

  /** Takes the entry that was used longest ago. */
  pop(): E | undefined {
    const entry = this.#oldest;
    if (entry !== undefined) this.remove(entry);
    return entry;
  }

  resized(entry: E, oldSize: number): void {
    this.#bytes += entry.size - oldSize;
  }

  /** Empties the list and calls `visit` for each entry that was in it. */
  clear(visit: (entry: E) => void): void {
    for (let entry = this.pop(); entry !== undefined; entry = this.pop()) visit(entry);
  }

  #link(entry: E): void {
    const youngest = this.#youngest;
    if (youngest === undefined) this.#oldest = entry;
    else youngest.newer = entry;
    entry.older = youngest;
    this.#youngest = entry;
  }

  #unlink(entry: E): void {
    const { older, newer } = entry as { older: E | undefined; newer: E | undefined };
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#youngest = older;
    else newer.older = older;
    entry.older = undefined;
    entry.newer = undefined;
  }
}
