// Finding a run of free pages in a map of 16 M pages after random churn, up to nearly full. Beside it, first fit over a
// bitmap, as an allocator without summaries does it.
import { median } from '../lib/measure.mjs';
import { random } from '../lib/random.mjs';

const pageCount = 16 * 2 ** 20;
const batch = 64;

/** The summarized map, with finding and taking in one. */
function summarized(PageMap) {
  const map = new PageMap(pageCount);
  return {
    map,
    take(count) {
      const first = map.find(count);
      if (first !== -1) map.take(first, count);
      return first;
    },
    release: (first, count) => map.release(first, count),
  };
}

/** A bitmap of words, searched from the front. */
class Bitmap {
  constructor(count) {
    this.words = new Uint32Array(count / 32);
  }

  take(count) {
    let run = 0;
    for (let page = 0; page < pageCount; page++) {
      if (run === 0 && (page & 31) === 0 && this.words[page >>> 5] === 0xffffffff) {
        page += 31;
        continue;
      }
      run = (this.words[page >>> 5] >>> (page & 31)) & 1 ? 0 : run + 1;
      if (run === count) {
        this.mark(page - count + 1, count, true);
        return page - count + 1;
      }
    }
    return -1;
  }

  release(first, count) {
    this.mark(first, count, false);
  }

  mark(first, count, used) {
    for (let page = first; page < first + count; page++) {
      if (used) this.words[page >>> 5] |= 1 << (page & 31);
      else this.words[page >>> 5] &= ~(1 << (page & 31));
    }
  }
}

export default {
  name: 'page-search',
  title: 'page search: take and release of a run of 1 to 8 pages, 16 M pages',
  unit: 'us',
  variants: [10, 50, 90, 99, 99.9].map((full) => ({ name: `${full}% full`, full })),
  quick: ['90% full', '99.9% full'],
  sides: () => ['swapstore', 'first fit over a bitmap'],
  runs: 3,
  async run({ side, variant, ms, dist }) {
    const { PageMap } = await import(new URL('disk/page-map.js', dist));
    // The history is made by the summarized map on both sides: by the other it would take hours.
    const history = summarized(PageMap);
    const map = side === 'swapstore' ? history : new Bitmap(pageCount);
    const draw = random(11);
    const size = () => 1 + Math.floor(draw(8));
    const goal = Math.floor((pageCount * variant.full) / 100);
    const firsts = [];
    const sizes = [];
    while (history.map.usedPages < goal) {
      const pages = Math.min(size(), goal - history.map.usedPages);
      const first = history.take(pages);
      if (first === -1) break;
      firsts.push(first);
      sizes.push(pages);
    }
    const churn = (target, steps) => {
      for (let step = 0; step < steps; step++) {
        const at = Math.floor(draw(firsts.length));
        target.release(firsts[at], sizes[at]);
        let pages = size();
        let first = target.take(pages);
        if (first === -1) {
          pages = sizes[at];
          first = target.take(pages);
        }
        firsts[at] = first;
        sizes[at] = pages;
      }
    };
    churn(history, 1_000_000);
    if (map !== history) {
      for (let at = 0; at < firsts.length; at++) map.mark(firsts[at], sizes[at], true);
    }
    // Runs are freed and taken many at a time, so that the clock costs nothing.
    const takes = [];
    const releases = [];
    const slots = new Uint32Array(batch);
    const wanted = new Uint32Array(batch);
    for (const end = performance.now() + ms; performance.now() < end; ) {
      for (let index = 0; index < batch; index++) slots[index] = Math.floor(draw(firsts.length));
      const distinct = new Set(slots).size === batch;
      if (!distinct) continue;
      for (let index = 0; index < batch; index++) wanted[index] = Math.min(size(), sizes[slots[index]]);
      let began = performance.now();
      for (const slot of slots) map.release(firsts[slot], sizes[slot]);
      releases.push(performance.now() - began);
      began = performance.now();
      for (let index = 0; index < batch; index++) {
        firsts[slots[index]] = map.take(wanted[index]);
        sizes[slots[index]] = wanted[index];
      }
      takes.push(performance.now() - began);
    }
    const us = (times) => (median(times) * 1000) / batch;
    return { take: us(takes), release: us(releases) };
  },
};
