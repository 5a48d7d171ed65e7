/** load, loadMany, preload, run and fetch: the side that awaits. */
import { expect, it } from 'vitest';
import { describeEachConfiguration } from '../support/matrix.js';
import { deferred, failureOf, openStore } from '../support/store.js';
import { sampleCount, sampleKey, sampleValue } from '../support/values.js';

const allKeys = Array.from({ length: sampleCount }, (_, index) => sampleKey(index));

describeEachConfiguration('the awaiting side', (options) => {
  const openFilled = () => {
    const store = openStore(options);
    for (let index = 0; index < sampleCount; index++) store.set(sampleKey(index), sampleValue(index));
    return store;
  };

  it('loads what is there, resident or not, many at once', async () => {
    const store = openFilled();
    const loads = [...allKeys, ...allKeys].map((key) => store.load(key));
    const values = await Promise.all(loads);
    values.forEach((value, at) => {
      expect(value).toEqual(sampleValue(at % sampleCount));
    });
    expect(store.stats().blockedCallers).toBe(0);
  });

  it('loads and reads in between alike', async () => {
    const store = openFilled();
    for (let index = 0; index < sampleCount; index += 4) {
      const loading = store.load(sampleKey(index));
      expect(store.get(sampleKey(index))).toEqual(sampleValue(index));
      expect(store.peek(sampleKey(index + 1))).toEqual(sampleValue(index + 1));
      expect(await loading).toEqual(sampleValue(index));
    }
  });

  it('loads the value of its own key where a listener loads others meanwhile', async () => {
    const store = openFilled();
    await store.drain();
    store.on('swapin', () => {
      void store.load('absent');
      void store.load(allKeys[1]!);
    });
    for (const [index, key] of allKeys.entries()) expect(await store.load(key)).toEqual(sampleValue(index));
    expect(await store.load('absent')).toBeUndefined();
  });

  it('preloads as far as memory holds, and the first keys stay', async () => {
    const store = openFilled();
    await store.drain();
    for (const key of allKeys) store.swapOutSync(key);
    await store.preload(allKeys);
    expect(store.state(allKeys[0]!)).toBe(options.maxMemory === 0 ? 'swapped' : 'resident');
    expect(store.state(allKeys[1]!)).toBe(options.maxMemory === 0 ? 'swapped' : 'resident');
    const { residentBytes, inFlightBytes, maxMemory } = store.stats();
    expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(maxMemory);
    if (options.maxMemory! > 1_000_000) {
      for (const key of allKeys) expect(store.state(key)).toBe('resident');
    }
    await store.preload(['absent', allKeys[0]!, allKeys[0]!]);
    await store.preload([]);
    expect(store.has('absent')).toBe(false);
  });

  it('hands run the values of its keys, missing and repeated ones included', async () => {
    const store = openFilled();
    await store.drain();
    const answer = await store.run(
      [allKeys[0]!, 'absent', allKeys[4]!, allKeys[0]!],
      (a, absent, b, again) => {
        expect(a).toEqual(sampleValue(0));
        expect(absent).toBeUndefined();
        expect(b).toEqual(sampleValue(4));
        expect(again).toBe(a);
        return 'answer';
      },
    );
    expect(answer).toBe('answer');
    expect(await store.run([], (...values) => values.length)).toBe(0);
  });

  it('keeps what run holds resident until what it returns has settled', async () => {
    const store = openFilled();
    const held = allKeys.slice(0, 4);
    await store.run(held, async () => {
      for (let index = 0; index < sampleCount; index++) store.set(`more:${index}`, sampleValue(index));
      await store.drain();
      for (const key of held) {
        expect(store.state(key)).toBe('resident');
        expect(store.swapOutSync(key)).toBe(false);
        expect(await store.swapOut(key)).toBe(false);
      }
    });
    await store.drain();
    store.set('last', 1);
    const { residentBytes, inFlightBytes, maxMemory } = store.stats();
    expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(maxMemory);
    expect(store.getMany(held)).toEqual([0, 1, 2, 3].map(sampleValue));
  });

  it('gives run the same objects that get gives meanwhile', async () => {
    const store = openStore(options);
    store.set('a', { n: 1 });
    await store.run(['a'], async (a) => {
      expect(store.get('a')).toBe(a);
      await Promise.resolve();
      expect(store.get('a')).toBe(a);
      expect(await store.load('a')).toBe(a);
    });
  });

  it('holds an entry as long as the last of several runs does', async () => {
    const store = openStore(options);
    store.set('a', { n: 1 });
    const [firstBegan, firstEnds] = [deferred(), deferred()];
    const [secondBegan, secondEnds] = [deferred(), deferred()];
    const first = store.run(['a'], () => {
      firstBegan.resolve();
      return firstEnds.promise;
    });
    const second = store.run(['a'], () => {
      secondBegan.resolve();
      return secondEnds.promise;
    });
    await Promise.all([firstBegan.promise, secondBegan.promise]);
    firstEnds.resolve();
    await first;
    expect(store.swapOutSync('a')).toBe(false);
    expect(store.state('a')).toBe('resident');
    secondEnds.resolve();
    await second;
    if (store.state('a') === 'resident') expect(store.swapOutSync('a')).toBe(true);
    expect(store.get('a')).toEqual({ n: 1 });
  });

  it('runs inside a run', async () => {
    const store = openFilled();
    const sum = await store.run(['key:5'], (outer) =>
      store.run(['key:11', 'key:5'], (inner, same) => [outer, inner, same]),
    );
    expect(sum).toEqual([sampleValue(5), sampleValue(11), sampleValue(5)]);
  });

  it('passes on what the callback of run throws, and lets go', async () => {
    const store = openStore(options);
    store.set('a', { n: 1 });
    const boom = new Error('boom');
    expect(
      await failureOf(() =>
        store.run(['a'], () => {
          throw boom;
        }),
      ),
    ).toBe(boom);
    expect(await failureOf(() => store.run(['a'], () => Promise.reject(boom)))).toBe(boom);
    await store.drain();
    if (store.state('a') === 'resident') expect(store.swapOutSync('a')).toBe(true);
    expect(store.state('a')).toBe('swapped');
  });

  it('computes what fetch does not find, once, and stores it', async () => {
    const store = openStore(options);
    let computations = 0;
    const compute = async (key: string) => {
      computations++;
      await Promise.resolve();
      return { of: key };
    };
    const fetched = await Promise.all([
      store.fetch('a', compute),
      store.fetch('a', compute),
      store.fetch('b', compute),
      store.fetch('a', compute),
    ]);
    expect(fetched).toEqual([{ of: 'a' }, { of: 'a' }, { of: 'b' }, { of: 'a' }]);
    expect(computations).toBe(2);
    expect(await store.fetch('a', compute)).toEqual({ of: 'a' });
    expect(computations).toBe(2);
    expect(store.get('a')).toEqual({ of: 'a' });
    store.swapOutSync('a');
    expect(await store.fetch('a', compute)).toEqual({ of: 'a' });
    expect(computations).toBe(2);
  });

  it('takes a value that compute returns without a promise', async () => {
    const store = openStore(options);
    expect(await store.fetch('a', () => 5)).toBe(5);
    expect(store.get('a')).toBe(5);
  });

  it('takes a stored undefined for a value', async () => {
    const store = openStore(options);
    store.set('a', undefined);
    expect(await store.fetch('a', () => 'computed')).toBeUndefined();
  });

  it('stores nothing when compute fails, tells every caller, and computes again', async () => {
    const store = openStore(options);
    const boom = new Error('boom');
    const failures = await Promise.all([
      failureOf(() => store.fetch('a', () => Promise.reject(boom))),
      failureOf(() => store.fetch('a', () => 'never asked')),
    ]);
    expect(failures).toEqual([boom, boom]);
    const thrown = await failureOf(() =>
      store.fetch('a', () => {
        throw boom;
      }),
    );
    expect(thrown).toBe(boom);
    expect(store.has('a')).toBe(false);
    expect(await store.fetch('a', () => 'computed')).toBe('computed');
  });

  it('lets compute use the store', async () => {
    const store = openFilled();
    const value = await store.fetch('sum', async () => {
      const left = await store.load('key:5');
      return [left, await store.fetch('other', () => 7)];
    });
    expect(value).toEqual([sampleValue(5), 7]);
    expect(store.get('sum')).toEqual([sampleValue(5), 7]);
    expect(store.get('other')).toBe(7);
  });
});
