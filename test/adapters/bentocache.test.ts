/** The first layer for Bentocache: its own suite, and a real BentoCache on it. */
import assert from 'node:assert';
import { BentoCache, bentostore } from 'bentocache';
import { registerCacheDriverTestSuite } from 'bentocache/test_suite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import swapStoreDriver, { type SwapStoreDriver } from '../../dist/adapters/bentocache.js';
import { closeStore, freshPath, openStore, type SwapStoreOptions, swapErrorOf } from '../support/store.js';

type SuiteOptions = Parameters<typeof registerCacheDriverTestSuite>[0];
type Cleanup = () => unknown;

/** What its tests are given by the runner that they were written for. */
interface TestContext {
  assert: typeof assert & Record<'isTrue' | 'isFalse' | 'isUndefined', (value: unknown) => void>;
  cleanup(fn: Cleanup): void;
}

const suiteAssert = Object.assign(Object.create(assert) as TestContext['assert'], {
  deepEqual: assert.deepStrictEqual,
  isTrue: (value: unknown) => assert.strictEqual(value, true),
  isFalse: (value: unknown) => assert.strictEqual(value, false),
  isUndefined: (value: unknown) => assert.strictEqual(value, undefined),
});

describe.each([
  ['in memory', {}],
  ['in the file', { maxMemory: 0 }],
] as Array<[string, SwapStoreOptions]>)('Bentocache’s suite, with values %s', (_, options) => {
  // The suite speaks to another runner: each of its tests becomes one of ours.
  const test = (title: string, run: (context: TestContext) => Promise<void>): void => {
    it(title, async () => {
      const cleanups: Cleanup[] = [];
      try {
        await run({ assert: suiteAssert, cleanup: (fn) => cleanups.push(fn) });
      } finally {
        for (const cleanup of cleanups) await cleanup();
      }
    });
  };
  const group = {
    setup: (fn: () => Promise<Cleanup>): void => {
      let teardown: Cleanup = () => {};
      beforeAll(async () => {
        teardown = await fn();
      });
      afterAll(() => teardown());
    },
    tap: () => {},
    each: { teardown: (fn: Cleanup) => afterEach(() => fn() as Promise<void>) },
  };
  registerCacheDriverTestSuite({
    test: test as unknown as SuiteOptions['test'],
    group: group as unknown as SuiteOptions['group'],
    createDriver: (config) =>
      swapStoreDriver(options).factory(config as { prefix?: string }) as unknown as ReturnType<
        SuiteOptions['createDriver']
      >,
  });
});

describe('a BentoCache on the driver', () => {
  const opened: Array<{ disconnectAll(): Promise<void> }> = [];
  afterEach(async () => {
    vi.useRealTimers();
    for (const bento of opened.splice(0)) await bento.disconnectAll();
  });
  const openBento = (...args: Parameters<typeof swapStoreDriver>) => {
    const bento = new BentoCache({
      default: 'main',
      stores: { main: bentostore().useL1Layer(swapStoreDriver(...args)) },
    });
    opened.push(bento);
    return bento;
  };

  it('holds more than memory, and finds it', async () => {
    const store = openStore({ maxMemory: 65_536 });
    const bento = openBento(store);
    for (let index = 0; index < 400; index++)
      await bento.set({ key: `k${index}`, value: `${index}`.repeat(200) });
    for (let index = 0; index < 400; index += 7)
      expect(await bento.get({ key: `k${index}` })).toBe(`${index}`.repeat(200));
    expect(store.stats().swapIns).toBeGreaterThan(0);
  });

  it('computes once what is missing, and serves what is old when computing fails', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const bento = openBento({ maxMemory: 0 });
    let calls = 0;
    const terms = { key: 'k', ttl: 1_000, grace: 60_000, timeout: 0 } as const;
    const compute = () => bento.getOrSet({ ...terms, factory: () => ++calls });
    expect([await compute(), await compute()]).toEqual([1, 1]);
    vi.setSystemTime(Date.now() + 1_500);
    const failing = () => {
      throw new Error('no database');
    };
    expect(await bento.getOrSet({ ...terms, factory: failing })).toBe(1);
    vi.setSystemTime(Date.now() + 70_000);
    await expect(bento.getOrSet({ ...terms, factory: failing })).rejects.toThrow();
    expect(await compute()).toBe(2);
  });

  it('keeps namespaces apart, and clears one without the others', async () => {
    const bento = openBento({ maxMemory: 0 });
    const users = bento.namespace('users');
    await bento.set({ key: 'k', value: 'root' });
    await users.set({ key: 'k', value: 'users' });
    expect([await bento.get({ key: 'k' }), await users.get({ key: 'k' })]).toEqual(['root', 'users']);
    await users.clear();
    expect([await bento.get({ key: 'k' }), await users.get({ key: 'k' })]).toEqual(['root', undefined]);
    await bento.clear();
    expect(await bento.has({ key: 'k' })).toBe(false);
  });

  it('ends, expires and deletes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const bento = openBento({ maxMemory: 0 });
    await bento.set({ key: 'brief', value: 1, ttl: 1_000 });
    await bento.setForever({ key: 'lasting', value: 2 });
    await bento.set({ key: 'expired', value: 3, ttl: '1h', grace: '2h' });
    await bento.expire({ key: 'expired' });
    expect(await bento.get({ key: 'expired', grace: false })).toBeUndefined();
    vi.setSystemTime(Date.now() + 1_001);
    expect(await bento.get({ key: 'brief' })).toBeUndefined();
    vi.setSystemTime(Date.now() + 1e9);
    expect(await bento.get({ key: 'lasting' })).toBe(2);
    expect(await bento.pull('lasting')).toBe(2);
    expect(await bento.get({ key: 'lasting' })).toBeUndefined();
  });

  it('keeps for ever what has a ttl without end, or beyond what the store has', async () => {
    const driver = swapStoreDriver({ maxMemory: 0 }).factory();
    for (const ttl of [Number.POSITIVE_INFINITY, Number.MAX_VALUE, Number.NaN]) {
      driver.set('k', 'v', ttl);
      expect([driver.get('k'), driver.getRemainingTtl('k')]).toEqual(['v', undefined]);
    }
    await driver.disconnect();
  });

  it('keeps values as they are where it is not to make text of them', async () => {
    const value = { at: new Date(5), tags: new Set(['a']) };
    const bento = openBento({ maxMemory: 0 }, { serialize: false });
    await bento.set({ key: 'k', value });
    expect(await bento.get({ key: 'k' })).toEqual(value);
    const text = openBento({ maxMemory: 0 });
    await text.set({ key: 'k', value });
    expect(await text.get({ key: 'k' })).toEqual({ at: '1970-01-01T00:00:00.005Z', tags: {} });
  });

  it('closes a store that it has opened, and no other', async () => {
    const given = openStore();
    await swapStoreDriver(given).factory().disconnect();
    expect(given.set('k', 1).get('k')).toBe(1);
    await closeStore(given);
    const driver: SwapStoreDriver = swapStoreDriver({ maxMemory: 0 }).factory();
    await driver.disconnect();
    swapErrorOf(() => driver.get('k'), 'ERR_SWAP_CLOSED');
    swapErrorOf(() => swapStoreDriver({ maxMemory: -1 }).factory(), 'ERR_SWAP_OPTION');
    const path = freshPath();
    swapErrorOf(() => swapStoreDriver({ path }).factory({ prefix: 'a\0b' }), 'ERR_SWAP_OPTION');
    await closeStore(openStore({ path }));
  });
});
