/**
 * A session store for express-session. A session is stored as the JSON that express-session itself would send anywhere, so
 * that no two requests ever share an object. It ends with its cookie, or after a day where the cookie has no end;
 * `touch` changes that without a look at the session. Errors reach the callback.
 */
import session, { type SessionData } from 'express-session';
import { checkNamespaceName } from '../call-options.js';
import { refuse, ttlMsMax } from '../checks.js';
import type { Keyspace } from '../keyspace.js';
import type { SwapStoreOptions } from '../options.js';
import type { SwapStore } from '../swap-store.js';
import { AdaptedStore } from './adapted-store.js';
import { keyBatches } from './key-batches.js';

/** What is not the store's business. */
export interface SwapSessionStoreOptions {
  /** Lifetime of sessions whose cookie has no end, ms. Default: a day. */
  sessionTtlMs?: number;
  /** The namespace of the store that the sessions are in. Default 'sessions'. */
  namespace?: string;
}

type Callback<T extends unknown[] = []> = (error: unknown, ...results: T) => void;

const dayMs = 24 * 60 * 60 * 1000;

/** `session({ store: new SwapSessionStore({ path, persist: true }), … })`. */
export default class SwapSessionStore extends session.Store {
  /** The store behind it. */
  readonly store: SwapStore;
  readonly #adapted: AdaptedStore;
  readonly #sessions: Keyspace<string>;
  readonly #sessionTtlMs: number;

  /**
   * @param storeOrOptions A store, which stays open, or options for one that ends with `close`; it evicts when it is full,
   *   and a damaged record is a miss, unless they say otherwise.
   * @throws SwapError as the constructor of SwapStore; ERR_SWAP_OPTION.
   */
  constructor(
    storeOrOptions: SwapStore | SwapStoreOptions = {},
    { sessionTtlMs = dayMs, namespace = 'sessions' }: SwapSessionStoreOptions = {},
  ) {
    super();
    if (!(typeof sessionTtlMs === 'number' && sessionTtlMs > 0 && sessionTtlMs <= ttlMsMax))
      throw refuse('sessionTtlMs', `a number of milliseconds above 0 and up to ${ttlMsMax}`, sessionTtlMs);
    // Before a store is open that nobody could close.
    checkNamespaceName(namespace);
    this.#adapted = new AdaptedStore(storeOrOptions);
    this.store = this.#adapted.store;
    this.#sessions = this.store.namespace(namespace);
    this.#sessionTtlMs = sessionTtlMs;
  }

  /** Calls back with the session, or with null where there is none. */
  override get = (sid: string, callback: Callback<[SessionData | null]>): void => {
    answer(async () => this.#parse(sid, await this.#sessions.load(sid)), callback);
  };

  /** Stores a session; one whose cookie has ended is destroyed. */
  override set = (sid: string, data: SessionData, callback?: Callback): void => {
    answer(async () => {
      const ttl = this.#ttlMsOf(data);
      if (ttl <= 0) this.#sessions.delete(sid);
      else this.#sessions.set(sid, JSON.stringify(data), { ttl });
      await this.#adapted.room();
    }, callback);
  };

  override destroy = (sid: string, callback?: Callback): void => {
    answer(async () => {
      this.#sessions.delete(sid);
    }, callback);
  };

  /** Gives a session the lifetime that its cookie has now. */
  override touch = (sid: string, data: SessionData, callback?: Callback): void => {
    answer(async () => {
      const ttl = this.#ttlMsOf(data);
      if (ttl <= 0) this.#sessions.delete(sid);
      else this.#sessions.expire(sid, ttl);
    }, callback);
  };

  /** Calls back with all sessions, in no particular order. */
  override all = (callback: Callback<[SessionData[]]>): void => {
    answer(async () => {
      const found: SessionData[] = [];
      for await (const sids of keyBatches(this.#sessions)) {
        for (const [index, text] of (await this.#sessions.loadMany(sids)).entries()) {
          const data = this.#parse(sids[index]!, text);
          if (data !== null) found.push(data);
        }
      }
      return found;
    }, callback);
  };

  /** Calls back with the count of sessions. */
  override length = (callback: Callback<[number]>): void => {
    answer(async () => [...this.#sessions.keys()].length, callback);
  };

  override clear = (callback?: Callback): void => {
    answer(async () => this.#sessions.clear(), callback);
  };

  /** Closes a store that it has opened. */
  async close(): Promise<void> {
    await this.#adapted.close();
  }

  #ttlMsOf({ cookie }: SessionData): number {
    const { expires } = cookie ?? {};
    return expires ? new Date(expires).getTime() - Date.now() : this.#sessionTtlMs;
  }

  /** The cookie says when it ends now, which is later than when it was stored if it was touched since. */
  #parse(sid: string, text: string | undefined): SessionData | null {
    if (text === undefined) return null;
    const data = JSON.parse(text) as SessionData & { cookie?: { expires?: unknown } };
    const ttlMs = this.#sessions.remainingTtl(sid);
    if (ttlMs === undefined) return null;
    if (data.cookie?.expires) data.cookie.expires = new Date(Date.now() + ttlMs);
    return data;
  }
}

/** Calls back with what comes of it, outside of any promise, so that what a callback throws is an error of its own. */
function answer<T>(act: () => Promise<T>, callback: ((error: unknown, result: T) => void) | undefined): void {
  act().then(
    (result) => setImmediate(() => callback?.(null, result)),
    (error: unknown) => setImmediate(() => callback?.(error, undefined as T)),
  );
}
