// Everything that is measured, behind one small interface:
//
//     open({ directory, memoryBytes, entryBytes, dist, options }) -> side
//     side.get(key), side.set(key, value)   at once, or a promise where `isAsync`
//     side.rest?.()                         lets writes that are under way come to rest
//     side.load?.(key), side.getMany?.(keys)
//     side.close()
//
// `memoryBytes` is what a side may keep in this process: the store's maxMemory, SQLite's and LevelDB's caches, the
// lru-cache in front of a database (as many entries as that memory holds by the store's own estimate). The system's
// page cache is the same for all.
import { join } from 'node:path';
import { openBareStore } from '../lib/bare-store.mjs';
import { entriesIn } from '../lib/values.mjs';

async function swapstore({ memoryBytes, dist, options }) {
  const { SwapStore } = await import(new URL('index.js', dist));
  const store = new SwapStore({ maxMemory: memoryBytes, maxSwap: 2 ** 34, ...options });
  return {
    store,
    get: (key) => store.get(key),
    peek: (key) => store.peek(key),
    set: (key, value) => store.set(key, value),
    load: (key) => store.load(key),
    getMany: (keys) => store.getMany(keys),
    mustRest: () => store.ready(),
    rest: () => store.drain(),
    close: () => store.close(),
  };
}

async function lmdb({ directory }) {
  const { open } = await import('lmdb');
  const database = open({ path: join(directory, 'lmdb'), noSync: true, mapSize: 2 ** 36 });
  let last;
  return {
    get: (key) => database.get(key),
    set: (key, value) => {
      last = database.put(key, value);
    },
    mustRest: () => last,
    getMany: (keys) => keys.map((key) => database.get(key)),
    rest: () => last,
    close: () => database.close(),
  };
}

async function sqlite({ directory, memoryBytes }) {
  const { default: Database } = await import('better-sqlite3');
  const { Packr } = await import('msgpackr');
  const packr = new Packr({ structuredClone: true, moreTypes: true });
  const database = new Database(join(directory, 'sqlite'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = OFF');
  database.pragma(`cache_size = -${Math.max(64, Math.floor(memoryBytes / 1024))}`);
  database.exec('CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID');
  const select = database.prepare('SELECT value FROM store WHERE key = ?').pluck();
  const upsert = database.prepare('INSERT OR REPLACE INTO store VALUES (?, ?)');
  let open = 0;
  const rest = () => {
    if (open > 0) database.exec('COMMIT');
    open = 0;
  };
  return {
    get: (key) => {
      const bytes = select.get(key);
      return bytes === undefined ? undefined : packr.unpack(bytes);
    },
    set: (key, value) => {
      // As anyone would who writes much: a transaction for each thousand.
      if (open === 0) database.exec('BEGIN');
      upsert.run(key, packr.pack(value));
      if (++open === 1000) rest();
    },
    rest,
    close: () => {
      rest();
      database.close();
    },
  };
}

async function level({ directory, memoryBytes }) {
  const { ClassicLevel } = await import('classic-level');
  const { Packr } = await import('msgpackr');
  const packr = new Packr({ structuredClone: true, moreTypes: true });
  const options = { keyEncoding: 'utf8', valueEncoding: 'buffer', cacheSize: memoryBytes };
  const database = new ClassicLevel(join(directory, 'level'), options);
  await database.open();
  let batch = [];
  let last;
  const rest = () => {
    if (batch.length > 0) last = database.batch(batch);
    batch = [];
    return last;
  };
  return {
    get: (key) => {
      const bytes = database.getSync(key);
      return bytes === undefined ? undefined : packr.unpack(bytes);
    },
    set: (key, value) => {
      // A copy: the encoder uses its buffer again.
      batch.push({ type: 'put', key, value: Buffer.from(packr.pack(value)) });
      if (batch.length === 1000) rest();
    },
    mustRest: rest,
    rest,
    close: async () => {
      await rest();
      await database.close();
    },
  };
}

async function cacache({ directory }) {
  const { default: cache } = await import('cacache');
  const { Packr } = await import('msgpackr');
  const packr = new Packr({ structuredClone: true, moreTypes: true });
  const path = join(directory, 'cacache');
  return {
    isAsync: true,
    get: async (key) => {
      try {
        return packr.unpack((await cache.get(path, key)).data);
      } catch (error) {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    set: (key, value) => cache.put(path, key, Buffer.from(packr.pack(value))),
    close: () => {},
  };
}

async function keyvSqlite({ directory }) {
  const { default: Keyv } = await import('keyv');
  const { default: KeyvSqlite } = await import('@keyv/sqlite');
  const keyv = new Keyv({ store: new KeyvSqlite(`sqlite://${join(directory, 'keyv')}`) });
  return {
    isAsync: true,
    get: (key) => keyv.get(key),
    set: (key, value) => keyv.set(key, value),
    close: () => keyv.disconnect(),
  };
}

/** An lru-cache in front of a database: what users build by hand. */
function behindLru(openDatabase) {
  return async (given) => {
    const { LRUCache } = await import('lru-cache');
    const database = await openDatabase({ ...given, memoryBytes: 64 * 1024 });
    const cache = new LRUCache({ max: entriesIn(given.memoryBytes, given.entryBytes) });
    return {
      ...database,
      get: (key) => {
        let value = cache.get(key);
        if (value !== undefined) return value;
        value = database.get(key);
        if (value !== undefined) cache.set(key, value);
        return value;
      },
      set: (key, value) => {
        cache.set(key, value);
        database.set(key, value);
      },
    };
  };
}

async function lruCache() {
  const { LRUCache } = await import('lru-cache');
  const cache = new LRUCache({ max: 2 ** 22 });
  return { get: (key) => cache.get(key), set: (key, value) => cache.set(key, value), close: () => {} };
}

async function map() {
  const entries = new Map();
  return { get: (key) => entries.get(key), set: (key, value) => entries.set(key, value), close: () => {} };
}

export const peers = {
  swapstore,
  lmdb,
  'better-sqlite3': sqlite,
  'classic-level': level,
  cacache,
  '@keyv/sqlite': keyvSqlite,
  'lru-cache': lruCache,
  Map: map,
  'lru-cache + bare file': openBareStore,
  'lru-cache + lmdb': behindLru(lmdb),
  'lru-cache + better-sqlite3': behindLru(sqlite),
};
