/**
 * A value that is read, and that memory has no place for: it is there until the next read, or until the turn of who awaits
 * it ends, and its caller may change it.
 */
import { describe, expect, it } from 'vitest';
import type { SwapStoreOptions } from '../../dist/index.js';
import { collect } from '../support/collect.js';
import { World } from '../support/environment.js';
import { codeOf, learnReadCost, openInWorld, openStore } from '../support/store.js';

const size = 100;
const hotCount = 330;
const coldCount = 3_000;

interface Counter {
  n: number;
}
const counterOf = (value: unknown) => value as Counter;

/** A store whose memory is full of what is used all the time, and which has seen that nothing else is. */
async function full(options: Partial<SwapStoreOptions> = {}, ofTest = new World()) {
  const { store, world } = openInWorld({ threads: 1, maxMemory: 400 * size, ...options }, ofTest);
  for (let index = 0; index < coldCount; index++) {
    store.set(`cold:${index}`, { n: index }, { size });
    if (index % 5 === 0) await world.settle();
  }
  for (let index = 0; index < hotCount; index++) store.set(`hot:${index}`, { n: index }, { size });
  const hotInMemory = () =>
    Array.from({ length: hotCount }, (_, index) => store.state(`hot:${index}`)).filter(
      (state) => state === 'resident',
    ).length;
  for (let round = 0; round < 20 || hotInMemory() <= 0.9 * hotCount; round++) {
    for (let index = 0; index < hotCount; index++) store.get(`hot:${index}`);
    for (let index = 0; index < 300; index++) store.get(`cold:${(round % 5) * 300 + index}`);
    expect(round).toBeLessThan(200);
  }
  await world.settle();
  // Swapping has gone below its mark, and what comes first has room.
  for (let index = 1_500; index < 1_600; index++) store.get(`cold:${index}`);
  return { store, world, hotInMemory };
}

/** Of keys that are not in memory now, `count`; none of the last, which are in a buffer yet. */
function coldKeys(store: { state(key: string): string | undefined }, count: number): string[] {
  const keys: string[] = [];
  for (let index = coldCount - 300; keys.length < count; index--)
    if (store.state(`cold:${index}`) === 'swapped') keys.push(`cold:${index}`);
  return keys;
}

describe('a value that is read once', () => {
  it('moves nothing that is used, is written by nobody, and is gone with the next', async () => {
    const { store, hotInMemory } = await full();
    const before = hotInMemory();
    const { bytesWritten, residentObjects } = store.stats();
    const keys = coldKeys(store, 500);
    for (const key of keys) expect(store.get(key)).toEqual({ n: Number(key.slice(5)) });
    expect(hotInMemory()).toBe(before);
    expect(keys.filter((key) => store.state(key) === 'resident').length).toBeLessThan(3);
    expect(store.stats().bytesWritten).toBe(bytesWritten);
    expect(store.stats().residentObjects).toBeLessThan(residentObjects + 3);
    expect(store.stats().residentBytes).toBeLessThanOrEqual(400 * size);
  });

  it('is in memory until then, and the same object when it is asked for again', async () => {
    const { store } = await full();
    for (const key of coldKeys(store, 50)) {
      const value = store.get(key);
      expect(store.state(key)).toBe('resident');
      const { hits } = store.stats();
      expect(store.get(key)).toBe(value);
      expect(store.stats().hits).toBe(hits + 1);
    }
  });

  it('stays when it is asked for often', async () => {
    const { store } = await full();
    const keys = coldKeys(store, 20);
    for (let round = 0; round < 15; round++) for (const key of keys) store.get(key);
    expect(keys.filter((key) => store.state(key) === 'resident').length).toBeGreaterThan(17);
  });

  it('keeps what its caller changes before the next call, whatever that is', async () => {
    const { store, world } = await full();
    const [next, ...keys] = coldKeys(store, 9);
    const calls: Array<(key: string) => unknown> = [
      () => store.get(next!),
      () => store.peek(next!),
      () => store.getMany([next!, 'cold:0', 'hot:0']),
      () => store.load(next!),
      (key) => store.swapOut(key),
      (key) => store.swapOutSync(key),
      () => store.set('new', 1),
      (key) => store.pin(key),
    ];
    for (const [index, call] of calls.entries()) {
      const key = keys[index]!;
      counterOf(store.get(key)).n = -index;
      await world.drive(Promise.resolve(call(key)));
      for (const other of coldKeys(store, 5)) store.get(other);
      expect(store.get(key)).toEqual({ n: -index });
      store.unpin(key);
    }
  });

  it.each([
    ['the next is read', false],
    ['the next is set', true],
  ])(
    'is given to an accessor of its own that asks for it as %s, and may be changed from then on',
    async (_, sets) => {
      const world = new World();
      world.environment.cheapWriteUsMax = Number.POSITIVE_INFINITY;
      world.environment.bulkLoadMin = 0;
      const { store } = await full({}, world);
      const [key, ...others] = coldKeys(store, 300);
      const value = counterOf(store.get(key!));
      let given: unknown;
      const property = { enumerable: true, configurable: true };
      Object.defineProperty(value, 'n', {
        ...property,
        get: () => {
          given = store.get(key!);
          return Number(key!.slice(5));
        },
      });
      if (sets) store.set('new', { n: 1 }, { size });
      else store.get(others[0]!);
      expect(given).toBe(value);
      Object.defineProperty(value, 'n', { ...property, writable: true, value: -1 });
      store.swapOutSync(key!);
      for (const other of others) store.get(other);
      expect(store.get(key!)).toEqual({ n: -1 });
    },
  );

  it('is changed without end, and found as it was left', async () => {
    const { store } = await full();
    const keys = coldKeys(store, 40);
    const expected = new Map(keys.map((key) => [key, Number(key.slice(5))]));
    for (let step = 0; step < 2_000; step++) {
      const key = keys[(step * 7) % keys.length]!;
      const value = counterOf(store.get(key));
      expect(value.n).toBe(expected.get(key));
      if (step % 3 === 0) expected.set(key, ++value.n);
    }
  });

  it('is set, deleted, cleared and expired like any other', async () => {
    const { store, world } = await full();
    const [set, deleted, expired, cleared] = coldKeys(store, 4) as [string, string, string, string];
    store.get(set);
    store.set(set, 'other');
    store.get('cold:0');
    expect(store.get(set)).toBe('other');
    store.get(deleted);
    expect(store.delete(deleted)).toBe(true);
    expect(store.get(deleted)).toBeUndefined();
    store.get(expired);
    store.expire(expired, 1_000);
    await world.live(2_000, 500);
    expect(store.get(expired)).toBeUndefined();
    store.get(cleared);
    store.clear();
    expect(store.get(cleared)).toBeUndefined();
    expect(store.stats()).toMatchObject({ residentObjects: 0, residentBytes: 0 });
  });

  it('is held by who waits for it and is read by another meanwhile', async () => {
    const { store, world } = await full();
    const [ran, preloaded, ...others] = coldKeys(store, 12) as [string, string, ...string[]];
    // Reads are slow, so that threads make them.
    world.disk.readCostMs = 5;
    for (const key of others) store.get(key);
    let end = (): void => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    let began = false;
    const run = store.run([ran], async (value) => {
      began = true;
      await held;
      counterOf(value).n = -7;
    });
    const preload = store.preload([preloaded]);
    expect(store.state(ran)).toBe('loading');
    store.get(ran);
    store.get(preloaded);
    world.disk.readCostMs = 0;
    await world.drive(preload);
    for (const key of others) store.get(key);
    await world.settle();
    expect(began).toBe(true);
    expect(store.state(ran)).toBe('resident');
    end();
    await world.drive(run);
    for (const key of others) store.get(key);
    await world.settle();
    expect(store.get(ran)).toEqual({ n: -7 });
  });

  it('stays while swapping is paused', async () => {
    const { store } = await full();
    const keys = coldKeys(store, 20);
    store.get(keys[0]!);
    store.pauseSwapping();
    let left = 0;
    store.on('swapout', () => left++);
    for (const key of keys) store.get(key);
    expect(keys.map((key) => store.state(key))).toEqual(keys.map(() => 'resident'));
    expect(left).toBe(0);
    store.resumeSwapping();
    for (const key of keys) expect(store.get(key)).toEqual({ n: Number(key.slice(5)) });
  });

  it('leaves at once where it is promised that it is not changed', async () => {
    const { store } = await full({ immutable: true });
    const { cleanDrops } = store.stats();
    const keys = coldKeys(store, 200);
    for (const key of keys) store.get(key);
    expect(store.stats().cleanDrops - cleanDrops).toBeGreaterThan(170);
  });

  it('is told of to listeners as it comes and as it goes', async () => {
    const { store } = await full();
    const moves: string[] = [];
    store.on('swapin', (key) => moves.push(`in ${key}`));
    store.on('swapout', (key) => moves.push(`out ${key}`));
    const [one, two] = coldKeys(store, 2) as [string, string];
    store.get(one);
    store.get(two);
    store.swapOutSync(one);
    store.swapOutSync(two);
    expect(moves.filter((move) => move.endsWith(` ${one}`))).toEqual([`in ${one}`, `out ${one}`]);
    expect(moves.filter((move) => move.endsWith(` ${two}`))).toEqual([`in ${two}`, `out ${two}`]);
  });
});

/** Loads all of `keys` at once. */
async function loadAll(
  { store, world }: Awaited<ReturnType<typeof full>>,
  keys: readonly string[],
): Promise<unknown[]> {
  const values = Promise.all(keys.map((key) => store.load(key)));
  await world.drive(values);
  return values;
}

describe.each<{ record: string; options: Partial<SwapStoreOptions> }>([
  { record: 'is compressed', options: { compression: 'deflate' } },
  { record: 'is encrypted', options: { encryption: true } },
  { record: 'is still in a buffer', options: {} },
])('a value that is read once, whose record $record', ({ record, options }) => {
  it('moves nothing that is used, and is kept as its caller has changed it', async () => {
    const { store, world, hotInMemory } = await full(options);
    const text = 'of a text that can be compressed '.repeat(10);
    for (let index = 0; index < 200; index++) {
      store.set(`long:${index}`, { n: index, text }, { size });
      if (index % 5 === 0) await world.settle();
    }
    const indexes = Array.from({ length: 200 }, (_, index) => index);
    const swapped = indexes.filter((index) => store.state(`long:${index}`) === 'swapped').slice(-100);
    const before = hotInMemory();
    const { bufferHits } = store.stats();
    for (const index of swapped) expect(store.get(`long:${index}`)).toEqual({ n: index, text });
    expect(hotInMemory()).toBe(before);
    expect(swapped.filter((index) => store.state(`long:${index}`) === 'resident').length).toBeLessThan(5);
    if (record === 'is still in a buffer') expect(store.stats().bufferHits - bufferHits).toBeGreaterThan(50);
    for (const index of swapped.slice(0, 20)) counterOf(store.get(`long:${index}`)).n = -1;
    for (const index of swapped.slice(20)) store.get(`long:${index}`);
    for (const index of swapped.slice(0, 20)) expect(store.get(`long:${index}`)).toEqual({ n: -1, text });
  });
});

describe.each([
  { readers: 'here', readCostMs: 0 },
  { readers: 'by threads', readCostMs: 5 },
])('a value that is loaded once, read $readers', ({ readCostMs }) => {
  /** As `full`, and reads are as slow as that. */
  async function fullAnd(options: Parameters<typeof full>[0] = {}) {
    const room = await full(options);
    const { store, world } = room;
    learnReadCost(world, store, 'cold:0', readCostMs);
    return room;
  }

  it('moves nothing that is used, is written by nobody, and is gone when its turn has ended', async () => {
    const room = await fullAnd();
    const { store, world, hotInMemory } = room;
    const before = hotInMemory();
    const { bytesWritten, residentObjects } = store.stats();
    const keys = coldKeys(store, 400);
    for (let from = 0; from < keys.length; from += 10) {
      const some = keys.slice(from, from + 10);
      expect(await loadAll(room, some)).toEqual(some.map((key) => ({ n: Number(key.slice(5)) })));
      await world.settle();
    }
    expect(hotInMemory()).toBe(before);
    expect(keys.filter((key) => store.state(key) === 'resident').length).toBeLessThan(30);
    expect(store.stats().bytesWritten).toBe(bytesWritten);
    expect(store.stats().residentObjects).toBeLessThan(residentObjects + 30);
    expect(store.stats().residentBytes).toBeLessThanOrEqual(400 * size);
  });

  it('is in memory until then, and the same object when it is asked for again', async () => {
    const { store, world } = await fullAnd();
    for (const key of coldKeys(store, 30)) {
      let state: string | undefined;
      let again: unknown;
      const loaded = store.load(key).then((value) => {
        state = store.state(key);
        again = store.get(key);
        return value;
      });
      await world.drive(loaded);
      expect(state).toBe('resident');
      expect(again).toBe(await loaded);
      await world.settle();
    }
  });

  it('keeps what is changed in its turn, and again, without end', async () => {
    const { store, world } = await fullAnd();
    const keys = coldKeys(store, 40);
    const expected = new Map(keys.map((key) => [key, Number(key.slice(5))]));
    for (let step = 0; step < 600; step++) {
      const some = [0, 1, 2].map((index) => keys[(3 * step + index * 7) % keys.length]!);
      const changes = some.map(async (key, index) => {
        const value = counterOf(await store.load(key));
        expect(value.n).toBe(expected.get(key));
        if ((step + index) % 3 === 0) expected.set(key, ++value.n);
      });
      await world.drive(Promise.all(changes));
      if (step % 2 === 0) await world.settle();
    }
    await world.settle();
    for (const key of keys) expect(store.peek(key)).toEqual({ n: expected.get(key) });
  });

  it('is set, deleted, expired, pinned and cleared in its turn like any other', async () => {
    const { store, world } = await fullAnd();
    const [set, deleted, expired, pinned, cleared] = coldKeys(store, 5) as [string, ...string[]] & string[];
    const inItsTurn = async (key: string, act: () => unknown) => {
      await world.drive(store.load(key).then(act));
      await world.settle();
    };
    await inItsTurn(set, () => store.set(set, 'other'));
    expect(store.get(set)).toBe('other');
    await inItsTurn(deleted!, () => store.delete(deleted!));
    expect(store.get(deleted!)).toBeUndefined();
    await inItsTurn(expired!, () => store.expire(expired!, 1_000));
    await world.live(2_000, 500);
    expect(store.get(expired!)).toBeUndefined();
    await inItsTurn(pinned!, () => store.pin(pinned!));
    expect(store.state(pinned!)).toBe('resident');
    expect(store.unpin(pinned!)).toBe(true);
    await inItsTurn(cleared!, () => store.clear());
    expect(store.get(cleared!)).toBeUndefined();
    expect(store.stats()).toMatchObject({ residentObjects: 0, residentBytes: 0 });
  });

  it('stays while swapping is paused', async () => {
    const room = await fullAnd();
    const { store, world } = room;
    const [first, ...others] = coldKeys(store, 20) as [string, ...string[]];
    const keys = [first, ...others];
    // In its turn.
    await world.drive(store.load(first).then(() => store.pauseSwapping()));
    await loadAll(room, others);
    await world.settle();
    expect(keys.map((key) => store.state(key))).toEqual(keys.map(() => 'resident'));
    store.resumeSwapping();
    for (const key of keys) expect(store.get(key)).toEqual({ n: Number(key.slice(5)) });
  });

  it('is told of to listeners as it comes and as it goes', async () => {
    const room = await fullAnd();
    const { store, world } = room;
    const [key] = coldKeys(store, 1) as [string];
    const moves: string[] = [];
    store.on('swapin', (moved) => moves.push(`in ${moved}`));
    store.on('swapout', (moved) => moves.push(`out ${moved}`));
    await loadAll(room, [key]);
    await world.settle();
    expect(moves).toEqual([`in ${key}`, `out ${key}`]);
  });
});

describe('a large value that is loaded, with no threads', () => {
  it('leaves memory within its bound, whatever is set beside it', async () => {
    const { store, world } = await full({ threads: 0 });
    const largeSize = 45 * size;
    for (let index = 0; index < 10; index++)
      store.set(`large:${index}`, { n: index }, { size: largeSize }).swapOutSync(`large:${index}`);
    let guests = 0;
    let most = 0;
    for (let index = 0; index < 10; index++) {
      for (let hot = 0; hot < hotCount; hot++) store.get(`hot:${hot}`);
      for (let cold = 0; cold < coldCount && store.stats().residentBytes > 354 * size; cold++)
        if (store.state(`cold:${cold}`) === 'resident') store.delete(`cold:${cold}`);
      const loaded = store.load(`large:${index}`);
      for (let count = 0; count < 80; count++) {
        store.set(`new:${index}:${count}`, { n: count }, { size });
        most = Math.max(most, store.stats().residentBytes);
      }
      await loaded;
      if (store.state(`large:${index}`) === 'resident') guests++;
      await world.settle();
      for (let count = 0; count < 80; count++) store.delete(`new:${index}:${count}`);
    }
    expect(guests).toBeGreaterThan(0);
    expect(most).toBeGreaterThan(0.9 * 400 * size);
    expect(most).toBeLessThanOrEqual(400 * size);
  });
});

describe('values that are loaded in one turn', () => {
  it('leave over several turns when they take too long to compare, and may be changed until they do', async () => {
    const { store, world, hotInMemory } = await full();
    const { clock } = world;
    const keys = Array.from({ length: 20 }, (_, index) => `large:${index}`);
    const text = 'x'.repeat(4_000);
    for (const key of keys) store.set(key, { n: 0, text }, { size }).swapOutSync(key);
    // Swapping has gone below its mark, and what comes first has room.
    for (const key of coldKeys(store, 60)) store.get(key);
    const before = hotInMemory();
    const values = await Promise.all(keys.map((key) => store.load(key)));
    const inMemory = () => keys.filter((key) => store.state(key) === 'resident').length;
    expect(inMemory()).toBe(keys.length);
    // Each look at the clock takes a slice.
    const { monotonic } = clock;
    clock.monotonic = () => ++clock.monotonicMs;
    await clock.turn();
    clock.monotonic = monotonic;
    expect(inMemory()).toBeGreaterThan(0);
    expect(inMemory()).toBeLessThan(keys.length);
    const changed = keys.map((key, index) => index % 2 === 0 && store.state(key) === 'resident');
    for (const [index, value] of values.entries()) if (changed[index]) counterOf(value).n = -1;
    await world.settle();
    for (const [index, key] of keys.entries()) {
      expect(store.state(key)).toBe(changed[index] ? 'resident' : 'swapped');
      expect(store.peek(key)).toEqual({ n: changed[index] ? -1 : 0, text });
    }
    expect(hotInMemory()).toBe(before);
  });

  it('leave before the next come when they are many, so that a loop of loads moves nothing that is used', async () => {
    const { store, world, hotInMemory } = await full();
    const before = hotInMemory();
    const keys = coldKeys(store, 400);
    const loop = async () => {
      for (const key of keys) expect(await store.load(key)).toEqual({ n: Number(key.slice(5)) });
    };
    await world.drive(loop());
    expect(hotInMemory()).toBe(before);
    expect(store.stats().residentBytes).toBeLessThanOrEqual(400 * size);
  });

  it('do not keep others waiting for turn after turn when they are awaited together, however many', async () => {
    const { store, world } = await full();
    const keys = coldKeys(store, 400);
    let values: unknown[] | undefined;
    const loaded = Promise.all(keys.map((key) => store.load(key))).then((all) => {
      values = all;
    });
    let turns = 0;
    for (; values === undefined && turns < 50; turns++) await world.clock.turn();
    expect(turns).toBeLessThan(10);
    await loaded;
    expect(values).toEqual(keys.map((key) => ({ n: Number(key.slice(5)) })));
  });

  /** A store whose memory is just below the mark above which values leave. */
  async function fullToTheMark() {
    const room = await full();
    const { store } = room;
    const markBytes = (7 / 8) * 400 * size;
    for (let index = 0; store.stats().residentBytes <= markBytes - 2 * size; index++)
      store.set(`new:${index}`, index, { size });
    return { ...room, markBytes };
  }

  it('are not counted where memory is to get below its mark: nothing leaves for them, nor do they, as long as they may be changed', async () => {
    const { store, world, hotInMemory, markBytes } = await fullToTheMark();
    const before = hotInMemory();
    // Nearly all that could leave in their place.
    for (let index = 0; index < hotCount; index++) store.pin(`hot:${index}`);
    const [elsewhere, ...keys] = coldKeys(store, 21) as [string, ...string[]];
    const loads = keys.map((key) => store.load(key));
    await Promise.all(loads);
    learnReadCost(world, store, 'cold:0', 5);
    loads.push(store.load(elsewhere));
    expect(store.state(elsewhere)).toBe('loading');
    for (let turns = 0; turns < 3; turns++) await world.clock.turn();
    expect(store.stats().residentBytes).toBeGreaterThan(markBytes);
    await store.ready();
    const changed = Promise.all(loads).then((values) => {
      for (const value of values) counterOf(value).n = -1;
    });
    await world.drive(changed);
    await world.settle();
    expect(hotInMemory()).toBeGreaterThanOrEqual(before);
    for (const key of [elsewhere, ...keys]) expect(store.peek(key)).toEqual({ n: -1 });
  });

  it('do not keep a writer waiting beside a loop that has new ones in each turn', async () => {
    const { store, world } = await fullToTheMark();
    let isOver = false;
    // More than memory can have, so that it is never a loop of hits, which would leave nobody else a turn.
    const keys = coldKeys(store, 1_500);
    const loop = async () => {
      for (let index = 0; !isOver; index++) await store.load(keys[index % keys.length]!);
    };
    const write = async () => {
      for (let index = 0; index < 200; index++) {
        store.set(`written:${index}`, { n: index }, { size });
        await store.ready();
      }
      isOver = true;
    };
    await world.drive(Promise.all([loop(), write()]));
    expect(isOver).toBe(true);
  });

  it('keep what is changed in a long loop, whichever of them had to wait for its turn', async () => {
    const { store, world } = await full();
    const keys = coldKeys(store, 400);
    const loop = async () => {
      for (const key of keys) counterOf(await store.load(key)).n = -1;
    };
    await world.drive(loop());
    await world.settle();
    for (const key of keys) expect(store.peek(key)).toEqual({ n: -1 });
  });

  it('do not keep a loop waiting for turn after turn while somebody waits who keeps them', async () => {
    const { store, world } = await full();
    const [elsewhere, ...keys] = coldKeys(store, 301) as [string, ...string[]];
    learnReadCost(world, store, 'cold:0', 5);
    const loaded = store.load(elsewhere);
    expect(store.state(elsewhere)).toBe('loading');
    learnReadCost(world, store, 'cold:0', 0);
    let done = 0;
    const loop = async () => {
      for (const key of keys) {
        await store.load(key);
        done++;
      }
    };
    const looping = loop();
    for (let turns = 0; turns < 50; turns++) await world.clock.turn();
    expect(done).toBe(keys.length);
    await world.drive(Promise.all([looping, loaded]));
  });

  it('leave before the next come, however they are asked for, and whatever else is computed', async () => {
    const { store, world, hotInMemory } = await full();
    const before = hotInMemory();
    let end = (): void => {};
    const computed = new Promise<number>((resolve) => {
      end = () => resolve(1);
    });
    const fetched = store.fetch('computed', () => computed);
    const keys = coldKeys(store, 400);
    const loop = async () => {
      for (const key of keys) await store.load(key);
    };
    await world.drive(loop());
    expect(hotInMemory()).toBe(before);
    end();
    await world.drive(fetched);
    const fetchLoop = async () => {
      for (const key of coldKeys(store, 200)) await store.fetch(key, () => 0);
    };
    await world.drive(fetchLoop());
    expect(hotInMemory()).toBe(before);
  });

  it('stay until all that was asked for with them has come', async () => {
    const { store, world } = await full();
    const learn = (readCostMs: number) => learnReadCost(world, store, 'cold:0', readCostMs);
    const keys = coldKeys(store, 20);
    for (let from = 0; from < keys.length; from += 2) {
      const [here, elsewhere] = keys.slice(from, from + 2) as [string, string];
      learn(0);
      await world.settle();
      const loads = [store.load(here)];
      expect(store.state(here)).toBe('resident');
      learn(5);
      loads.push(store.load(elsewhere));
      expect(store.state(elsewhere)).toBe('loading');
      const changed = Promise.all(loads).then((values) => {
        for (const value of values) counterOf(value).n = -1;
      });
      await world.clock.turn();
      await world.drive(changed);
      await world.settle();
    }
    for (const key of keys) expect(store.peek(key)).toEqual({ n: -1 });
  });

  it('are there for who awaits one that a batch reads meanwhile', async () => {
    const { store, world } = await full();
    const learn = (readCostMs: number) => learnReadCost(world, store, 'cold:0', readCostMs);
    const [key, ...others] = coldKeys(store, 80) as [string, ...string[]];
    learn(5);
    const changed = store.load(key).then((value) => {
      counterOf(value).n = -1;
    });
    expect(store.state(key)).toBe('loading');
    learn(0);
    // Until there is no more room for what is not worth it.
    store.getMany(others);
    expect(store.getMany([key, 'hot:0'])[0]).toEqual({ n: Number(key.slice(5)) });
    await world.drive(changed);
    await world.settle();
    expect(store.peek(key)).toEqual({ n: -1 });
  });

  it('leave when nobody waits any more, though what was waited for has never come', async () => {
    const { store, world } = await full();
    const [here, elsewhere] = coldKeys(store, 2) as [string, string];
    const loaded = store.load(here);
    learnReadCost(world, store, 'cold:0', 5);
    const controller = new AbortController();
    const aborted = store.load(elsewhere, { signal: controller.signal });
    expect(store.state(elsewhere)).toBe('loading');
    await loaded;
    await world.clock.turn();
    await world.clock.turn();
    expect(store.state(here)).toBe('resident');
    controller.abort();
    await expect(aborted).rejects.toThrow();
    await world.clock.turn();
    expect(store.state(here)).toBe('swapped');
  });

  it('have no more than an eighth of memory while they must stay', async () => {
    const { store, world } = await full();
    const keys = coldKeys(store, 200);
    learnReadCost(world, store, 'cold:0', 5);
    const controller = new AbortController();
    const aborted = store.load(keys[0]!, { signal: controller.signal });
    aborted.catch(() => {});
    learnReadCost(world, store, 'cold:0', 0);
    for (const key of keys.slice(1)) {
      await world.clock.turn();
      await store.load(key);
    }
    const { residentObjects } = store.stats();
    controller.abort();
    await world.clock.turn();
    const left = residentObjects - store.stats().residentObjects;
    expect(left).toBeGreaterThan(10);
    expect(left).toBeLessThanOrEqual(400 / 8);
  });

  it('push out nothing that is used, however many there are in each turn', async () => {
    const { store, world, hotInMemory } = await full();
    const before = hotInMemory();
    const { clock } = world;
    for (let round = 0; round < 60; round++) {
      const some = Array.from({ length: 20 }, (_, index) => `cold:${1_600 + ((round * 20 + index) % 1_300)}`);
      await Promise.all(some.map((key) => store.load(key)));
      await clock.turn();
    }
    await world.settle();
    expect(hotInMemory()).toBeGreaterThan(0.98 * before);
  });

  it('keep what is changed when the file takes the pages of their copies', async () => {
    const { store, world } = openInWorld({ threads: 1, maxMemory: 400 * size, maxSwap: 256 * 1024 });
    const { pages } = store.stats();
    for (let index = 0; index < pages - 40; index++) store.set(`cold:${index}`, { n: index }, { size });
    for (let round = 0; round < 20; round++)
      for (let index = 0; index < 340; index++) store.get(`cold:${index}`);
    await world.settle();
    const keys = Array.from({ length: 300 }, (_, index) => `cold:${1_000 + index}`);
    const expected = new Map(keys.map((key) => [key, Number(key.slice(5))]));
    let changed = 0;
    const change = async (key: string): Promise<void> => {
      const value = counterOf(await store.load(key));
      // Where nothing can leave for it, it is a copy.
      if (store.state(key) !== 'resident') return;
      changed++;
      value.n = -value.n;
      expected.set(key, value.n);
      try {
        // It needs pages, and there are none but those of copies.
        store.set(`new:${key}`, 'x'.repeat(40), { size });
      } catch (error) {
        expect(codeOf(error)).toBe('ERR_SWAP_FULL');
      }
    };
    for (let from = 0; from < keys.length; from += 6) {
      await world.drive(Promise.all(keys.slice(from, from + 6).map(change)));
      await world.settle();
    }
    expect(changed).toBeGreaterThan(100);
    for (const key of keys) expect(store.peek(key)).toEqual({ n: expected.get(key) });
  });
});

describe('a value that is set once, where memory is full of what is used', () => {
  it('leaves with the next, as it was then, and moves nothing', async () => {
    const { store, world, hotInMemory } = await full();
    const before = hotInMemory();
    for (let index = 0; index < 200; index++) {
      const value = { n: 0 };
      store.set(`new:${index}`, value, { size });
      value.n = index;
      store.get(`hot:${index}`);
      if (index % 5 === 0) await world.settle();
    }
    await world.settle();
    expect(hotInMemory()).toBeGreaterThan(0.97 * before);
    const states = Array.from({ length: 200 }, (_, index) => store.state(`new:${index}`));
    expect(states.filter((state) => state === 'swapped').length).toBeGreaterThan(150);
    for (let index = 0; index < 200; index++) expect(store.peek(`new:${index}`)).toEqual({ n: index });
  });

  it('is not taken for a key that was used, however many others have come', async () => {
    const { store, world } = await full();
    let stayed = 0;
    for (let index = 0; index < 4_000; index++) {
      store.set(`new:${index}`, { n: index }, { size });
      // A read, so that this is no bulk load; nothing in memory is used much.
      store.get(`hot:${index % 7}`);
      if (index > 1_000 && store.state(`new:${index - 1}`) === 'resident') stayed++;
      if (index % 5 === 0) await world.settle();
    }
    expect(stayed).toBeLessThan(5);
  });

  it('stays if it is read before', async () => {
    const { store, world } = await full();
    let stayed = 0;
    for (let index = 0; index < 100; index++) {
      store.set(`new:${index}`, { n: index }, { size });
      store.get(`new:${index}`);
      store.set(`newer:${index}`, { n: index }, { size });
      if (store.state(`new:${index}`) === 'resident') stayed++;
      await world.settle();
    }
    expect(stayed).toBeGreaterThan(90);
  });
});

it('a value that memory has no room for is kept alive by nobody once it was read', async () => {
  const store = openStore({ maxMemory: 64 * 1024 });
  store.set('large', { part: { n: 1 }, text: 'x'.repeat(200_000) });
  // In a function of its own, whose frame is gone when the collector looks.
  const read = () => new WeakRef((store.get('large') as { part: object }).part);
  const part = read();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(part.deref()).toBeUndefined();
});
