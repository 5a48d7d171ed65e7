/** What tools see of a store: channels of diagnostics_channel, lines of `debug`, and how long values take. */
import { spawnSync } from 'node:child_process';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from 'vitest';
import { describeEachConfiguration } from '../support/matrix.js';
import { closeStore, openInWorld, openStore } from '../support/store.js';

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function messagesOf(name: string): unknown[] {
  const messages: unknown[] = [];
  const listener = (message: unknown): void => {
    messages.push(message);
  };
  subscribe(name, listener);
  cleanups.push(() => unsubscribe(name, listener));
  return messages;
}

describeEachConfiguration('a channel', (options) => {
  it('tells of each move, with key and namespace', async () => {
    const store = openStore(options);
    const out = messagesOf('swapstore:swapout');
    const back = messagesOf('swapstore:swapin');
    store.set('a', { n: 1 });
    store.namespace('space').set('b', { n: 2 });
    await store.swapOut('a');
    await store.namespace('space').swapOut('b');
    expect(out).toEqual([
      { key: 'a', namespace: undefined },
      { key: 'b', namespace: 'space' },
    ]);
    store.get('a');
    expect(back).toEqual(options.maxMemory === 0 ? [] : [{ key: 'a', namespace: undefined }]);
  });

  it('tells a tracer when a load begins and ends, and what it brought', async () => {
    const store = openStore(options);
    const seen: string[] = [];
    const note = (stage: string) => (message: object) => {
      const { key, result, error } = message as { key: string; result?: unknown; error?: Error };
      seen.push(
        `${stage} ${key} ${result === undefined ? '' : JSON.stringify(result)}${error?.message ?? ''}`,
      );
    };
    const noted = {
      start: note('start'),
      end: note('end'),
      asyncStart: note('asyncStart'),
      asyncEnd: note('asyncEnd'),
      error: note('error'),
    };
    const channel = tracingChannel('swapstore:load');
    channel.subscribe(noted);
    cleanups.push(() => channel.unsubscribe(noted));
    store.set('a', { n: 1 });
    await store.swapOut('a');
    expect(await store.load('a')).toEqual({ n: 1 });
    expect(seen).toEqual(['start a ', 'end a ', 'asyncStart a {"n":1}', 'asyncEnd a {"n":1}']);
    seen.length = 0;
    const aborted = AbortSignal.abort(new Error('not now'));
    await expect(store.load('a', { signal: aborted })).rejects.toThrow('not now');
    expect(seen).toEqual([]);
  });
});

describe('a channel', () => {
  it('tells of evictions, expirations and warnings', async () => {
    const evicted = messagesOf('swapstore:evict');
    const expired = messagesOf('swapstore:expire');
    const warnings = messagesOf('swapstore:warning');
    const { store, clock } = openInWorld({ maxMemory: 0, threads: 0, maxSwap: 65_536, whenFull: 'evict' });
    store.set('brief', 1, { ttl: 10 });
    clock.nowMs += 11;
    expect(store.has('brief')).toBe(false);
    expect(expired).toEqual([{ key: 'brief', namespace: undefined }]);
    for (let index = 0; index < 80; index++) store.set(`k${index}`, 'x'.repeat(1_000));
    expect(evicted.length).toBeGreaterThan(10);
    expect(evicted[0]).toMatchObject({ key: expect.stringMatching(/^k\d/) });
    const { store: other } = openInWorld({});
    other.set('f', () => {});
    expect(other.swapOutSync('f')).toBe(false);
    expect(warnings).toMatchObject([{ error: { code: 'ERR_SWAP_UNSERIALIZABLE', key: 'f' } }]);
  });

  it('hears nothing once it has unsubscribed, or the store is closed', async () => {
    const out = messagesOf('swapstore:swapout');
    const store = openStore({ maxMemory: 0 });
    cleanups.pop()!();
    store.set('a', 1);
    expect(out).toEqual([]);
    const later = messagesOf('swapstore:swapout');
    await closeStore(store);
    expect(later).toEqual([]);
  });
});

describe('debug', () => {
  it('has a line for moves, evictions, pages and jobs', () => {
    const program = `
      import { SwapStore } from './dist/index.js';
      const store = new SwapStore({ maxMemory: 0, maxSwap: 65536, whenFull: 'evict', threads: 1 });
      for (let index = 0; index < 80; index++) store.namespace('n').set('k' + index, 'x'.repeat(1000));
      await store.close();
      const large = new SwapStore({ threads: 1, compression: 'deflate' });
      large.set('a', 1);
      await large.swapOut('a');
      await large.close();`;
    const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, DEBUG: 'swapstore:*', DEBUG_COLORS: '0' },
      encoding: 'utf8',
      cwd: new URL('../..', import.meta.url),
    });
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/swapstore:state swapout "k0" in namespace "n"/);
    expect(stderr).toMatch(/swapstore:evict evict "k\d+" in namespace "n"/);
    expect(stderr).toMatch(/swapstore:page take \d+ \+\d+/);
    expect(stderr).toMatch(/swapstore:page free \d+ \+\d+/);
    expect(stderr).toMatch(/swapstore:io job 3: \d+ bytes, \d+ us/);
  });
});

describeEachConfiguration('latencies', (options) => {
  it('are counted once somebody has asked, and add up', async () => {
    const store = openStore({ ...options, compression: 'deflate' });
    store.set('before', 'x'.repeat(100));
    await store.swapOut('before');
    expect(store.latencies().swapOut.count).toBe(0);
    for (let index = 0; index < 20; index++) {
      store.set(`k${index}`, 'x'.repeat(100));
      await store.swapOut(`k${index}`);
    }
    for (let index = 0; index < 20; index++) store.peek(`k${index}`);
    await store.load('before');
    const { swapIn, swapOut, queueWait } = store.latencies();
    expect(swapIn.count).toBe(21);
    expect(swapOut.count).toBe(20);
    expect(queueWait.count).toBe(options.threads === 0 || options.maxMemory === 0 ? 0 : queueWait.count);
    // What is compressed is for the threads, whatever a write costs.
    if (options.threads! > 0 && options.maxMemory !== 0) expect(queueWait.count).toBeGreaterThan(0);
    for (const { boundsMs, counts, count, sumMs } of [swapIn, swapOut, queueWait]) {
      expect(counts).toHaveLength(boundsMs.length + 1);
      expect(counts.reduce((sum, one) => sum + one, 0)).toBe(count);
      expect(sumMs).toBeGreaterThanOrEqual(0);
      expect([...boundsMs].sort((a, b) => a - b)).toEqual(boundsMs);
    }
  });
});

describe('latencies', () => {
  it('fall into the bucket of what they took, of slow reads and of fast', () => {
    const { store, disk } = openInWorld({ threads: 0 });
    store.latencies();
    for (const key of ['a', 'b', 'c']) store.set(key, 'x'.repeat(100)).swapOutSync(key);
    disk.readCostMs = 5;
    store.peek('a');
    store.peek('b');
    disk.readCostMs = 100_000;
    store.peek('c');
    const { swapIn } = store.latencies();
    const bucketOf = (ms: number) => swapIn.boundsMs.findIndex((bound) => ms <= bound);
    expect(swapIn.counts[bucketOf(5)]).toBe(2);
    expect(swapIn.counts.at(-1)).toBe(1);
    expect(swapIn).toMatchObject({ count: 3, sumMs: 100_010 });
  });
});
