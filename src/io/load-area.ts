/** Where loads land: a part of the shared area, given out in blocks of 4 KiB, the lowest that fits first. */
import { PageMap } from '../disk/page-map.js';

const blockBytes = 4096;

export class LoadArea {
  readonly #offset: number;
  readonly #blocks: PageMap;
  /** A record larger than this is not read through the area: a few such would fill it. */
  readonly largestBytes: number;

  constructor(offset: number, bytes: number) {
    this.#offset = offset;
    this.#blocks = new PageMap(bytes / blockBytes);
    this.largestBytes = bytes / 4;
  }

  /** The area offset of `bytes` bytes, or -1 while there is no room. */
  reserve(bytes: number): number {
    const count = Math.ceil(bytes / blockBytes);
    const first = this.#blocks.find(count);
    if (first === -1) return -1;
    this.#blocks.take(first, count);
    return this.#offset + first * blockBytes;
  }

  release(areaOffset: number, bytes: number): void {
    this.#blocks.release((areaOffset - this.#offset) / blockBytes, Math.ceil(bytes / blockBytes));
  }
}
