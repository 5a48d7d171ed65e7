/**
 * The short way out: what is set and need not stay waits in a buffer for a write of many, has its pages at once, and is
 * read from there. Here every value that is not in memory counts as one of a load, and writes cost nothing.
 */
import { describe, expect, it } from 'vitest';
import { World } from '../support/environment.js';
import { errnoError } from '../support/faulty-disk.js';
import {
  checkInvariants,
  codeOf,
  forget,
  freshPath,
  mebi,
  openInWorld,
  type SwapStoreOptions,
  warningsOf,
} from '../support/store.js';

const size = 100;
const residents = 50;
/** More than the one in hand, and less than a buffer holds. */
const some = 10;

interface Numbered {
  n: number;
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

function opened(options: SwapStoreOptions = {}, world = new World()) {
  world.environment.cheapWriteUsMax = Number.POSITIVE_INFINITY;
  world.environment.bulkLoadMin = 0;
  return openInWorld({ threads: 1, maxMemory: residents * size, ...options }, world);
}

/** A store whose memory is full, and where nothing waits to be written. */
async function full(options: SwapStoreOptions = {}, world?: World) {
  const found = opened(options, world);
  for (let index = 0; index < residents; index++) found.store.set(`old:${index}`, { n: index }, { size });
  await found.world.settle();
  return found;
}

/** Sets some values more; all but the last wait to be written then. */
function setSome({ store }: Awaited<ReturnType<typeof full>>, count = some): string[] {
  const keys = Array.from({ length: count }, (_, n) => `new:${n}`);
  for (const [n, key] of keys.entries()) store.set(key, { n }, { size });
  return keys;
}

/** From now on reads are slow, and the store knows it; returns the keys by which it has seen that, which are written. */
async function readSlowly(found: Awaited<ReturnType<typeof full>>): Promise<string[]> {
  const keys = setSome(found, 40);
  await found.world.settle();
  found.disk.readCostMs = 5;
  for (const key of keys) found.store.peek(key);
  return keys;
}

describe('a value that need not stay', () => {
  it('waits for its write with a pointer of its own, and is read from the buffer', async () => {
    const found = await full();
    const { store, disk } = found;
    const { writes, reads } = disk;
    const keys = setSome(found);
    const waiting = keys.slice(0, -1);
    for (const key of waiting) expect(store.state(key)).toBe('swapped');
    expect(store.state(keys.at(-1)!)).toBe('resident');
    expect(new Set(waiting.map((key) => store.pointer(key)!.page)).size).toBe(waiting.length);
    const before = store.stats().bufferHits;
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
    // The last has left for the first that was read.
    expect(store.stats().bufferHits).toBe(before + keys.length);
    expect({ writes: disk.writes, reads: disk.reads }).toEqual({ writes, reads });
  });

  it('is written with all others by one call when the turn ends, by no thread', async () => {
    const found = await full();
    const { store, disk, world } = found;
    const { writes } = disk;
    const { activeThreads } = store.stats();
    const keys = setSome(found);
    await world.pump();
    expect(disk.writes).toBe(writes + 1);
    expect(store.stats().activeThreads).toBe(activeThreads);
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
  });

  it('is written when the buffer is full, and by drain', async () => {
    const found = await full();
    const { store, disk, world } = found;
    const { writes } = disk;
    const keys = setSome(found, 200);
    expect(disk.writes).toBeGreaterThan(writes);
    expect(disk.writes).toBeLessThan(writes + 20);
    const inTheMiddle = disk.writes;
    await world.drive(store.drain());
    expect(disk.writes).toBe(inTheMiddle + 1);
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
  });

  it('leaves what is in memory there, and takes no more than the bound', async () => {
    const found = await full();
    const { store } = found;
    const keys = () => [...store.keys()].filter((key) => store.state(key) === 'resident');
    setSome(found, some);
    const before = keys().filter((key) => key.startsWith('old:'));
    expect(before.length).toBeGreaterThan(0.75 * residents);
    setSome(found, 1_000);
    expect(keys().filter((key) => key.startsWith('old:'))).toEqual(before);
    expect(store.stats().residentBytes).toBeLessThanOrEqual(residents * size);
  });

  it('stays once something has been read, which ends a load', () => {
    const world = new World();
    world.environment.cheapWriteUsMax = Number.POSITIVE_INFINITY;
    const options = { threads: 1, maxMemory: residents * size, policy: 'swappability' } as const;
    const { store: loading } = openInWorld(options, world);
    for (let n = 0; n < 2 * residents; n++) loading.set(`new:${n}`, { n }, { size });
    expect(loading.state(`new:${2 * residents - 2}`)).toBe('swapped');
    loading.get('new:0');
    loading.set('wanted', { n: 1 }, { size });
    loading.set('other', { n: 2 }, { size });
    loading.get(`new:${2 * residents - 2}`);
    expect(loading.state('wanted')).toBe('resident');
  });

  it('is there for each way to ask for it', async () => {
    const found = await full();
    const { store, world, disk } = found;
    // Not by a thread, which could not see it, though reads are slow.
    for (const key of await readSlowly(found)) store.delete(key);
    await world.settle();
    const keys = setSome(found, 12);
    const { reads } = disk;
    expect(await world.drive(store.load(keys[0]!))).toEqual({ n: 0 });
    setSome(found, 12);
    expect(await world.drive(store.loadMany(keys.slice(1, 3)))).toEqual([{ n: 1 }, { n: 2 }]);
    setSome(found, 12);
    expect(store.getMany(keys.slice(3, 5))).toEqual([{ n: 3 }, { n: 4 }]);
    expect(disk.reads).toBe(reads);
    expect(store.pin(keys[5]!)).toBe(true);
    expect(store.state(keys[5]!)).toBe('resident');
    await world.drive(store.run([keys[6]!], (value) => expect(value).toEqual({ n: 6 })));
    expect(new Map(store.entries({ prefix: '' })).get(keys[7]!)).toEqual({ n: 7 });
  });

  it('stays as long as it may be changed by who waited for its key', async () => {
    const found = await full();
    const { store, world } = found;
    const keys = await readSlowly(found);
    await world.settle();
    const loaded = store.load(keys[0]!).then((value) => {
      (value as Numbered).n = -1;
    });
    expect(store.state(keys[0]!)).toBe('loading');
    store.set(keys[0]!, { n: 77 }, { size });
    // In the same turn, before the one that waits goes on.
    for (let n = 0; n < some; n++) store.set(`other:${n}`, { n }, { size });
    await world.drive(loaded);
    expect(store.peek(keys[0]!)).toEqual({ n: -1 });
  });

  it('comes back a Buffer of its own, which the next values leave alone', async () => {
    // So much that the buffer could be taken for one of a single large value.
    const { store } = opened({ maxMemory: 16 * mebi });
    const content = (n: number) => Buffer.alloc(40_000, n % 251);
    for (let n = 0; n < 400; n++) store.set(`b${n}`, content(n));
    const { bufferHits } = store.stats();
    const values = new Map<number, Buffer>();
    for (let n = 390; n < 400; n++)
      if (store.state(`b${n}`) === 'swapped') values.set(n, store.peek(`b${n}`) as Buffer);
    expect(store.stats().bufferHits).toBeGreaterThan(bufferHits);
    for (let n = 400; n < 500; n++) store.set(`b${n}`, content(n));
    for (const [n, value] of values) expect(value.equals(content(n))).toBe(true);
  });
});

describe('a record that dies while it waits', () => {
  it('keeps its pages until they have been written, and is not read again', async () => {
    const found = await full();
    const { store, world } = found;
    const keys = setSome(found);
    const { usedPages } = store.stats();
    store.delete(keys[0]!);
    store.set(keys[1]!, { n: -1 }, { size });
    expect(store.stats().usedPages).toBeGreaterThanOrEqual(usedPages);
    // Were its page free, this would be written there now, and then over it.
    store.set('other', { n: 77 }, { size });
    expect(store.swapOutSync('other')).toBe(true);
    await world.settle();
    expect(store.peek('other')).toEqual({ n: 77 });
    expect(store.has(keys[0]!)).toBe(false);
    expect(store.peek(keys[1]!)).toEqual({ n: -1 });
    for (const key of [...store.keys()]) store.delete(key);
    expect(store.stats().usedPages).toBe(0);
  });

  it('is gone with all others by clear, and nothing is written', async () => {
    const found = await full();
    const { store, world, disk } = found;
    setSome(found);
    const { writes } = disk;
    store.clear();
    await world.settle();
    expect(disk.writes).toBe(writes);
    expect(store.stats().usedPages).toBe(0);
    setSome(found);
    expect(store.peek('new:3')).toEqual({ n: 3 });
  });

  it('is gone with its namespace, and when its time is over', async () => {
    const found = await full();
    const { store, world } = found;
    const space = store.namespace('space');
    for (let n = 0; n < some; n++) space.set(`n${n}`, { n }, { size });
    for (let n = 0; n < some; n++) store.set(`t${n}`, { n }, { size, ttl: 50 });
    space.clear();
    expect(space.size).toBe(0);
    await world.live(3_000, 1_000);
    for (let n = 0; n < some; n++) expect(store.has(`t${n}`)).toBe(false);
    expect(store.size).toBe(residents);
  });
});

it('does not wait for the end of a pause, nor for what nobody wants', async () => {
  const found = await full();
  const { store, world, disk } = found;
  setSome(found);
  store.pauseSwapping();
  await world.settle();
  const { usedPages, largestFreeRun, pages } = store.stats();
  expect(largestFreeRun).toBe(pages - usedPages);
  store.resumeSwapping();
  const keys = setSome(found);
  await world.settle();
  for (const key of setSome(found)) store.delete(key);
  const { writes } = disk;
  await world.drive(store.drain());
  expect(disk.writes).toBe(writes);
  expect(keys.map((key) => store.has(key))).toEqual(keys.map(() => false));
});

describe('a write that fails', () => {
  it('leaves the values where they are read, is told once, and is made again', async () => {
    const found = await full();
    const { store, world, disk } = found;
    const warnings = warningsOf(store);
    const keys = setSome(found);
    const { ioErrors } = store.stats();
    disk.failWrite('EIO');
    await world.pump();
    expect(warnings.map(codeOf)).toEqual(['ERR_SWAP_IO']);
    expect(store.stats().ioErrors).toBe(ioErrors + 1);
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
    const { writes } = disk;
    await world.live(1_000);
    expect(disk.writes).toBe(writes + 1);
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
    expect(warnings.length).toBe(1);
  });

  it('again and again holds back who sets, and loses nothing', async () => {
    const found = await full();
    const { store, world, disk } = found;
    disk.failWrites('EIO');
    const kept = new Map<string, number>();
    let refusal: unknown;
    for (let n = 0; n < 1_000 && refusal === undefined; n++) {
      try {
        store.set(`new:${n}`, { n }, { size });
        kept.set(`new:${n}`, n);
      } catch (error) {
        refusal = error;
      }
    }
    expect(codeOf(refusal)).toBe('ERR_SWAP_IO');
    expect(store.stats().residentBytes + store.stats().inFlightBytes).toBeLessThanOrEqual(residents * size);
    for (const [key, n] of kept) expect((store.peek(key) as Numbered).n).toBe(n);
    disk.failWrites(undefined);
    await world.live(30_000, 1_000);
    for (const [key, n] of kept) expect((store.peek(key) as Numbered).n).toBe(n);
    store.set('last', { n: 1 }, { size });
  });

  it('as the disk is full says so, and goes on once it is not', async () => {
    const found = await full();
    const { store, world, disk } = found;
    const warnings = warningsOf(store);
    const keys = setSome(found);
    disk.failWrites('ENOSPC');
    await world.pump();
    expect(warnings.map(codeOf)).toContain('ERR_SWAP_FULL');
    expect(warnings.at(-1)!.key).toMatch(/^(old|new):/);
    disk.failWrites(undefined);
    await world.drive(store.drain());
    const { reads } = disk;
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
    expect(disk.reads).toBeGreaterThan(reads);
  });
});

describe('a value that nobody has weighed', () => {
  // Of their own sizes, in a memory that some of them fill.
  const maxMemory = mebi;
  const record = (n: number, length = 200) => ({ n, text: 'x'.repeat(length) });

  function loaded() {
    const found = opened({ maxMemory });
    for (let n = 0; n < 4_000; n++) found.store.set(`r${n}`, record(n));
    return found;
  }

  it('counts once it is looked at, and when the turn ends it has left', async () => {
    const { store, world } = loaded();
    await world.pump();
    const { residentBytes } = store.stats();
    store.set('next', record(1));
    expect(store.get('next')).toEqual(record(1));
    expect(store.stats().residentBytes).toBeGreaterThan(residentBytes + 200);
    store.set('last', record(2));
    expect(store.state('last')).toBe('resident');
    await world.pump();
    expect(store.state('last')).toBe('swapped');
  });

  it('keeps to the bound, however large it is, when the turn is over', async () => {
    const { store, world } = loaded();
    const resident = () => [...store.keys()].filter((key) => store.state(key) === 'resident').length;
    const before = resident();
    const huge = { parts: Array.from({ length: 1_000 }, (_, part) => 'y'.repeat(20_000 + part)) };
    store.set('huge', huge);
    await world.settle();
    const { residentBytes, inFlightBytes } = store.stats();
    expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(maxMemory);
    // It leaves, and not all others.
    expect(resident()).toBeGreaterThan(0.9 * before);
    expect(store.peek('huge')).toEqual(huge);
    for (let n = 0; n < 20; n++) {
      store.set(`large${n}`, record(n, 300_000));
      store.set(`small${n}`, record(n));
      await world.settle();
      expect(store.stats().residentBytes).toBeLessThanOrEqual(maxMemory);
    }
    for (let n = 0; n < 20; n++) expect(store.peek(`large${n}`)).toEqual(record(n, 300_000));
  });

  it('is weighed at once where memory is small', () => {
    const { store } = opened({ maxMemory: 64 * 1024 });
    for (let n = 0; n < 400; n++) store.set(`r${n}`, record(n));
    for (let n = 0; n < 20; n++) {
      store.set(`large${n}`, record(n, 30_000));
      const { residentBytes, inFlightBytes } = store.stats();
      expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(64 * 1024);
    }
  });

  it('may be asked for by its own getter while it is encoded, and stays then', () => {
    const { store } = loaded();
    let asks = true;
    const curious = {
      get self() {
        if (asks) store.get('curious');
        return 1;
      },
    };
    store.set('curious', curious);
    store.set('next', record(0));
    store.set('next but one', record(0));
    asks = false;
    expect(store.get('curious')).toBe(curious);
    checkInvariants(store);
  });

  it('may ask for the figures of the store, which move nothing', () => {
    const serializer = jsonThatAsks();
    const { store: serialized } = opened({ maxMemory, serializer });
    serializer.ask = () => serialized.stats();
    const { store } = opened({ maxMemory });
    for (let n = 0; n < 4_000; n++) {
      serialized.set(`r${n}`, record(n));
      store.set(`r${n}`, asking(store, n));
    }
    for (const one of [serialized, store]) {
      checkInvariants(one);
      one.peek('r3000');
      checkInvariants(one);
      for (let n = 0; n < 4_000; n += 97) expect((one.peek(`r${n}`) as Numbered).n).toBe(n);
    }
  });

  function asking(store: { stats(): unknown }, n: number) {
    return Object.defineProperty({ text: 'x'.repeat(200) }, 'n', {
      enumerable: true,
      get() {
        store.stats();
        return n;
      },
    });
  }

  function jsonThatAsks() {
    return {
      name: 'json that asks',
      ask: (): unknown => undefined,
      serialize(value: unknown) {
        this.ask();
        return Buffer.from(JSON.stringify(value));
      },
      deserialize: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
    };
  }

  it('costs as much when it comes back as it would have', async () => {
    const { store, world } = loaded();
    const value = {
      name: 'Ä',
      list: [1, 2.5, 3],
      nested: { when: new Date(0), text: 'z'.repeat(99) },
      no: null,
    };
    store.set('short', value);
    await world.pump();
    expect(store.state('short')).toBe('swapped');
    const before = store.stats().residentBytes;
    store.pin('short');
    const back = store.stats().residentBytes - before;
    store.unpin('short');
    const { store: plain } = openInWorld({ threads: 0 });
    plain.set('short', value);
    const whole = plain.stats().residentBytes;
    expect(Math.abs(back - whole) / whole).toBeLessThan(0.02);
  });

  it('may ask for itself and for others while it is weighed, and is refused what changes the store', () => {
    const { store } = loaded();
    const seen: unknown[] = [];
    const curious = {
      get self() {
        seen.push(store.get('curious'), codeOf(thrownBy(() => store.set('other', 1))));
        return 1;
      },
    };
    store.set('curious', curious);
    expect(seen).toEqual([]);
    expect(store.get('curious')).toBe(curious);
    expect(seen.slice(0, 2)).toEqual([curious, 'ERR_SWAP_UNSERIALIZABLE']);
    expect(store.has('other')).toBe(false);
    expect(store.delete('curious')).toBe(true);
  });

  it('stays in memory where it cannot be encoded, with a warning', async () => {
    const { store, world } = loaded();
    const warnings = warningsOf(store);
    const value = { n: 1, call: () => 1 };
    store.set('function', value);
    for (let n = 0; n < 4_000; n++) store.set(`more${n}`, record(n));
    await world.settle();
    expect(store.get('function')).toBe(value);
    // It is a candidate like others, and found out when it is its turn.
    if (store.stats().unserializable > 0) expect(warnings.map(codeOf)).toContain('ERR_SWAP_UNSERIALIZABLE');
    expect(store.swapOutSync('function')).toBe(false);
    expect(store.stats().unserializable).toBe(1);
  });
});

describe('space', () => {
  it('that is held for what comes next is given back where it is short', async () => {
    const found = await full({ maxSwap: 4096 + 320 * 64, pageSize: 64 });
    const { store, disk } = found;
    const keys = setSome(found);
    const { writes } = disk;
    const { pages, usedPages } = store.stats();
    // More than is free, and less than is not needed.
    const large = 'x'.repeat((pages - usedPages + 20) * 64);
    store.set('large', large, { size: 1_000_000 });
    expect(disk.writes).toBe(writes + 2);
    expect(store.peek('large')).toBe(large);
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
  });

  it('is not taken from what waits, where others can be evicted and it cannot be written', async () => {
    const found = await full({ maxSwap: 4096 + 400 * 64, whenFull: 'evict', pageSize: 64 });
    const { store, world, disk } = found;
    setSome(found, 100);
    await world.settle();
    for (let n = 0; n < 8; n++) store.set(`waits:${n}`, { n }, { size });
    const waiting = Array.from({ length: 7 }, (_, n) => `waits:${n}`);
    const run = 4096 + 64 * store.pointer('waits:0')!.page;
    disk.during = (call, position) => {
      if (call === 'write' && Math.abs(position - run) < 64 * 4) throw errnoError('EIO', 'write');
    };
    await world.pump();
    const { evictions } = store.stats();
    for (let n = 0; n < 30; n++) store.set(`large:${n}`, 'x'.repeat(1_800), { size: 1_000_000 });
    expect(store.stats().evictions).toBeGreaterThan(evictions);
    for (const [n, key] of waiting.entries()) expect(store.peek(key)).toEqual({ n });
  });

  it('goes to the newest with `whenFull: evict`, and what is there is right', async () => {
    const found = await full({ maxSwap: 400 * 64, whenFull: 'evict', pageSize: 64 });
    const { store, world } = found;
    for (let n = 0; n < 3_000; n++) {
      store.set(`new:${n}`, { n }, { size });
      if (n % 100 === 0) await world.settle();
    }
    let seen = 0;
    for (const [key, value] of store.entries({ prefix: 'new:' })) {
      expect((value as Numbered).n).toBe(Number(key.slice(4)));
      seen++;
    }
    expect(seen).toBeGreaterThan(100);
    expect(store.stats().evictions).toBeGreaterThan(1_000);
  });
});

describe('a persistent store', () => {
  it('has all that was set before a flush, whether it waited to be written or not', async () => {
    const path = freshPath();
    const found = await full({ path, persist: true, flushIntervalMs: 0 });
    const { store, world } = found;
    const keys = setSome(found, 60);
    const flushed = store.flush();
    // Meanwhile some are set again, and what leaves for it was set before the flush.
    for (let n = 0; n < 20; n++) store.set(`new:${n}`, { n: n + 1_000 }, { size });
    await world.drive(flushed);
    // As after a crash: nothing more is made durable.
    forget(store);
    world.disk.failWrites('EIO');
    await world.drive(store.close().catch(() => {}));
    const { store: again } = openInWorld({ path, persist: true });
    for (const [n, key] of keys.entries()) {
      const { n: seen } = again.peek(key) as Numbered;
      expect([n, n + 1_000]).toContain(seen);
    }
  });

  it('forgets what was given another lifetime, and deleted, before it was written', async () => {
    const path = freshPath();
    const found = await full({ path, persist: true, flushIntervalMs: 0 });
    const { store, world } = found;
    const keys = setSome(found);
    expect(store.expire(keys[0]!, 1_000_000)).toBe(true);
    expect(store.expire(keys[1]!, 1_000_000)).toBe(true);
    expect(store.delete(keys[0]!)).toBe(true);
    await world.drive(store.close());
    forget(store);
    const { store: again } = openInWorld({ path, persist: true });
    expect(again.has(keys[0]!)).toBe(false);
    expect(again.peek(keys[1]!)).toEqual({ n: 1 });
    expect(again.remainingTtl(keys[1]!)).toBeLessThanOrEqual(1_000_000);
  });

  it('has what was changed in place, and was on its way when a flush came', async () => {
    const path = freshPath();
    const options = { path, persist: true, flushIntervalMs: 0 } as const;
    const found = await full(options);
    const { store, world, disk } = found;
    store.set('k', { n: 1 }, { size });
    store.set('l', { n: 1 }, { size });
    expect(store.state('k')).toBe('swapped');
    // It has a copy now, which waits to be written, and becomes another.
    (store.get('k') as Numbered).n = 2;
    disk.failWrite('EIO');
    expect(codeOf(thrownBy(() => store.swapOutSync('k')))).toBe('ERR_SWAP_IO');
    await world.drive(store.flush());
    await world.drive(store.close());
    forget(store);
    const { store: again } = openInWorld({ path, persist: true });
    expect([1, 2]).toContain((again.peek('k') as Numbered).n);
    expect(again.peek('l')).toEqual({ n: 1 });
  });

  it('warns once of a flush in the background that fails', async () => {
    const found = await full({ path: freshPath(), persist: true, flushIntervalMs: 1_000 });
    const { store, world, disk } = found;
    const warnings = warningsOf(store);
    setSome(found);
    disk.failWrites('EIO');
    await world.clock.advance(1_000);
    await world.settle();
    disk.failWrites(undefined);
    expect(warnings.length).toBeLessThanOrEqual(2);
    await world.live(5_000, 1_000);
    expect(warnings.every((warning) => codeOf(warning) === 'ERR_SWAP_IO')).toBe(true);
  });

  it('is not durable where a record cannot be written, and says so', async () => {
    const found = await full({ path: freshPath(), persist: true, flushIntervalMs: 0 });
    const { store, world, disk } = found;
    const keys = setSome(found);
    disk.failWrite('EIO');
    const outcome = await world.drive(store.flush().then(() => 'durable', codeOf));
    expect(outcome).toBe('ERR_SWAP_IO');
    await world.drive(store.flush());
    for (const [n, key] of keys.entries()) expect(store.peek(key)).toEqual({ n });
  });
});

it('is measured and told of like any other way', async () => {
  const found = await full();
  const { store, world } = found;
  store.latencies();
  const out: string[] = [];
  store.on('swapout', (key) => out.push(key));
  const { swapOuts } = store.stats();
  const keys = setSome(found, 100);
  await world.settle();
  // In turns with the long way, as a listener may read before a value is in its caller's hands.
  for (const key of keys) expect(out.includes(key)).toBe(store.state(key) === 'swapped');
  expect(out.length).toBeGreaterThan(80);
  expect(store.stats().swapOuts).toBe(swapOuts + out.length);
  expect(store.latencies().swapOut.count).toBeGreaterThan(1);
});

it('keeps a change in place that is made right after set, though a listener reads in between', async () => {
  const found = await full();
  const { store, world } = found;
  const [swapped] = setSome(found);
  await world.settle();
  store.on('swapout', () => store.peek(swapped!));
  for (let n = 0; n < 50; n++) {
    const value = { n };
    store.set(`other:${n}`, value, { size });
    value.n = -n;
  }
  for (let n = 0; n < 50; n++) expect((store.peek(`other:${n}`) as Numbered).n).toBe(-n);
});

it('is not for what will be gone in a second', async () => {
  const found = await full();
  const { store } = found;
  store.set('brief', { n: 1 }, { size, ttl: 500 });
  setSome(found);
  expect(store.state('brief')).toBe('resident');
});

it('is not for values that no buffer holds, of which each leaves and nothing else does', async () => {
  const found = await full({ maxMemory: mebi });
  const { store, world } = found;
  for (let n = 0; n < 2_000; n++) store.set(`old:${n}`, { n }, { size: 500 });
  await world.settle();
  const resident = () =>
    Array.from({ length: 2_000 }, (_, n) => store.state(`old:${n}`)).filter((state) => state === 'resident')
      .length;
  const before = resident();
  for (let n = 0; n < 50; n++) {
    store.set(`large:${n}`, Buffer.alloc(100_000, n));
    await world.settle();
  }
  expect(resident()).toBeGreaterThan(0.7 * before);
});
