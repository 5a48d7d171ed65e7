/** Behaviour 21: a bulk load swaps as it goes, each new value at once, and moves nothing that is used. */
import { describe, expect, it } from 'vitest';
import { World } from '../support/environment.js';
import { openInWorld } from '../support/store.js';

const hotCount = 100;
const size = 100;

/** A store whose memory is full, with a hundred values in it that are used. */
function full(threads = 1, policy: 'adaptive' | 'lru' | 'swappability' = 'adaptive') {
  const { store, world } = openInWorld({ threads, maxMemory: 200 * size, policy });
  for (let index = 0; index < 400; index++) {
    store.set(`old:${index}`, index, { size });
    store.get(`old:${index}`);
  }
  for (let round = 0; round < 5; round++)
    for (let index = 0; index < hotCount; index++) store.get(`old:${index}`);
  return { store, world };
}

describe.each(['adaptive', 'swappability'] as const)('behaviour 21: a bulk load, policy %s', (policy) => {
  it('leaves what is used where it is, and each new value for the file', async () => {
    const { store, world } = full(1, policy);
    await world.settle();
    const resident = () => [...store.keys()].filter((key) => store.state(key) === 'resident');
    const before = resident();
    for (let index = 0; index < 2_000; index++) {
      store.set(`new:${index}`, index, { size });
      // As one that awaits `ready()`: what outruns the threads is written on the caller's own, by the policy's choice.
      if (index % 5 === 0) await world.settle();
    }
    await world.settle();
    const after = new Set(resident());
    // But for the first few, by which a load is known for one, and what made room for them.
    expect(before.filter((key) => after.has(key)).length).toBeGreaterThan(0.85 * before.length);
    expect([...after].filter((key) => key.startsWith('new:')).length).toBeLessThan(20);
    for (let index = 0; index < 2_000; index += 7) expect(store.peek(`new:${index}`)).toBe(index);
  });
});

it('a bulk load with the policy lru leaves what is newest in memory, as that promises', async () => {
  const { store, world } = full(1, 'lru');
  for (let index = 0; index < 400; index++) {
    store.set(`new:${index}`, index, { size });
    if (index % 5 === 0) await world.settle();
  }
  await world.settle();
  const resident = [...store.keys()].filter((key) => store.state(key) === 'resident');
  expect(resident.length).toBeGreaterThan(100);
  for (const key of resident) expect(key.startsWith('new:')).toBe(true);
});

describe('behaviour 21: a value of a bulk load', () => {
  it('keeps a change in place that is made before the next call', async () => {
    const { store, world } = full();
    for (let index = 0; index < 200; index++) {
      const value = { index, changed: false };
      store.set(`new:${index}`, value, { size });
      value.changed = true;
    }
    await world.settle();
    for (let index = 0; index < 200; index++)
      expect(store.peek(`new:${index}`)).toEqual({ index, changed: true });
  });

  it('stays where it is pinned, and is the latest where it is set again', async () => {
    const { store, world } = full();
    for (let index = 0; index < 50; index++) {
      store.set(`new:${index}`, 'first', { size, pin: index % 10 === 0 });
      if (index % 3 === 0) store.set(`new:${index}`, 'second', { size, pin: index % 10 === 0 });
    }
    await world.settle();
    for (let index = 0; index < 50; index++) {
      if (index % 10 === 0) expect(store.state(`new:${index}`)).toBe('resident');
      expect(store.peek(`new:${index}`)).toBe(index % 3 === 0 ? 'second' : 'first');
    }
  });

  it('stays once something has been read, as it may be wanted soon', async () => {
    // With the policy 'adaptive' it must be worth a place, too.
    const { store, world } = full(1, 'swappability');
    for (let index = 0; index < 50; index++) store.set(`new:${index}`, index, { size });
    for (let index = 50; index < 53; index++) {
      store.get('old:0');
      store.set(`new:${index}`, index, { size });
    }
    await world.settle();
    expect([50, 51, 52].map((index) => store.state(`new:${index}`))).toEqual(Array(3).fill('resident'));
  });

  it('does not leave while swapping is paused', async () => {
    const { store, world } = full();
    store.pauseSwapping();
    for (let index = 0; index < 50; index++) store.set(`new:${index}`, index, { size });
    await world.settle();
    for (let index = 0; index < 50; index++) expect(store.state(`new:${index}`)).toBe('resident');
    store.resumeSwapping();
    await world.settle();
    expect(store.stats().residentBytes).toBeLessThanOrEqual(200 * size);
  });

  it('is deleted, cleared and expired like any other', async () => {
    const { store, world } = full();
    for (let index = 0; index < 50; index++) {
      store.set(`new:${index}`, index, { size });
      if (index % 5 === 0) expect(store.delete(`new:${index}`)).toBe(true);
    }
    await world.settle();
    expect(store.has('new:5')).toBe(false);
    expect(store.peek('new:6')).toBe(6);
    store.clear();
    for (let index = 0; index < 50; index++) store.set(`new:${index}`, index, { size, ttl: 5_000 });
    await world.live(6_000, 1_000);
    expect(store.size).toBe(0);
  });
});

describe('a batch is written', () => {
  /** Sets until `done`; fails when that never comes. */
  async function setUntil(opened: ReturnType<typeof openInWorld>, done: () => boolean): Promise<void> {
    for (let index = 0; index < 10_000 && !done(); index++) {
      opened.store.set(`k${index}`, 'x'.repeat(100), { size });
      if (index % 5 === 0) await opened.world.settle();
    }
    expect(done()).toBe(true);
  }

  function opened(cheapWriteUsMax: number) {
    const world = new World();
    world.environment.cheapWriteUsMax = cheapWriteUsMax;
    // With this policy nothing leaves but by batches.
    const found = openInWorld({ threads: 1, maxMemory: 100 * size, policy: 'lru' }, world);
    let byThreads = 0;
    let here = 0;
    let inThread = false;
    const step = world.threads.step.bind(world.threads);
    world.threads.step = () => {
      inThread = true;
      const stepped = step();
      inThread = false;
      return stepped;
    };
    found.disk.during = (call) => {
      if (call !== 'write') return;
      if (inThread) byThreads++;
      else here++;
    };
    return {
      ...found,
      counts: () => ({ byThreads, here }),
      isWrittenHere: async (sets: number) => {
        const before = here;
        await found.world.settle();
        for (let index = 0; index < sets; index++) {
          found.store.set(`more:${index}`, 'x'.repeat(100), { size });
          if (index % 5 === 0) await found.world.settle();
        }
        return here > before;
      },
    };
  }

  it('on the caller’s thread from the first on, and no thread is started for nothing', async () => {
    const store = opened(1e9);
    await setUntil(store, () => store.counts().here > 20);
    expect(store.counts().byThreads).toBe(0);
    expect(store.store.stats().activeThreads).toBe(0);
    for (const value of store.store.values()) expect(value).toBe('x'.repeat(100));
  });

  it('by the threads once two have taken long, and on the caller’s thread when they show that it is over', async () => {
    // No write by a thread takes so long in fact, and each on the main thread does on the test's clock.
    const store = opened(1e6);
    store.disk.writeCostMs = 10_000;
    await setUntil(store, () => store.counts().byThreads > 0);
    expect(store.counts().here).toBe(2);
    store.disk.writeCostMs = 0;
    await setUntil(store, () => store.counts().here > 2);
    expect(store.counts().byThreads).toBeGreaterThan(2);
    expect(store.counts().byThreads).toBeLessThan(30);
    for (const value of store.store.values()) expect(value).toBe('x'.repeat(100));
  });

  it('by the threads after one that took very long', async () => {
    const store = opened(1e6);
    await setUntil(store, () => store.counts().here > 0);
    store.disk.writeCostMs = 1e6;
    expect(await store.isWrittenHere(4)).toBe(true);
    store.disk.writeCostMs = 0;
    expect(await store.isWrittenHere(10)).toBe(false);
  });

  it('on the caller’s thread, and what cannot be written is in memory as before, with a warning', async () => {
    const store = opened(1e9);
    await setUntil(store, () => store.counts().here > 0);
    const warnings: string[] = [];
    store.store.on('warning', (warning) => warnings.push(warning.code));
    store.disk.failWrites('EIO');
    store.store.set('a', 'kept', { size });
    expect(await store.world.drive(store.store.swapOut('a').catch((error) => error.code))).toBe(
      'ERR_SWAP_IO',
    );
    expect(warnings).toContain('ERR_SWAP_IO');
    expect(store.store.state('a')).toBe('resident');
    store.disk.failWrites(undefined);
    expect(await store.world.drive(store.store.swapOut('a'))).toBe(true);
    expect(store.store.get('a')).toBe('kept');
  });

  it('never, once the store is cleared', async () => {
    const found = opened(1e9);
    await setUntil(found, () => found.counts().here > 0);
    await found.world.settle();
    for (let index = 0; index < 20; index++) found.store.set(`last:${index}`, 'x'.repeat(50), { size });
    const { here, byThreads } = found.counts();
    found.store.clear();
    await found.world.settle();
    expect(found.counts()).toEqual({ here, byThreads });
    expect(found.store.stats().usedPages).toBe(0);
  });
});
