/**
 * Opens a persistent store: takes over what its index says, and finds out which pages that leaves free. No record is
 * read: each proves itself when it is first wanted. What cannot be (a pointer outside the file, two records on one page)
 * costs the keys that say it, and is reported.
 */
import type { Codec } from '../codec/codec.js';
import type { Location, LogVisitor } from '../disk/index-log.js';
import type { PageMap } from '../disk/page-map.js';
import { headerBytes } from '../disk/record.js';
import { SwapError } from '../errors.js';
import { none, type PointerTable } from '../memory/pointer-table.js';

export class Recovery implements LogVisitor {
  readonly #table: PointerTable;
  readonly #codec: Codec;
  /** Keys that were lost to damage. */
  lost = 0;
  /** True when some key has a ttl. */
  hasTtl = false;

  constructor(table: PointerTable, codec: Codec) {
    this.#table = table;
    this.#codec = codec;
  }

  set(key: string, location: Location): void {
    const table = this.#table;
    const hash = table.hash(key);
    let slot = table.find(key, hash);
    if (slot === none) slot = table.insert(key, hash);
    table.setGeneration(slot, location.generation);
    table.setPointer(slot, location.page, location.recordBytes);
    table.setExtras(slot, location.expiresAtMs, location.ownSize);
    if (location.expiresAtMs !== 0) this.hasTtl = true;
  }

  delete(key: string): void {
    const slot = this.#table.find(key, this.#table.hash(key));
    if (slot !== none) this.#table.remove(slot);
  }

  clear(): void {
    this.#table.clear();
  }

  shape(keys: string[]): void {
    this.#codec.shapes.restore(keys);
  }

  damaged(isTouched: ((key: string) => boolean) | undefined): void {
    const table = this.#table;
    const touched: number[] = [];
    for (let slot = table.next(none); slot !== none; slot = table.next(slot))
      if (isTouched === undefined || isTouched(table.keyAt(slot))) touched.push(slot);
    for (const slot of touched) table.remove(slot);
    // What the damaged block alone had is lost, too, but nobody can tell how much that was.
    this.lost += Math.max(1, touched.length);
  }

  /** Marks the pages of all values in `pages`. Throws ERR_SWAP_OPTION when they do not fit into so many. */
  occupy(pages: PageMap, pageSize: number, path: string): void {
    const table = this.#table;
    const impossible: number[] = [];
    for (let slot = table.next(none); slot !== none; slot = table.next(slot)) {
      const first = table.page(slot);
      const count = Math.ceil(table.recordBytes(slot) / pageSize);
      if (first + count > pages.pageCount) {
        const message = `maxSwap is too small for ${path}: a value lies at its page ${first}, and ${pages.pageCount} are allowed`;
        throw new SwapError('ERR_SWAP_OPTION', message, { path });
      }
      if (table.recordBytes(slot) < headerBytes || !pages.occupy(first, count)) impossible.push(slot);
    }
    pages.summarize();
    for (const slot of impossible) table.remove(slot);
    this.lost += impossible.length;
  }
}
