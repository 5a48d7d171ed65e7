/** Bad input gets a clear error that names what is wrong, and nothing is lost. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCode, openStore, SwapStore } from '../support/store.js';

const directory = mkdtempSync(join(tmpdir(), 'swapstore-bad-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Opens with options that the types would not allow. */
function open(options: unknown): SwapStore {
  return new SwapStore(options as never);
}

describe('options', () => {
  it.each([
    ['maxMemory', -1, /maxMemory must be a whole number from 0 .* -1 was given/],
    ['maxMemory', 1.5, /maxMemory .* 1.5 was given/],
    ['maxMemory', '64MB', /maxMemory .* "64MB" was given/],
    ['maxMemory', Number.NaN, /maxMemory .* NaN was given/],
    ['pageSize', 0, /pageSize must be a power of two from 64 to 65536, but 0 was given/],
    ['pageSize', 100, /pageSize .* 100 was given/],
    ['pageSize', 131_072, /pageSize/],
    ['maxSwap', 4096, /maxSwap must be a whole number from 4160 .*, but 4096 was given/],
    ['maxSwap', 2 ** 53, /maxSwap/],
    ['threads', 1000, /threads must be a whole number from 0 to 64, but 1000 was given/],
    ['threads', -1, /threads/],
    ['whenFull', 'drop', /whenFull must be one of 'throw', 'evict', but "drop" was given/],
    ['whenCorrupt', true, /whenCorrupt must be one of 'throw', 'miss', but true was given/],
    ['policy', 'fifo', /policy must be one of 'adaptive', 'lru', 'swappability'/],
    ['compression', 'gzip', /compression must be one of 'none', 'deflate', 'brotli', 'zstd'/],
    ['ttl', -5, /ttl must be milliseconds from 0 .* -5 was given/],
    ['ttl', Number.NaN, /ttl/],
    ['immutable', 1, /immutable must be true or false, but 1 was given/],
    ['serializer', {}, /serializer must be an object with name, serialize and deserialize/],
    ['workerUrl', 'file:///x', /workerUrl must be a URL/],
    ['path', '', /path must be a non-empty string/],
    ['path', 'a\0b', /path must be a non-empty string without null characters/],
    ['path', 7, /path .* 7 was given/],
    ['persist', true, /persist needs a path/],
    ['persist', 'yes', /persist must be true or false/],
    ['encryption', 'secret', /true, false or a Uint8Array of 32 bytes/],
    ['encryption', new Uint8Array(31), /of 32 bytes, but "31 bytes" was given/],
    ['flushIntervalMs', 10, /flushIntervalMs has no meaning without persist/],
    ['flushIntervalMs', -1, /flushIntervalMs must be a whole number from 0/],
    ['maxmemory', 1, /unknown option "maxmemory": did you mean maxMemory\?/],
    ['size', 1, /unknown option "size": known are path, maxMemory/],
  ])('defect 11: %s of %j is refused with its own message', (name, given, message) => {
    expect(() => open({ [name]: given })).toThrow(
      expect.objectContaining({ code: 'ERR_SWAP_OPTION', message: expect.stringMatching(message) }),
    );
  });

  it('must be an object', () => {
    for (const options of [null, 5, 'x', []])
      expect(() => open(options)).toThrow(expect.objectContaining({ code: 'ERR_SWAP_OPTION' }));
  });

  it('refuse a zstd that the runtime does not have', async () => {
    const { default: zlib } = await import('node:zlib');
    if ('zstdCompressSync' in zlib) await open({ compression: 'zstd' }).close();
    else expect(() => open({ compression: 'zstd' })).toThrow(/compression 'zstd' is not available in Node/);
  });
});

describe('a path', () => {
  it('that is a directory is refused as an option, and leaves nothing behind', () => {
    const path = join(directory, 'folder');
    mkdirSync(path);
    expect(() => open({ path })).toThrow(expect.objectContaining({ code: 'ERR_SWAP_OPTION', path }));
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('behaviour 1: that cannot be written is an I/O error that names it', () => {
    const path = join(directory, 'missing', 'swap');
    expect(() => open({ path })).toThrow(expect.objectContaining({ code: 'ERR_SWAP_IO' }));
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(() => open({ path: join(file, 'swap') })).toThrow(
      expect.objectContaining({ code: 'ERR_SWAP_IO' }),
    );
  });

  it('with a file that is not ours is left byte for byte as it was', () => {
    const path = join(directory, 'foreign');
    writeFileSync(path, 'precious');
    expect(() => open({ path })).toThrow(expect.objectContaining({ code: 'ERR_SWAP_FORMAT', path }));
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('behaviour 2: that is in use says by whom', async () => {
    const path = join(directory, 'shared');
    const store = openStore({ path });
    expect(() => open({ path })).toThrow(
      expect.objectContaining({
        code: 'ERR_SWAP_LOCKED',
        message: expect.stringContaining(String(process.pid)),
      }),
    );
    await store.close();
    await openStore({ path }).close();
  });
});

// Beyond 16,384 values in memory they are in many Maps, and a key says in which.
describe.each([0, 17_000])('keys, beside %i others', (others) => {
  const store = new SwapStore({ threads: 0 });
  beforeAll(() => {
    for (let index = 0; index < others; index++) store.set(`other:${index}`, index);
  });
  afterAll(() => store.closeSync());
  const calls: Record<string, (key: never) => unknown> = {
    get: (key) => store.get(key),
    set: (key) => store.set(key, 1),
    has: (key) => store.has(key),
    delete: (key) => store.delete(key),
    peek: (key) => store.peek(key),
    getMany: (key) => store.getMany([key]),
    load: (key) => store.load(key),
    loadMany: (key) => store.loadMany([key]),
    preload: (key) => store.preload([key]),
    run: (key) => store.run([key], () => 1),
    fetch: (key) => store.fetch(key, () => 1),
    swapOut: (key) => store.swapOut(key),
    swapOutSync: (key) => store.swapOutSync(key),
    pin: (key) => store.pin(key),
    unpin: (key) => store.unpin(key),
    state: (key) => store.state(key),
    pointer: (key) => store.pointer(key),
  };
  for (const [name, call] of Object.entries(calls)) {
    it.each([
      [undefined],
      [null],
      [5],
      [{}],
      [Symbol('s')],
      [''],
      ['x'.repeat(65_536)],
      ['漢'.repeat(21_846)],
    ])(`${name} refuses %o`, async (key) => {
      await expect(async () => call(key as never)).rejects.toMatchObject({ code: 'ERR_SWAP_KEY' });
    });
  }

  it('may be as long as 65,535 bytes, and anything else that is a string', () => {
    for (const key of [
      'x'.repeat(65_535),
      '漢'.repeat(21_845),
      '\ud800',
      '__proto__',
      'constructor',
      '\0',
      ' ',
    ]) {
      store.set(key, key.length);
      expect(store.swapOutSync(key)).toBe(true);
      expect(store.get(key)).toBe(key.length);
    }
  });
});

describe('what a call is given beside its key', () => {
  it.each([
    [{ ttl: -1 }, /ttl/],
    [{ ttl: '5' }, /ttl/],
    [{ size: 0 }, /size must be a whole number from 1/],
    [{ size: 1.5 }, /size/],
    [{ pin: 'yes' }, /pin must be true or false/],
    [{ TTL: 5 }, /unknown set option "TTL": did you mean ttl\?/],
    [7, /set options must be an object/],
  ])('set refuses %j, and keeps the old value', (options, message) => {
    const store = openStore({ threads: 0 });
    store.set('a', 'old');
    expect(() => store.set('a', 'new', options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_SWAP_OPTION', message: expect.stringMatching(message) }),
    );
    expect(store.get('a')).toBe('old');
  });

  it('a signal must be one, and a function too', async () => {
    const store = openStore({ threads: 0 });
    await expect(store.load('a', { signal: 5 as never })).rejects.toMatchObject({ code: 'ERR_SWAP_OPTION' });
    await expect(store.run(['a'], 5 as never)).rejects.toMatchObject({ code: 'ERR_SWAP_OPTION' });
    await expect(store.fetch('a', undefined as never)).rejects.toMatchObject({ code: 'ERR_SWAP_OPTION' });
    expect(() => store.forEach(1 as never)).toThrow(expect.objectContaining({ code: 'ERR_SWAP_OPTION' }));
    expect(() => store.on('evict', 1 as never)).toThrow(expect.objectContaining({ code: 'ERR_SWAP_OPTION' }));
  });

  it('an option that no call has is named, whatever the call', async () => {
    const store = openStore({ threads: 0 });
    const typo = { singal: new AbortController().signal } as never;
    const calls = [
      () => store.load('a', typo),
      () => store.loadMany(['a'], typo),
      () => store.preload(['a'], typo),
      () => store.run(['a'], () => 1, typo),
      () => store.fetch('a', () => 1, typo),
      () => store.swapOut('a', typo),
      () => store.ready(typo),
      () => store.flush(typo),
    ];
    for (const call of calls)
      await expect(call).rejects.toMatchObject({
        code: 'ERR_SWAP_OPTION',
        message: expect.stringMatching('singal'),
      });
  });

  it('an event must be one that the store, or the namespace, tells of', () => {
    const store = openStore({ threads: 0 });
    const refused = expect.objectContaining({
      code: 'ERR_SWAP_OPTION',
      message: expect.stringMatching(/an event must be one of 'swapout'.*"swapOut"/),
    });
    expect(() => store.on('swapOut' as never, () => {})).toThrow(refused);
    const space = store.namespace('space');
    expect(() => space.on('swapOut' as never, () => {})).toThrow(refused);
    expect(() => space.on('warning' as never, () => {})).toThrow(/an event/);
    store.on('warning', () => {});
  });

  it('expire needs a lifetime', () => {
    const store = openStore({ threads: 0 });
    store.set('a', 1, { ttl: 5_000 });
    expect(() => store.expire('a', undefined as never)).toThrow(
      expect.objectContaining({ code: 'ERR_SWAP_OPTION', message: expect.stringMatching('ttlMs') }),
    );
    expect(store.remainingTtl('a')).toBeGreaterThan(0);
  });

  it('is taken once, and may be inherited', async () => {
    const store = openStore({ threads: 0 });
    let asked = 0;
    store.set('a', 1, {
      get size() {
        return asked++ === 0 ? 500 : -1e9;
      },
    });
    expect(store.stats().residentBytes).toBe(500);
    await store.fetch('b', () => 1, Object.create({ ttl: 60_000 }));
    expect(store.remainingTtl('b')).toBeLessThanOrEqual(60_000);
  });

  it('says that the store is closed where what gives the keys, or a listener, closes it', async () => {
    const closing = openStore({ threads: 0 });
    closing.set('a', 1);
    const keys = function* () {
      yield 'a';
      closing.closeSync();
    };
    await expectCode(() => closing.loadMany(keys()), 'ERR_SWAP_CLOSED');
    const told = openStore({ threads: 0 });
    for (const key of ['a', 'b']) told.set(key, 1).swapOutSync(key);
    told.on('swapin', () => told.closeSync());
    await expectCode(() => told.getMany(['a', 'b']), 'ERR_SWAP_CLOSED');
  });

  it('a snapshot is refused until there is persistence', async () => {
    await expect(openStore({ threads: 0 }).snapshot('/x')).rejects.toMatchObject({ code: 'ERR_SWAP_OPTION' });
  });
});

describe('after close', () => {
  it('every call says that the store is closed', async () => {
    const store = new SwapStore({ threads: 0 });
    store.set('a', 1);
    await store.close();
    await store.close();
    store.closeSync();
    const calls = [
      () => store.get('a'),
      () => store.set('a', 1),
      () => store.has('a'),
      () => store.delete('a'),
      () => store.clear(),
      () => [...store.keys()],
      () => [...store],
      () => store.peek('a'),
      () => store.getMany(['a']),
      () => store.load('a'),
      () => store.loadMany(['a']),
      () => store.preload(['a']),
      () => store.run(['a'], () => 1),
      () => store.fetch('a', () => 1),
      () => store.swapOut('a'),
      () => store.swapOutSync('a'),
      () => store.swapOne(),
      () => store.swapOneSync(),
      () => store.pin('a'),
      () => store.unpin('a'),
      () => store.pauseSwapping(),
      () => store.resumeSwapping(),
      () => store.ready(),
      () => store.drain(),
      () => store.flush(),
      () => store.snapshot('/x'),
      () => store.state('a'),
      () => store.pointer('a'),
    ];
    for (const call of calls)
      await expect(async () => call()).rejects.toMatchObject({ code: 'ERR_SWAP_CLOSED' });
    expect(store.stats().enabled).toBe(false);
  });
});
