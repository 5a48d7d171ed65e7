/** The cache store for undici, under undici's own cache interceptor, over a real server. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import SwapCacheStore from '../../dist/adapters/undici.js';
import { closeStore, freshPath, openStore, type SwapStoreOptions, swapErrorOf } from '../support/store.js';

type Undici = typeof import('undici');

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
/** Undici 8 wants a runtime with zstd. */
const runsUndici8 = major > 22 || (major === 22 && minor >= 19);
const names = runsUndici8 ? ['undici', 'undici8'] : ['undici'];

/** Little memory, so that bodies go through the file. */
const tight: SwapStoreOptions = { maxMemory: 262_144, maxSwap: 2 ** 27 };

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function cacheOf(...args: ConstructorParameters<typeof SwapCacheStore>): SwapCacheStore {
  const cache = new SwapCacheStore(...args);
  cleanups.push(() => cache.close());
  return cache;
}

/** A server that answers by the path's handler and counts what reaches it. */
async function serve(
  handlers: Record<string, (request: IncomingMessage, response: ServerResponse) => void>,
): Promise<{ origin: string; requests: string[] }> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handlers[request.url!]!(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

describe.each(names)('the interceptor of %s', (name) => {
  let undici: Undici;
  beforeEach(async () => {
    undici = (await import(name)) as Undici;
  });

  const clientOf = (cache: SwapCacheStore) => {
    const agent = new undici.Agent();
    cleanups.push(() => agent.destroy());
    const dispatcher = agent.compose(undici.interceptors.cache({ store: cache }));
    return async (
      url: string,
      options: { method?: 'GET' | 'POST'; headers?: Record<string, string> } = {},
    ) => {
      const response = await undici.request(url, { dispatcher, ...options });
      const { statusCode, headers } = response;
      return { statusCode, headers, body: Buffer.from(await response.body.arrayBuffer()) };
    };
  };

  /** The interceptor stores a response on its own time. */
  const stored = (cache: SwapCacheStore, count = 1) =>
    vi.waitFor(() => expect(cache.store.namespace('undici').size).toBe(count));

  it('answers what is fresh without a request, also from the file', async () => {
    const { origin, requests } = await serve({
      '/a': (_, response) =>
        response.setHeader('cache-control', 'max-age=60').setHeader('x-tag', 'plain').end('hello'),
    });
    const cache = cacheOf(tight);
    const get = clientOf(cache);
    expect((await get(`${origin}/a`)).body.toString()).toBe('hello');
    await stored(cache);
    while (await cache.store.swapOne());
    const again = await get(`${origin}/a`);
    expect(again.body.toString()).toBe('hello');
    expect(again.statusCode).toBe(200);
    expect(again.headers['x-tag']).toBe('plain');
    expect(requests).toEqual(['GET /a']);
  });

  it('asks again for what is stale, and keeps the body when it has not changed', async () => {
    let version = 1;
    const conditions: unknown[] = [];
    const { origin, requests } = await serve({
      '/a': (request, response) => {
        conditions.push(request.headers['if-none-match']);
        if (request.headers['if-none-match'] === `"${version}"`) response.writeHead(304).end();
        // Undici drops what a 304 brings a new lifetime for, once it has served it.
        else
          response
            .setHeader('cache-control', 'public, max-age=1')
            .setHeader('etag', `"${version}"`)
            .end(`version ${version}`.repeat(50_000));
      },
    });
    const cache = cacheOf(tight);
    const get = clientOf(cache);
    const text = async () => (await get(`${origin}/a`)).body.toString().slice(0, 9);
    vi.useFakeTimers({ toFake: ['Date'] });
    cleanups.push(() => vi.useRealTimers());
    expect(await text()).toBe('version 1');
    await stored(cache);
    vi.setSystemTime(Date.now() + 1_500);
    expect(await text()).toBe('version 1');
    expect(conditions).toEqual([undefined, '"1"']);
    await vi.waitFor(() => expect(cache.store.namespace('undici:bodies').size).toBe(7));
    vi.setSystemTime(Date.now() + 300);
    version = 2;
    expect(await text()).toBe('version 2');
    expect(conditions).toEqual([undefined, '"1"', '"1"']);
    await stored(cache);
    expect(requests).toHaveLength(3);
  });

  it('keeps responses apart that vary by a header', async () => {
    const { origin, requests } = await serve({
      '/a': (request, response) =>
        response
          .setHeader('cache-control', 'max-age=60')
          .setHeader('vary', 'accept-language')
          .end(`in ${request.headers['accept-language']}`),
    });
    const cache = cacheOf(tight);
    const get = clientOf(cache);
    for (let round = 0; round < 3; round++) {
      for (const language of ['de', 'fr', 'it']) {
        const { body } = await get(`${origin}/a`, { headers: { 'accept-language': language } });
        expect(body.toString()).toBe(`in ${language}`);
        await vi.waitFor(() =>
          expect(cache.store.namespace<unknown[]>('undici').get(`${origin}/a`)).toHaveLength(
            round > 0 ? 3 : ['de', 'fr', 'it'].indexOf(language) + 1,
          ),
        );
      }
    }
    expect(requests).toHaveLength(3);
  });

  it('streams bodies that are far larger than memory', async () => {
    const bytes = 24 * 2 ** 20;
    const piece = Buffer.alloc(2 ** 20);
    for (let at = 0; at < piece.length; at += 4) piece.writeUInt32LE((at * 2654435761) >>> 0, at);
    const { origin, requests } = await serve({
      '/large': (_, response) => {
        response.setHeader('cache-control', 'max-age=60');
        let left = bytes / piece.length;
        const more = (): void => {
          while (left-- > 0) if (!response.write(piece)) return void response.once('drain', more);
          response.end();
        };
        more();
      },
    });
    const cache = cacheOf(tight, { maxEntrySize: bytes });
    const get = clientOf(cache);
    const first = await get(`${origin}/large`);
    await stored(cache);
    const second = await get(`${origin}/large`);
    expect(second.body.length).toBe(bytes);
    expect(second.body.equals(first.body)).toBe(true);
    expect(requests).toHaveLength(1);
    expect(cache.store.stats().residentBytes).toBeLessThanOrEqual(262_144);
  });

  it('forgets what an unsafe method has changed', async () => {
    let count = 0;
    const { origin } = await serve({
      '/a': (request, response) => {
        if (request.method === 'GET') response.setHeader('cache-control', 'max-age=60');
        response.end(`${++count}`);
      },
    });
    const cache = cacheOf(tight);
    const get = clientOf(cache);
    expect((await get(`${origin}/a`)).body.toString()).toBe('1');
    await stored(cache);
    await get(`${origin}/a`, { method: 'POST' });
    await stored(cache, 0);
    expect(cache.store.namespace('undici:bodies').size).toBe(0);
    expect((await get(`${origin}/a`)).body.toString()).toBe('3');
  });

  it('stores nothing of a response that breaks off', async () => {
    const { origin } = await serve({
      '/a': (_, response) => {
        response.setHeader('cache-control', 'max-age=60').setHeader('content-length', '1000000');
        response.write(Buffer.alloc(300_000), () => response.destroy());
      },
    });
    const cache = cacheOf(tight);
    await expect(clientOf(cache)(`${origin}/a`)).rejects.toThrow();
    await vi.waitFor(() => expect(cache.store.stats().entries).toBe(0));
  });
});

describe('the cache store', () => {
  const key = { origin: 'http://a', method: 'GET', path: '/', headers: {} };
  const value = (more: object = {}) => ({
    statusCode: 200,
    statusMessage: 'OK',
    headers: { 'x-a': '1' },
    cacheControlDirectives: {},
    cachedAt: Date.now(),
    staleAt: Date.now() + 1_000,
    deleteAt: Date.now() + 5_000,
    ...more,
  });
  const write = async (cache: SwapCacheStore, body: Buffer, more: object = {}, at = key) => {
    const stream = cache.createWriteStream(at, value(more));
    stream.on('error', () => {});
    stream.end(body);
    await finished(stream).catch(() => {});
  };
  const read = async (cache: SwapCacheStore, at = key): Promise<Buffer | undefined> => {
    const found = await cache.get(at);
    if (found === undefined) return undefined;
    const pieces: Buffer[] = [];
    for await (const piece of found.body as AsyncIterable<Buffer>) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const noise = (bytes: number, seed: number) =>
    Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + seed) >>> 3));

  it('stores a body of exactly the largest size, and nothing of one that is a byte longer', async () => {
    const cache = cacheOf(tight, { maxEntrySize: 100_000 });
    await write(cache, noise(100_000, 1));
    expect(await read(cache)).toEqual(noise(100_000, 1));
    cache.delete(key);
    await write(cache, noise(100_001, 1));
    expect(await read(cache)).toBeUndefined();
    expect(cache.store.stats().entries).toBe(0);
    await write(cacheOf(tight, { maxEntrySize: 0 }), Buffer.alloc(0));
  });

  it('has an empty body, too', async () => {
    const cache = cacheOf(tight);
    await write(cache, Buffer.alloc(0));
    expect(await read(cache)).toEqual(Buffer.alloc(0));
  });

  it('finds nothing after deleteAt, and gives everything back soon after', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    cleanups.push(() => vi.useRealTimers());
    const cache = cacheOf(tight);
    await write(cache, noise(200_000, 1));
    vi.setSystemTime(Date.now() + 4_999);
    expect(await read(cache)).toEqual(noise(200_000, 1));
    vi.setSystemTime(Date.now() + 1);
    expect(await read(cache)).toBeUndefined();
    vi.setSystemTime(Date.now() + 60_000);
    expect([...cache.store.namespace('undici:bodies').keys()]).toEqual([]);
  });

  it('lets a reader have the old body whole while a new one takes its place', async () => {
    const cache = cacheOf(tight);
    await write(cache, noise(400_000, 1));
    const found = await cache.get(key);
    const pieces: Buffer[] = [];
    for await (const piece of found!.body as AsyncIterable<Buffer>) {
      if (pieces.length === 0) await write(cache, noise(300_000, 2));
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces)).toEqual(noise(400_000, 1));
    expect(await read(cache)).toEqual(noise(300_000, 2));
    await vi.waitFor(() => expect(cache.store.namespace('undici:bodies').size).toBe(5));
  });

  it('gives a body back that was removed while it was read, once its reader has gone', async () => {
    const cache = cacheOf(tight);
    await write(cache, noise(400_000, 1));
    const found = await cache.get(key);
    cache.delete(key);
    expect(cache.store.namespace('undici:bodies').size).toBe(7);
    (found!.body as import('node:stream').Readable).destroy();
    await vi.waitFor(() => expect(cache.store.namespace('undici:bodies').size).toBe(0));
  });

  it('stores no response that was deleted while its body came in', async () => {
    const cache = cacheOf(tight);
    const first = cache.createWriteStream(key, value());
    first.on('error', () => {});
    first.write(noise(100_000, 1));
    const other = cache.createWriteStream({ ...key, path: '/other' }, value());
    cache.delete(key);
    await write(cache, noise(10_000, 2));
    for (const stream of [first, other]) {
      stream.end();
      await finished(stream).catch(() => {});
    }
    expect(await read(cache)).toEqual(noise(10_000, 2));
    expect(await read(cache, { ...key, path: '/other' })).toEqual(Buffer.alloc(0));
    await vi.waitFor(() => expect(cache.store.namespace('undici:bodies').size).toBe(1));
  });

  it('is the cache of what was written, not of what its buffer becomes', async () => {
    const cache = cacheOf(tight);
    const buffer = Buffer.alloc(40_000);
    const stream = cache.createWriteStream(key, value());
    for (let piece = 1; piece <= 5; piece++) {
      buffer.fill(piece);
      await new Promise<void>((done) => void stream.write(buffer, () => done()));
    }
    buffer.fill(0);
    stream.end();
    await finished(stream);
    const stored = await read(cache);
    expect(stored?.length).toBe(200_000);
    for (let piece = 1; piece <= 5; piece++)
      expect(stored?.subarray((piece - 1) * 40_000, piece * 40_000).every((byte) => byte === piece)).toBe(
        true,
      );
  });

  it('throws nothing where undici could not catch it once it is closed', async () => {
    const cache = new SwapCacheStore(tight);
    await write(cache, noise(100_000, 1));
    const found = await cache.get(key);
    const coming = cache.createWriteStream(key, value());
    const failures: unknown[] = [];
    coming.on('error', (error) => failures.push(error));
    coming.write(noise(100_000, 2));
    cache.delete(key);
    await cache.close();
    cache.delete(key);
    coming.end(noise(100_000, 3));
    (found!.body as import('node:stream').Readable).on('error', () => {}).destroy();
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    await expect(cache.get(key)).rejects.toMatchObject({ code: 'ERR_SWAP_CLOSED' });
  });

  it('takes a body for absent of which a part is gone, and fails a reader that meets one', async () => {
    const cache = cacheOf(tight);
    await write(cache, noise(400_000, 1));
    const found = await cache.get(key);
    const bodies = cache.store.namespace('undici:bodies');
    for (const chunk of bodies.keys()) if (chunk.endsWith(':5')) bodies.delete(chunk);
    await expect(
      (async () => {
        for await (const _ of found!.body as AsyncIterable<Buffer>);
      })(),
    ).rejects.toMatchObject({
      code: 'ERR_SWAP_CORRUPT',
      message: 'chunk 5 of 7 of a cached body is gone',
    });
    expect(await read(cache)).toBeUndefined();
    expect(cache.store.stats().entries).toBe(0);
  });

  it('keeps a bounded number of variants, the newest', async () => {
    const cache = cacheOf(tight);
    for (let index = 0; index < 70; index++) {
      const at = { ...key, headers: { accept: `${index}` } };
      await write(cache, Buffer.from(`${index}`), { vary: { accept: `${index}` } }, at);
    }
    expect(cache.store.namespace('undici:bodies').size).toBe(64);
    expect(await read(cache, { ...key, headers: { accept: '69' } } as typeof key)).toEqual(Buffer.from('69'));
    expect(await read(cache, { ...key, headers: { accept: '2' } } as typeof key)).toBeUndefined();
  });

  it('takes a URI of any length', async () => {
    const cache = cacheOf(tight);
    const at = { ...key, path: `/${'x'.repeat(100_000)}` };
    await write(cache, Buffer.from('long'), {}, at);
    expect(await read(cache, at)).toEqual(Buffer.from('long'));
    expect(await read(cache, { ...at, path: `${at.path}y` })).toBeUndefined();
    cache.delete(at);
    expect(await read(cache, at)).toBeUndefined();
  });

  it('finds everything again in a persistent store', async () => {
    const options = { path: freshPath(), persist: true };
    const first = new SwapCacheStore(options);
    await write(first, noise(200_000, 3));
    await first.close();
    expect(await read(cacheOf(options))).toEqual(noise(200_000, 3));
  });

  it('closes a store that it has opened, and no other, and has an error for a bad option', async () => {
    const given = openStore();
    await new SwapCacheStore(given).close();
    expect(given.set('k', 1).get('k')).toBe(1);
    for (const maxEntrySize of [-1, 0.5, '5'])
      swapErrorOf(
        () => new SwapCacheStore(given, { maxEntrySize: maxEntrySize as number }),
        'ERR_SWAP_OPTION',
      );
    await closeStore(given);
  });
});
