import { describe, expect, it } from 'vitest';
import { hashKey } from '../../dist/memory/key-hash.js';
import { KeyIndex } from '../../dist/memory/key-index.js';
import { none, PointerTable } from '../../dist/memory/pointer-table.js';
import { Xorshift } from '../../dist/memory/xorshift.js';

function walk(table: PointerTable): string[] {
  const keys: string[] = [];
  for (let slot = table.next(none); slot !== none; slot = table.next(slot)) keys.push(table.keyAt(slot));
  return keys;
}

describe('the pointer table', () => {
  it('behaviour 10: keeps for each key what a Map of objects would', () => {
    const table = new PointerTable(1, 2);
    const model = new Map<
      string,
      { page: number; bytes: number; generation: number; ttl: number; grace: number; size: number }
    >();
    const random = new Xorshift(99);
    for (let step = 0; step < 60_000; step++) {
      const number = random.below(9000);
      const key =
        number % 7 === 0
          ? `ключ-${number}`
          : number % 11 === 0
            ? `k${'x'.repeat(number % 300)}${number}`
            : `key:${number}`;
      const hash = table.hash(key);
      const slot = table.find(key, hash);
      const known = model.get(key);
      expect(slot === none).toBe(known === undefined);
      if (known === undefined) {
        const made = table.insert(key, hash);
        expect(table.recordBytes(made)).toBe(0);
        expect(table.expiresAtMs(made)).toBe(0);
        const facts = {
          page: random.below(2 ** 30) * 4,
          bytes: 1 + random.below(2 ** 30),
          generation: step,
          ttl: 0,
          grace: 0,
          size: 0,
        };
        if (step % 5 === 0) facts.ttl = 1.7e12 + step;
        if (step % 10 === 0) facts.grace = 2 ** 32 - 1 - step;
        if (step % 9 === 0) facts.size = 2 ** 32 - 1 - step;
        table.setPointer(made, facts.page, facts.bytes);
        table.setGeneration(made, facts.generation);
        table.setExtras(made, facts.ttl, facts.grace, facts.size);
        table.setStamp(made, step & 255);
        table.setResident(made, step % 2 === 0);
        expect(table.stamp(made)).toBe(step & 255);
        expect(table.isResident(made)).toBe(step % 2 === 0);
        model.set(key, facts);
      } else if (random.below(3) > 0) {
        table.remove(slot);
        model.delete(key);
      } else {
        expect(table.keyAt(slot)).toBe(key);
        expect(table.page(slot)).toBe(known.page);
        expect(table.recordBytes(slot)).toBe(known.bytes);
        expect(table.generation(slot)).toBe(known.generation);
        expect(table.expiresAtMs(slot)).toBe(known.ttl);
        expect(table.graceMs(slot)).toBe(known.grace);
        expect(table.ownSize(slot)).toBe(known.size);
      }
    }
    expect(table.size).toBe(model.size);
    expect(walk(table).sort()).toEqual([...model.keys()].sort());
    table.clear();
    expect(table.size).toBe(0);
    expect(walk(table)).toEqual([]);
  });

  it.each([
    '\ud800',
    'a\udfffb',
    '\0',
    'ÿ',
    'Ā',
    'x'.repeat(65_535),
    '漢'.repeat(21_845),
    'e\u0301',
    '__proto__',
  ])('keeps the key %j as it is', (key) => {
    const table = new PointerTable(7, 8);
    const slot = table.insert(key, table.hash(key));
    expect(table.keyAt(slot)).toBe(key);
    expect(table.find(key, table.hash(key))).toBe(slot);
    expect(table.find(`${key}x`, table.hash(`${key}x`))).toBe(none);
  });

  it('meets every key that is there for a whole walk exactly once, while others come and go', () => {
    const table = new PointerTable(3, 4);
    const random = new Xorshift(5);
    for (let index = 0; index < 3000; index++) table.insert(`stays${index}`, table.hash(`stays${index}`));
    for (let index = 0; index < 3000; index++) table.insert(`goes${index}`, table.hash(`goes${index}`));
    const met = new Map<string, number>();
    let fresh = 0;
    for (let slot = table.next(none); slot !== none; slot = table.next(slot)) {
      const key = table.keyAt(slot);
      met.set(key, (met.get(key) ?? 0) + 1);
      const goes = `goes${random.below(3000)}`;
      const victim = table.find(goes, table.hash(goes));
      if (victim !== none) table.remove(victim);
      if (fresh < 2000) {
        const comes = `comes${fresh++}`;
        table.insert(comes, table.hash(comes));
      }
    }
    for (let index = 0; index < 3000; index++) expect(met.get(`stays${index}`)).toBe(1);
  });

  it('walks over the ends of chunks that closed before they were full', () => {
    const table = new PointerTable(3, 4);
    const random = new Xorshift(6);
    const keys: string[] = [];
    for (let index = 0; index < 200; index++)
      keys.push(`${index}:`.padEnd(random.below(2) === 0 ? 10 : 1 + random.below(60_000), 'ж'));
    for (const key of keys) table.insert(key, table.hash(key));
    expect(walk(table)).toEqual(keys);
  });

  it('uses the space of removed keys again', () => {
    const table = new PointerTable(3, 4);
    for (let round = 0; round < 40; round++) {
      for (let index = 0; index < 5000; index++)
        table.insert(
          `r${round}-${10_000 + index}`.padEnd(14),
          table.hash(`r${round}-${10_000 + index}`.padEnd(14)),
        );
      for (const key of walk(table)) table.remove(table.find(key, table.hash(key)));
    }
    expect(table.bytes).toBeLessThan(2 * 1024 * 1024);
  });

  it('takes at most 40 bytes and the key for each key, at any size', () => {
    const table = new PointerTable(11, 12);
    let worst = 0;
    for (let index = 1; index <= 400_000; index++) {
      table.insert(`${index}`.padStart(20, 'k'), table.hash(`${index}`.padStart(20, 'k')));
      if (index > 20_000) worst = Math.max(worst, table.bytes / index);
    }
    expect(worst - 20).toBeLessThanOrEqual(40);
  });

  it('goes on behind the block of an empty key that was removed', () => {
    const table = new PointerTable(3, 4);
    const [, empty] = ['a', '', 'b'].map((key) => table.insert(key, table.hash(key)));
    table.remove(empty!);
    expect(walk(table)).toEqual(['a', 'b']);
  });

  it('counts its clears, so that whoever walks knows that the slot is gone', () => {
    const table = new PointerTable(3, 4);
    table.insert('a', table.hash('a'));
    expect(table.clears).toBe(0);
    table.clear();
    expect(table.clears).toBe(1);
  });

  it('holds thousands of keys whose hashes are all equal', () => {
    const table = new PointerTable(3, 4);
    const slots = Array.from({ length: 7000 }, (_, index) => table.insert(`k${index}`, 0x12345678));
    for (let index = 0; index < 7000; index += 100) {
      expect(table.find(`k${index}`, 0x12345678)).toBe(slots[index]);
    }
    for (let index = 0; index < 6990; index++) table.remove(slots[index]!);
    expect(walk(table)).toHaveLength(10);
    expect(table.find('k6995', 0x12345678)).toBe(slots[6995]);
    expect(table.find('k6000', 0x12345678)).toBe(none);
    expect(table.bytes).toBeLessThan(2 * 1024 * 1024);
  });

  it('samples every key sooner or later', () => {
    const table = new PointerTable(11, 12);
    for (let index = 0; index < 50; index++) table.insert(`k${index}`, table.hash(`k${index}`));
    const seen = new Set<number>();
    const random = new Xorshift(123);
    for (let tries = 0; tries < 20_000; tries++) seen.add(table.sample(random.below(2 ** 31)));
    expect(seen.size).toBe(50);
    expect(new PointerTable(1, 2).sample(5)).toBe(none);
  });
});

describe('the key index', () => {
  it('grows one segment at a time, and holds thousands of keys with neighbouring hashes', () => {
    const hashes = new Map<number, number>();
    const index = new KeyIndex((slot) => hashes.get(slot)!);
    for (let slot = 0; slot < 20_000; slot++) {
      hashes.set(slot, slot & 1 ? slot : -slot);
      index.reserve(hashes.get(slot)!);
      index.add(slot, hashes.get(slot)!);
    }
    for (let slot = 0; slot < 20_000; slot += 3) index.remove(slot, hashes.get(slot)!);
    const found: number[] = [];
    for (const [slot, hash] of hashes) {
      const { slots, tags, mask } = index.segmentOf(hash);
      for (let at = hash & mask; tags[at] !== 0; at = (at + 1) & mask)
        if (slots[at] === slot) found.push(slot);
    }
    expect(found).toEqual([...hashes.keys()].filter((slot) => slot % 3 !== 0));
  });
});

describe('the hash of keys', () => {
  it('is HalfSipHash-1-3, as its published vectors for the bytes 0, 1, 2 and on say', () => {
    const vectors = [
      0x5814c896, 0xbc4b0e30, 0x7e059ea6, 0xa0080b65, 0x577999b1, 0xe4fa32cf, 0x6b28096c, 0x16658a7c,
    ];
    let key = '';
    for (const vector of vectors) {
      expect(hashKey(key, 0x03020100, 0x07060504) >>> 0).toBe(vector);
      key += String.fromCharCode((key.length * 2) | ((key.length * 2 + 1) << 8));
    }
  });

  it('depends on the seed, on every character and on the length', () => {
    expect(hashKey('abc', 1, 2)).not.toBe(hashKey('abc', 1, 3));
    expect(hashKey('abc', 1, 2)).not.toBe(hashKey('abc', 2, 2));
    const seen = new Set(
      ['', 'a', 'b', 'ab', 'ba', 'a\0', 'a\0\0', '\0', '\0\0', 'abc', 'abd'].map((key) => hashKey(key, 5, 6)),
    );
    expect(seen.size).toBe(11);
  });

  it('spreads keys that differ little over all buckets', () => {
    const counts = new Array(64).fill(0);
    for (let index = 0; index < 64_000; index++) counts[hashKey(`user:${index}`, 9, 10) >>> 26]++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });
});
