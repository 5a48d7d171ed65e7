import { describe, expect, it } from 'vitest';
import { PageMap } from '../../dist/disk/page-map.js';
import { Xorshift } from '../../dist/memory/xorshift.js';

/** The plainest possible map: one boolean a page. */
class NaiveMap {
  readonly used: boolean[];
  constructor(count: number) {
    this.used = new Array(count).fill(false);
  }
  find(count: number): number {
    let run = 0;
    for (let page = 0; page < this.used.length; page++) {
      run = this.used[page] ? 0 : run + 1;
      if (run === count) return page - count + 1;
    }
    return -1;
  }
  longest(): number {
    let longest = 0;
    let run = 0;
    for (const used of this.used) {
      run = used ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    return longest;
  }
}

describe('the page map', () => {
  it.each([1, 2, 31, 32, 33, 255, 256, 257, 2047, 2048, 2049, 5000, 20_000])(
    'behaviours 4, 5, 6: finds, marks and frees as a plain array of %i pages does',
    (pageCount) => {
      const random = new Xorshift(pageCount + 77);
      const map = new PageMap(pageCount);
      const naive = new NaiveMap(pageCount);
      const runs: Array<{ first: number; count: number }> = [];
      const steps = 1500;
      for (let step = 0; step < steps; step++) {
        if (runs.length === 0 || random.below(100) < 60) {
          const most = random.below(20) === 0 ? pageCount : Math.min(pageCount, 40);
          const count = 1 + random.below(most);
          const first = map.find(count);
          expect(first).toBe(naive.find(count));
          if (first === -1) continue;
          map.take(first, count);
          naive.used.fill(true, first, first + count);
          runs.push({ first, count });
        } else {
          const [run] = runs.splice(random.below(runs.length), 1);
          map.release(run!.first, run!.count);
          naive.used.fill(false, run!.first, run!.first + run!.count);
        }
        expect(map.largestFreeRun).toBe(naive.longest());
      }
      expect(map.usedPages).toBe(naive.used.filter(Boolean).length);
      expect(map.population()).toBe(map.usedPages);
      map.clear();
      expect(map.find(pageCount)).toBe(0);
      expect(map.largestFreeRun).toBe(pageCount);
    },
  );

  it('behaviour 6: says in one step that there is no space, as an ordinary answer', () => {
    const map = new PageMap(100);
    map.take(0, 100);
    expect(map.find(1)).toBe(-1);
    expect(map.largestFreeRun).toBe(0);
    map.release(50, 2);
    expect(map.find(2)).toBe(50);
    expect(map.find(3)).toBe(-1);
  });

  it('behaviour 4: catches a used page that is marked used, and a free one that is marked free', () => {
    const map = new PageMap(1000);
    map.take(10, 300);
    expect(() => map.take(309, 2)).toThrow(/broken invariant/);
    expect(() => map.release(9, 2)).toThrow(/broken invariant/);
    expect(() => map.take(990, 11)).toThrow(/broken invariant/);
  });

  it('defect 6: finds the only free page of a full map, wherever it is', () => {
    const map = new PageMap(100_000);
    map.take(0, 100_000);
    for (const page of [0, 31, 255, 256, 65_535, 99_999]) {
      map.release(page, 1);
      expect(map.find(1)).toBe(page);
      map.take(page, 1);
    }
  });

  it('addresses pages beyond 2^31', () => {
    const map = new PageMap(2 ** 32);
    const first = 2 ** 32 - 100;
    map.take(first, 100);
    expect(map.isFree(first - 1)).toBe(true);
    expect(map.isFree(first)).toBe(false);
    expect(map.largestFreeRun).toBe(first);
    map.release(first, 100);
    expect(map.find(2 ** 32)).toBe(0);
  });

  it('is set up run by run, and refuses a page that is used already', () => {
    const pageCount = 20_000;
    const random = new Xorshift(77);
    const taken = new PageMap(pageCount);
    const occupied = new PageMap(pageCount);
    for (let tries = 0; tries < 3_000; tries++) {
      const count = 1 + random.below(random.below(8) === 0 ? 200 : 12);
      const first = random.below(pageCount - count);
      let free = true;
      for (let page = first; page < first + count; page++) if (!taken.isFree(page)) free = false;
      expect(occupied.occupy(first, count)).toBe(free);
      if (free) taken.take(first, count);
    }
    while (occupied.summarizeSome());
    expect(occupied.usedPages).toBe(taken.usedPages);
    expect(occupied.population()).toBe(taken.population());
    expect(occupied.largestFreeRun).toBe(taken.largestFreeRun);
    for (let count = 1; count < 300; count++) expect(occupied.find(count)).toBe(taken.find(count));
  });
});
