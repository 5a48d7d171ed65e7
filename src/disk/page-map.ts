/**
 * Which pages of the swap file are in use: one bit a page, and above the bits a tree of run summaries, so that the
 * lowest run of n free pages is found in bounded time at any occupancy, and 'no space for n' is known at the root.
 *
 * A leaf is 256 pages; each node above covers eight below it. A summary says how long the free run at the start of
 * its span is, how long the longest anywhere in it, and how long the one at its end. It is stored as what is missing
 * from entirely free (span - run), so that memory fresh from the system, all zero, says 'all free': a map of a
 * hundred million pages costs nothing until pages are taken. Pages past the end of the map are marked as used.
 *
 * Address-ordered first fit keeps the file short, but does not heal fragmentation by itself.
 */
import { assert } from '../errors.js';

const leafShift = 8;
const leafPages = 1 << leafShift;
const leafWords = leafPages / 32;
/** Leaves that are summarized in one go while a map is set up. */
const leavesPerStep = 4096;
const fanShift = 3;
const fan = 1 << fanShift;

/** One level of the tree: per node, what is missing from entirely free. */
interface Level {
  /** Pages that a node covers. Kept, as a power with a base that is no constant is a call into the runtime. */
  readonly span: number;
  readonly nodes: number;
  readonly start: Uint32Array;
  readonly longest: Uint32Array;
  readonly end: Uint32Array;
}

export class PageMap {
  readonly pageCount: number;
  /** A set bit is a used page. */
  readonly #bits: Uint32Array;
  /** From the leaves up; the last level has one node. */
  readonly #levels: Level[] = [];
  #usedPages = 0;
  /** Pages up to this were occupied, and leaves from that on have not been summarized since. */
  #unsummarizedTo = 0;
  #unsummarizedFrom = 0;

  // The summary that was computed last.
  #start = 0;
  #longest = 0;
  #end = 0;

  constructor(pageCount: number) {
    assert(Number.isInteger(pageCount) && pageCount > 0 && pageCount <= 2 ** 32, 'a map has 1 to 2^32 pages');
    this.pageCount = pageCount;
    let nodes = Math.ceil(pageCount / leafPages);
    this.#bits = new Uint32Array(nodes * leafWords);
    for (let shift = leafShift; ; shift += fanShift) {
      const level = {
        span: 2 ** shift,
        nodes,
        start: new Uint32Array(nodes),
        longest: new Uint32Array(nodes),
        end: new Uint32Array(nodes),
      };
      this.#levels.push(level);
      if (nodes === 1) break;
      nodes = Math.ceil(nodes / fan);
    }
    this.#closeEnd();
  }

  get usedPages(): number {
    return this.#usedPages;
  }

  /** Pages of the longest free run. */
  get largestFreeRun(): number {
    const top = this.#levels[this.#levels.length - 1]!;
    return top.span - top.longest[0]!;
  }

  isFree(page: number): boolean {
    return (this.#bits[page >>> 5]! & (1 << (page & 31))) === 0;
  }

  /** The lowest first page of `count` contiguous free pages, or -1. */
  find(count: number): number {
    assert(count > 0, 'a run has at least one page');
    if (count > this.largestFreeRun) return -1;
    let node = 0;
    for (let height = this.#levels.length - 1; height > 0; height--) {
      const below = this.#levels[height - 1]!;
      const { span } = below;
      const last = Math.min((node + 1) * fan, below.nodes);
      // The run may begin in one child and go on through the next ones; `reach` is how long it is so far.
      let reach = 0;
      let found = -1;
      for (let child = node * fan; child < last; child++) {
        if (reach + span - below.start[child]! >= count) {
          // It fits across the border, or at the very start of this child.
          if (reach > 0) return child * span - reach;
        }
        if (span - below.longest[child]! >= count) {
          found = child;
          break;
        }
        reach = below.start[child] === 0 ? reach + span : span - below.end[child]!;
      }
      assert(found !== -1, 'the summary of a node is that of its children');
      node = found;
    }
    return node * leafPages + this.#findInLeaf(node, count);
  }

  /** Marks a run as used. */
  take(first: number, count: number): void {
    this.#mark(first, count, true);
    this.#usedPages += count;
  }

  /** Marks a run as free. */
  release(first: number, count: number): void {
    this.#mark(first, count, false);
    this.#usedPages -= count;
  }

  /**
   * Marks a run as used while a map is set up; false, and nothing marked, when a page of it is used already.
   * `summarizeSome` must follow the last until it is done, before anything is looked for: a summary for each run would
   * cost more than all else.
   */
  occupy(first: number, count: number): boolean {
    for (let page = first; page < first + count; page += 32 - (page & 31)) {
      if ((this.#bits[page >>> 5]! & maskOf(page, first + count)) !== 0) return false;
    }
    for (let page = first; page < first + count; page += 32 - (page & 31)) {
      this.#bits[page >>> 5]! |= maskOf(page, first + count);
    }
    this.#usedPages += count;
    this.#unsummarizedTo = Math.max(this.#unsummarizedTo, first + count);
    return true;
  }

  /** Brings the summaries up to date for the next million pages that were occupied; false when there are no more. */
  summarizeSome(): boolean {
    const leaves = Math.ceil(this.#unsummarizedTo / leafPages);
    const from = this.#unsummarizedFrom;
    if (from >= leaves) {
      this.#unsummarizedTo = 0;
      this.#unsummarizedFrom = 0;
      return false;
    }
    const to = Math.min(leaves, from + leavesPerStep);
    this.#summarizeUp(from, to - 1);
    this.#unsummarizedFrom = to;
    return true;
  }

  clear(): void {
    this.#bits.fill(0);
    for (const level of this.#levels) {
      level.start.fill(0);
      level.longest.fill(0);
      level.end.fill(0);
    }
    this.#usedPages = 0;
    this.#closeEnd();
  }

  /** Used pages, counted bit by bit. */
  population(): number {
    let count = 0;
    for (let page = 0; page < this.pageCount; page++) if (!this.isFree(page)) count++;
    return count;
  }

  /** Pages past the end are used for ever, at every level: the last node of each may cover fewer than it could. */
  #closeEnd(): void {
    const leaf = this.#levels[0]!.nodes - 1;
    const covered = (leaf + 1) * leafPages;
    for (let page = this.pageCount; page < covered; page++) this.#bits[page >>> 5]! |= 1 << (page & 31);
    this.#summarizeUp(leaf, leaf);
  }

  #mark(first: number, count: number, used: boolean): void {
    assert(first >= 0 && count > 0 && first + count <= this.pageCount, 'a run lies within the map');
    const end = first + count;
    for (let page = first; page < end; ) {
      const word = page >>> 5;
      const mask = maskOf(page, end);
      const before = this.#bits[word]!;
      // A message for each word would cost more than the word.
      if ((before & mask) !== (used ? 0 : mask))
        assert(false, `pages at ${page} are ${used ? 'free' : 'used'} before they change`);
      this.#bits[word] = used ? before | mask : before & ~mask;
      page += 32 - (page & 31);
    }
    this.#summarizeUp(Math.floor(first / leafPages), Math.floor((end - 1) / leafPages));
  }

  /** Brings the summaries of some leaves and of all above them up to date; stops where nothing changes. */
  #summarizeUp(firstLeaf: number, lastLeaf: number): void {
    let first = firstLeaf;
    let last = lastLeaf;
    for (let height = 0; height < this.#levels.length; height++) {
      const level = this.#levels[height]!;
      let changed = false;
      for (let node = first; node <= last; node++) {
        if (height === 0) this.#summarizeLeaf(node);
        else this.#summarizeNode(height, node);
        if (this.#store(level, node)) changed = true;
      }
      if (!changed) return;
      first >>>= fanShift;
      last >>>= fanShift;
    }
  }

  #store(level: Level, node: number): boolean {
    const { span } = level;
    const start = span - this.#start;
    const longest = span - this.#longest;
    const end = span - this.#end;
    if (level.start[node] === start && level.longest[node] === longest && level.end[node] === end)
      return false;
    level.start[node] = start;
    level.longest[node] = longest;
    level.end[node] = end;
    return true;
  }

  #summarizeNode(height: number, node: number): void {
    const below = this.#levels[height - 1]!;
    const { span } = below;
    const first = node * fan;
    const last = Math.min(first + fan, below.nodes);
    let start = 0;
    let longest = 0;
    let run = 0;
    let unbroken = true;
    for (let child = first; child < last; child++) {
      const childStart = span - below.start[child]!;
      if (unbroken) start += childStart;
      longest = Math.max(longest, span - below.longest[child]!, run + childStart);
      if (childStart === span) {
        run += span;
      } else {
        unbroken = false;
        run = span - below.end[child]!;
      }
    }
    this.#start = start;
    this.#longest = longest;
    // Children that are not there are used pages, so that nothing free reaches the end of such a node.
    this.#end = last - first < fan ? 0 : run;
  }

  /** Runs of zero bits in a leaf, by words: shifting a word against itself halves the runs that are looked for. */
  #summarizeLeaf(leaf: number): void {
    const bits = this.#bits;
    const from = leaf * leafWords;
    let start = 0;
    let longest = 0;
    let run = 0;
    let unbroken = true;
    for (let at = from; at < from + leafWords; at++) {
      const word = bits[at]!;
      if (word === 0) {
        run += 32;
        continue;
      }
      const low = Math.clz32(word & -word) ^ 31;
      if (unbroken) {
        start = run + low;
        unbroken = false;
      }
      if (run + low > longest) longest = run + low;
      if (word !== 0xffffffff) {
        const inside = longestZeroRun(word);
        if (inside > longest) longest = inside;
      }
      run = Math.clz32(word);
    }
    if (unbroken) start = run;
    this.#start = start;
    this.#longest = Math.max(run, longest);
    this.#end = run;
  }

  #findInLeaf(leaf: number, count: number): number {
    const bits = this.#bits;
    const from = leaf * leafWords;
    let run = 0;
    for (let index = 0; index < leafWords; index++) {
      const word = bits[from + index]!;
      if (word === 0) {
        run += 32;
        if (run >= count) return (index + 1) * 32 - run;
        continue;
      }
      const low = Math.clz32(word & -word) ^ 31;
      if (run + low >= count) return index * 32 - run;
      const inside = count <= 32 ? firstZeroRun(word, count) : -1;
      if (inside !== -1) return index * 32 + inside;
      run = Math.clz32(word);
    }
    assert(run >= count, 'a leaf has the run that its summary says');
    return leafPages - run;
  }
}

/** The bits of the pages from `page` up to `end`, as far as they are in the word of the first. */
function maskOf(page: number, end: number): number {
  const bit = page & 31;
  const here = Math.min(32 - bit, end - page);
  return here === 32 ? -1 : ((1 << here) - 1) << bit;
}

/** The longest run of zero bits in a word. */
function longestZeroRun(word: number): number {
  let free = ~word;
  let length = 0;
  while (free !== 0) {
    free &= free << 1;
    length++;
  }
  return length;
}

/** The lowest bit at which `count` zero bits begin in a word, or -1. */
function firstZeroRun(word: number, count: number): number {
  let free = ~word;
  for (let have = 1; have < count && free !== 0; ) {
    const step = Math.min(have, count - have);
    free &= free >>> step;
    have += step;
  }
  return free === 0 ? -1 : Math.clz32(free & -free) ^ 31;
}
