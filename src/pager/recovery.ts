/**
 * Opens a persistent store: takes over what its index says, and finds out which pages that leaves free. No record is
 * read: each proves itself when it is first wanted. What cannot be (a pointer outside the file, two records on one page)
 * costs the keys that say it, and is reported.
 */
import type { Codec } from '../codec/codec.js';
import type { Steps } from '../disk/file-steps.js';
import type { Location } from '../disk/index-format.js';
import type { LogVisitor } from '../disk/index-reader.js';
import type { PageMap } from '../disk/page-map.js';
import { headerBytes } from '../disk/record.js';
import type { SwapFile } from '../disk/swap-file.js';
import { SwapError } from '../errors.js';
import { none, type PointerTable } from '../memory/pointer-table.js';
import type { StoredKey } from '../memory/stored-key.js';

/** Keys whose pages are marked in one turn. */
const keysPerTurn = 8192;

export class Recovery implements LogVisitor {
  readonly #table: PointerTable;
  readonly #codec: Codec;
  /** Keys that were lost to damage. */
  lost = 0;
  /** True when the index says what cannot be. */
  isContradicted = false;
  /** True when some key has a ttl. */
  hasTtl = false;

  constructor(table: PointerTable, codec: Codec) {
    this.#table = table;
    this.#codec = codec;
  }

  expect(keys: number): void {
    this.#table.expect(keys);
  }

  set(key: StoredKey, location: Location): void {
    const table = this.#table;
    const slot = table.findOrInsert(key);
    table.setGeneration(slot, location.generation);
    table.setPointer(slot, location.page, location.recordBytes);
    table.setExtras(slot, location.expiresAtMs, location.graceMs, location.ownSize);
    if (location.expiresAtMs !== 0) this.hasTtl = true;
  }

  delete(key: StoredKey): void {
    const slot = this.#table.findStored(key);
    if (slot !== none) this.#table.remove(slot);
  }

  clear(): void {
    this.#table.clear();
  }

  shape(number: number, keys: string[]): void {
    this.#codec.shapes.restore(number, keys);
  }

  expectShapes(nextNumber: number): void {
    this.#codec.shapes.reserve(nextNumber);
  }

  damaged(hashes: ReadonlySet<number> | undefined): void {
    const table = this.#table;
    const touched: number[] = [];
    for (let slot = table.next(none); slot !== none; slot = table.next(slot))
      if (hashes === undefined || hashes.has(table.hashAt(slot))) touched.push(slot);
    for (const slot of touched) table.remove(slot);
    // What the damaged block alone had is lost, too. One that it deleted counts, as nobody can tell; and where its keys
    // are not known, nobody can tell how many they were.
    this.lost += Math.max(1, hashes === undefined ? touched.length : hashes.size);
  }

  /** Marks the pages of all values of `file` in `pages`. Throws ERR_SWAP_OPTION when they do not fit into so many. */
  *occupy(pages: PageMap, file: SwapFile): Steps {
    const table = this.#table;
    const impossible: number[] = [];
    for (let slot = table.next(none); slot !== none; ) {
      slot = this.#occupySome(slot, pages, file, impossible);
      yield { kind: 'turn' };
    }
    while (pages.summarizeSome()) yield { kind: 'turn' };
    for (const slot of impossible) table.remove(slot);
    this.lost += impossible.length;
    this.isContradicted = impossible.length > 0;
  }

  /** The same for the values of a turn, from `first` on; returns the slot after the last, or none. What cannot be goes to `impossible`. */
  #occupySome(first: number, pages: PageMap, file: SwapFile, impossible: number[]): number {
    const { pageSize, path, writtenPages } = file;
    const table = this.#table;
    let slot = first;
    for (let keys = 0; slot !== none && keys < keysPerTurn; keys++, slot = table.next(slot)) {
      const recordBytes = table.recordBytes(slot);
      const page = table.page(slot);
      const end = page + Math.ceil(recordBytes / pageSize);
      // The file was synced before the index said so, and is cut only where the index on the disk has nothing any more.
      const isInFile = end <= writtenPages;
      if (isInFile && end > pages.pageCount) {
        const message = `maxSwap is too small for ${path}: a value lies at its page ${page}, and ${pages.pageCount} are allowed`;
        throw new SwapError('ERR_SWAP_OPTION', message, { path });
      }
      const isPossible = isInFile && recordBytes >= headerBytes;
      if (!isPossible || !pages.occupy(page, end - page)) impossible.push(slot);
    }
    return slot;
  }
}
