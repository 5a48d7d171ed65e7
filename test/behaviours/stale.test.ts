/** What has expired and may be used all the same, by `fetch` alone: while a fresh value is computed, or when that fails. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeEachConfiguration } from '../support/matrix.js';
import {
  closeStore,
  deferred,
  failureOf,
  freshPath,
  openStore,
  swapErrorOf,
  warningsOf,
} from '../support/store.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});
const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const boom = new Error('boom');

describeEachConfiguration('a value that has expired', (options) => {
  it('is returned at once while one call computes a fresh one', async () => {
    const store = openStore(options);
    const terms = { ttl: 100, staleWhileRevalidate: 50 };
    const computed = deferred<string>();
    let calls = 0;
    const compute = (key: string) => {
      calls++;
      return calls === 1 ? `${key} one` : computed.promise;
    };
    expect(await store.fetch('k', compute, terms)).toBe('k one');
    pass(99);
    expect(await store.fetch('k', compute, terms)).toBe('k one');
    expect(calls).toBe(1);
    pass(20);
    await store.swapOut('k');
    const values = await Promise.all([1, 2, 3].map(() => store.fetch('k', compute, terms)));
    expect(values).toEqual(['k one', 'k one', 'k one']);
    expect(calls).toBe(2);
    computed.resolve('k two');
    // Whoever asks for no stale value waits for the computation that is under way.
    expect(await store.fetch('k', compute, { ttl: 100 })).toBe('k two');
    expect(calls).toBe(2);
    expect(store.get('k')).toBe('k two');
    pass(151);
    expect(await store.fetch('k', () => 'k three', terms)).toBe('k three');
  });

  it('is there for nobody else', async () => {
    const store = openStore(options);
    await store.fetch('k', () => 'old', { ttl: 100, staleWhileRevalidate: 1_000 });
    store.set('other', 1);
    pass(100);
    expect(store.get('k')).toBeUndefined();
    expect(store.peek('k')).toBeUndefined();
    expect(store.has('k')).toBe(false);
    expect(store.state('k')).toBeUndefined();
    expect(store.remainingTtl('k')).toBeUndefined();
    expect(store.expire('k', 1_000)).toBe(false);
    expect(await store.load('k')).toBeUndefined();
    expect([...store.keys()]).toEqual(['other']);
    expect(store.delete('k')).toBe(false);
    expect(await store.fetch('k', () => 'new', { ttl: 100, staleWhileRevalidate: 1_000 })).toBe('new');
  });

  it('is overwritten as any other', async () => {
    const store = openStore(options);
    await store.fetch('k', () => ({ n: 1 }), { ttl: 100, staleIfError: 1_000 });
    pass(150);
    store.set('k', { n: 2 });
    expect(store.get('k')).toEqual({ n: 2 });
    expect(store.remainingTtl('k')).toBe(Number.POSITIVE_INFINITY);
    pass(1e6);
    expect(store.get('k')).toEqual({ n: 2 });
    expect(store.size).toBe(1);
  });

  it('is returned when a fresh one cannot be computed, as long as that was allowed', async () => {
    const store = openStore(options);
    const terms = { ttl: 100, staleIfError: 500 };
    const fail = () => Promise.reject(boom);
    expect(await failureOf(() => store.fetch('k', fail, terms))).toBe(boom);
    await store.fetch('k', () => 'old', terms);
    pass(599);
    expect(await store.fetch('k', fail, terms)).toBe('old');
    expect(await store.fetch('k', fail, terms)).toBe('old');
    expect(await failureOf(() => store.fetch('k', fail, { ttl: 100 }))).toBe(boom);
    pass(1);
    expect(await failureOf(() => store.fetch('k', fail, terms))).toBe(boom);
    expect(store.has('k')).toBe(false);
  });

  it('stays until it is of no use any more, and then gives its memory and pages back', async () => {
    const store = openStore(options);
    await store.fetch('k', () => 'x'.repeat(1_000), { ttl: 100, staleIfError: 500 });
    const expired: string[] = [];
    store.on('expire', (key) => expired.push(key));
    pass(599);
    expect(store.has('k')).toBe(false);
    expect(expired).toEqual([]);
    pass(1);
    expect(store.has('k')).toBe(false);
    expect(expired).toEqual(['k']);
    const { entries, usedPages, residentBytes } = store.stats();
    expect([entries, usedPages, residentBytes]).toEqual([0, 0, 0]);
  });

  it('leaves it to a warning that the background has failed, once, and the next call tries again', async () => {
    const store = openStore(options);
    const warnings = warningsOf(store);
    const terms = { ttl: 100, staleWhileRevalidate: 1_000 };
    await store.fetch('k', () => 'old', terms);
    pass(200);
    const failing = deferred<string>();
    expect(await store.fetch('k', () => failing.promise, terms)).toBe('old');
    expect(await store.fetch('k', () => failing.promise, terms)).toBe('old');
    failing.reject(boom);
    await expect(failing.promise).rejects.toBe(boom);
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    expect(warnings[0]).toMatchObject({ code: 'ERR_SWAP_COMPUTE', key: 'k', cause: boom });
    expect(await store.fetch('k', () => 'new', terms)).toBe('old');
    await vi.waitFor(() => expect(store.peek('k')).toBe('new'));
    expect(warnings).toHaveLength(1);
  });

  it('gives way to what is set or deleted while a fresh one is computed', async () => {
    const store = openStore(options);
    const terms = { ttl: 100, staleWhileRevalidate: 1_000 };
    for (const key of ['set', 'deleted']) await store.fetch(key, () => 'old', terms);
    pass(200);
    const computed = deferred<string>();
    for (const key of ['set', 'deleted'])
      expect(await store.fetch(key, () => computed.promise, terms)).toBe('old');
    store.set('set', 'mine');
    store.delete('deleted');
    computed.resolve('computed');
    await computed.promise;
    await store.load('set');
    expect(store.get('set')).toBe('mine');
    expect(store.has('deleted')).toBe(false);
  });

  it('does not end a computation in the background when the last who waits for it goes away', async () => {
    const store = openStore(options);
    const terms = { ttl: 100, staleWhileRevalidate: 1_000 };
    await store.fetch('k', () => 'old', terms);
    pass(200);
    const computed = deferred<string>();
    expect(await store.fetch('k', () => computed.promise, terms)).toBe('old');
    const controller = new AbortController();
    const waiting = store.fetch('k', () => 'never', { ttl: 100, signal: controller.signal });
    await store.load('other');
    controller.abort(boom);
    expect(await failureOf(() => waiting)).toBe(boom);
    computed.resolve('new');
    await vi.waitFor(() => expect(store.peek('k')).toBe('new'));
  });
});

describe('the time in which an expired value is of use', () => {
  it('is kept by a persistent store', async () => {
    const path = freshPath();
    const terms = { ttl: 100, staleIfError: 500 };
    const first = openStore({ path, persist: true });
    await first.fetch('k', () => 'old', terms);
    await closeStore(first);
    pass(300);
    const second = openStore({ path, persist: true });
    expect(await second.fetch('k', () => Promise.reject(boom), terms)).toBe('old');
    expect(second.get('k')).toBeUndefined();
  });

  it('has a meaning only with a ttl, which may be the default', async () => {
    const store = openStore();
    const fetch = (options: object) => failureOf(() => store.fetch('k', () => 1, options));
    for (const name of ['staleWhileRevalidate', 'staleIfError']) {
      expect(await fetch({ [name]: 100 })).toMatchObject({ code: 'ERR_SWAP_OPTION' });
      for (const given of [-1, 0.5, 2 ** 32, '5', null]) {
        const error = await fetch({ ttl: 5, [name]: given });
        expect(error).toMatchObject({ code: 'ERR_SWAP_OPTION' });
        expect((error as Error).message).toContain(name);
      }
    }
    expect(await store.namespace('a', { ttl: 5 }).fetch('k', () => 1, { staleIfError: 5 })).toBe(1);
    swapErrorOf(() => store.set('k', 1, { staleIfError: 5 } as object), 'ERR_SWAP_OPTION');
  });
});
