/** The session store, in a real express app. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import session, { type SessionData } from 'express-session';
import { afterEach, describe, expect, it, vi } from 'vitest';
import SwapSessionStore from '../../dist/adapters/express-session.js';
import { closeStore, freshPath, openStore, type SwapStoreOptions, swapErrorOf } from '../support/store.js';

declare module 'express-session' {
  interface SessionData {
    user: string;
    visits: number;
  }
}

const tight: SwapStoreOptions = { maxMemory: 0, maxSwap: 2 ** 26 };
const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function storeOf(...args: ConstructorParameters<typeof SwapSessionStore>): SwapSessionStore {
  const store = new SwapSessionStore(...args);
  cleanups.push(() => store.close());
  return store;
}

/** An app in which one logs in, is counted, and logs out. Returns a browser that keeps its cookie. */
async function appOn(store: SwapSessionStore, options: Partial<session.SessionOptions> = {}) {
  const app = express();
  app.use(
    session({
      store,
      secret: 'secret',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 60_000 },
      ...options,
    }),
  );
  app.get('/login/:user', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      request.session.user = request.params.user!;
      request.session.visits = 0;
      response.send('in');
    });
  });
  app.get('/visit', (request, response) => {
    if (request.session.user === undefined) return void response.status(401).send('who?');
    request.session.visits!++;
    response.send(`${request.session.user} ${request.session.visits}`);
  });
  app.get('/look', (request, response) => void response.send(String(request.session.visits)));
  app.get('/logout', (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.send('out')));
  });
  const server: Server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return () => {
    let cookie = '';
    return async (path: string): Promise<string> => {
      const response = await fetch(origin + path, { headers: { cookie } });
      const set = response.headers.get('set-cookie');
      if (set !== null) cookie = set.split(';')[0]!;
      return response.text();
    };
  };
}

/** What a method of the store calls back with. */
function call<T>(act: (callback: (error: unknown, result?: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) =>
    act((error, result) => (error === null || error === undefined ? resolve(result) : reject(error))),
  );
}

const sessionOf = (user: string, cookie: object = { originalMaxAge: null }): SessionData =>
  ({ user, visits: 1, cookie }) as SessionData;

describe('an express app', () => {
  it('logs in, counts visits and logs out', async () => {
    const store = storeOf(tight);
    const browser = (await appOn(store))();
    expect(await browser('/visit')).toBe('who?');
    expect(await browser('/login/ada')).toBe('in');
    expect([await browser('/visit'), await browser('/visit')]).toEqual(['ada 1', 'ada 2']);
    expect(await browser('/logout')).toBe('out');
    expect(await browser('/visit')).toBe('who?');
    expect(store.store.namespace('sessions').size).toBe(0);
  });

  it('gives a new id at each login, and forgets the old one', async () => {
    const store = storeOf(tight);
    const browser = (await appOn(store))();
    await browser('/login/ada');
    await browser('/login/bob');
    expect(await browser('/visit')).toBe('bob 1');
    expect(store.store.namespace('sessions').size).toBe(1);
  });

  it('ends a session with its cookie, unless it is used', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    cleanups.push(() => vi.useRealTimers());
    const open = await appOn(storeOf(tight), { rolling: true });
    const [active, idle] = [open(), open()];
    await active('/login/active');
    await idle('/login/idle');
    for (let round = 1; round <= 3; round++) {
      vi.setSystemTime(Date.now() + 40_000);
      // It changes nothing in the session, which is touched and not stored.
      expect(await active('/look')).toBe('0');
    }
    expect(await active('/visit')).toBe('active 1');
    expect(await idle('/visit')).toBe('who?');
  });

  it('serves many at once, each its own', async () => {
    const open = await appOn(storeOf({ maxMemory: 16_384, maxSwap: 2 ** 26 }));
    const browsers = Array.from({ length: 50 }, () => open());
    await Promise.all(browsers.map((browser, index) => browser(`/login/user${index}`)));
    for (let visit = 1; visit <= 3; visit++) {
      const seen = await Promise.all(browsers.map((browser) => browser('/visit')));
      expect(seen).toEqual(browsers.map((_, index) => `user${index} ${visit}`));
    }
  });

  it('knows its users again after a restart', async () => {
    const options = { path: freshPath(), persist: true };
    const first = new SwapSessionStore(options);
    await call((done) =>
      first.set(
        'sid',
        sessionOf('ada', { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) }),
        done,
      ),
    );
    await first.close();
    const found = await call<SessionData | null>((done) => storeOf(options).get('sid', done));
    expect(found).toMatchObject({ user: 'ada', visits: 1 });
  });
});

describe('the session store', () => {
  it('hands out a session of its own to each who asks', async () => {
    const store = storeOf({ maxMemory: 2 ** 20 });
    const given = sessionOf('ada');
    await call((done) => store.set('sid', given, done));
    given.user = 'changed';
    const first = await call<SessionData | null>((done) => store.get('sid', done));
    first!.user = 'changed, too';
    expect((await call<SessionData | null>((done) => store.get('sid', done)))!.user).toBe('ada');
    expect(await call((done) => store.get('absent', done))).toBeNull();
  });

  it('gives a day, or what it is told, to a session whose cookie has no end', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    cleanups.push(() => vi.useRealTimers());
    const [plain, brief] = [storeOf(tight), storeOf(tight, { sessionTtlMs: 1_000, namespace: 'mine' })];
    for (const store of [plain, brief]) await call((done) => store.set('sid', sessionOf('ada'), done));
    expect(plain.store.namespace('sessions').remainingTtl('sid')).toBe(86_400_000);
    expect(brief.store.namespace('mine').remainingTtl('sid')).toBe(1_000);
    vi.setSystemTime(Date.now() + 1_000);
    expect(await call((done) => brief.get('sid', done))).toBeNull();
    expect(await call((done) => plain.get('sid', done))).not.toBeNull();
  });

  it('extends a session by touch without a write of it, and tells its cookie', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    cleanups.push(() => vi.useRealTimers());
    const store = storeOf(tight);
    const endsIn = (ms: number) =>
      sessionOf('ada', { originalMaxAge: ms, expires: new Date(Date.now() + ms) });
    await call((done) => store.set('sid', endsIn(1_000), done));
    const { bytesWritten } = store.store.stats();
    await call((done) => store.touch('sid', endsIn(9_000), done));
    await call((done) => store.touch('absent', endsIn(9_000), done));
    expect(store.store.stats().bytesWritten).toBe(bytesWritten);
    vi.setSystemTime(Date.now() + 8_000);
    const found = await call<SessionData | null>((done) => store.get('sid', done));
    expect(found!.cookie.expires).toEqual(new Date(Date.now() + 1_000));
    await call((done) => store.touch('sid', endsIn(-1), done));
    expect(await call((done) => store.get('sid', done))).toBeNull();
    await call((done) => store.set('sid', endsIn(1_000), done));
    await call((done) => store.set('sid', endsIn(0), done));
    expect(await call((done) => store.length(done))).toBe(0);
  });

  it('lists, counts and clears', async () => {
    const store = storeOf(tight);
    for (let index = 0; index < 150; index++)
      await call((done) => store.set(`sid${index}`, sessionOf(`user${index}`), done));
    expect(await call((done) => store.length(done))).toBe(150);
    const all = (await call<SessionData[]>((done) => store.all(done)))!;
    expect(all.map(({ user }) => user).sort()).toEqual(
      Array.from({ length: 150 }, (_, at) => `user${at}`).sort(),
    );
    await call((done) => store.clear(done));
    expect(await call((done) => store.length(done))).toBe(0);
    await new Promise<void>((resolve) => store.destroy('absent', () => resolve()));
  });

  it('calls back with what goes wrong', async () => {
    const store = new SwapSessionStore(tight);
    await expect(call((done) => store.get('', done))).rejects.toMatchObject({ code: 'ERR_SWAP_KEY' });
    const circular = sessionOf('ada') as SessionData & { self?: unknown };
    circular.self = circular;
    await expect(call((done) => store.set('sid', circular, done))).rejects.toThrow(/circular/);
    await store.close();
    for (const act of ['destroy', 'get'] as const)
      await expect(call((done) => store[act]('sid', done))).rejects.toMatchObject({
        code: 'ERR_SWAP_CLOSED',
      });
    await expect(call((done) => store.all(done))).rejects.toMatchObject({ code: 'ERR_SWAP_CLOSED' });
  });

  it('closes a store that it has opened, and no other, and has an error for a bad option', async () => {
    const given = openStore();
    await new SwapSessionStore(given).close();
    expect(given.set('k', 1).get('k')).toBe(1);
    for (const sessionTtlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5'])
      swapErrorOf(
        () => new SwapSessionStore(given, { sessionTtlMs: sessionTtlMs as number }),
        'ERR_SWAP_OPTION',
      );
    swapErrorOf(() => new SwapSessionStore(given, { namespace: '' }), 'ERR_SWAP_OPTION');
    await closeStore(given);
    const path = freshPath();
    swapErrorOf(() => new SwapSessionStore({ path }, { namespace: '' }), 'ERR_SWAP_OPTION');
    // Nothing was left open that would have it.
    await closeStore(openStore({ path }));
  });
});
