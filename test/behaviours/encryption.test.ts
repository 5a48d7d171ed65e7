/** Encrypted swap files: nothing in them can be read, moved, changed or put back unnoticed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { recordMagic } from '../../dist/disk/record.js';
import { BlockCipher, keyCheckOf, Sealer } from '../../dist/disk/seal.js';
import { World } from '../support/environment.js';
import {
  freshPath,
  kibi,
  mebi,
  openInWorld,
  openStore,
  type SwapStoreOptions,
  swapErrorOf,
} from '../support/store.js';

const secret = 'attack at dawn';
const ownKey = Uint8Array.from({ length: 32 }, (_, index) => index * 7);

/** Every eight characters of `text`: shorter ones stand in megabytes of noise by chance, as four once did. */
function piecesOf(text: string): string[] {
  return Array.from({ length: text.length - 7 }, (_, at) => text.slice(at, at + 8));
}

/** Every write that the disk is asked for, with its position. */
function recordWrites(world: World): Array<{ position: number; bytes: Buffer }> {
  const writes: Array<{ position: number; bytes: Buffer }> = [];
  const { disk } = world;
  const write = disk.write.bind(disk);
  disk.write = (fd, source, offset, length, position) => {
    writes.push({ position, bytes: Buffer.from(source.subarray(offset, offset + length)) });
    return write(fd, source, offset, length, position);
  };
  return writes;
}

const telling = `${secret} `.repeat(100);
/** Values of many kinds and lengths; their texts are somewhere else in the buffer before they are where they belong. */
const tellingValues: readonly unknown[] = [
  telling,
  Array.from({ length: 80 }, () => telling),
  { text: secret, more: { text: secret, list: [secret, secret, 1.5] } },
  [Buffer.alloc(70_000, secret), secret],
  Buffer.alloc(5001, secret),
  new Map<unknown, unknown>([[secret, new Set([secret, 1])]]),
  new Uint16Array(Buffer.alloc(100, secret)),
  [Buffer.alloc(2 * mebi, secret), secret],
  // Of every remainder that the length of a record has.
  ...Array.from({ length: 16 }, (_, length) => 'x'.repeat(length)),
  ...Array.from({ length: 8 }, (_, length) => Buffer.alloc(1000 + length, secret)),
];

/** Expects that in what was written nothing but zeros lies between the end of a record and that of its last page. */
function expectZerosBehindRecords(bytes: Buffer, pageSize: number): void {
  for (let at = 0; at < bytes.length && bytes.readUInt32LE(at) === recordMagic; ) {
    const end = at + bytes.readInt32LE(at + 4);
    at += Math.ceil((end - at) / pageSize) * pageSize;
    const behind = bytes.subarray(end, at);
    expect(behind.equals(Buffer.alloc(behind.length))).toBe(true);
  }
}

describe('an encrypted store', () => {
  const ways: ReadonlyArray<readonly [string, SwapStoreOptions]> = [
    ['on the blocking side', { threads: 0, maxMemory: 16 * kibi }],
    ['straight to the file', { threads: 0, maxMemory: 0 }],
    ['through threads', { threads: 2, maxMemory: 16 * kibi }],
    ['through threads, compressed', { threads: 2, maxMemory: 16 * kibi, compression: 'deflate' }],
  ];
  it.each(ways)('writes neither keys nor values in plain, %s', async (_way, options) => {
    for (const encryption of [true, ownKey]) {
      const path = freshPath();
      const store = openStore({ path, encryption, ...options });
      for (let index = 0; index < 300; index++)
        store.set(`${secret} key ${index}`, { text: `${secret} ${index}` });
      const large = `${secret} `.repeat(150_000);
      store.set('large', large);
      store.swapOutSync('large');
      await store.drain();
      for (let index = 0; index < 300; index++) store.swapOutSync(`${secret} key ${index}`);
      const file = readFileSync(path);
      expect(file.length).toBeGreaterThan(4096);
      for (const piece of piecesOf(secret)) expect(file.includes(piece)).toBe(false);
      for (let index = 0; index < 300; index++)
        expect(store.get(`${secret} key ${index}`)).toEqual({ text: `${secret} ${index}` });
      expect(store.get('large')).toBe(large);
    }
  });

  const compressions = ['none', 'deflate', 'brotli'] as const;
  describe.each([64, 4096, 65_536])('with pages of %i', (pageSize) => {
    describe.each(compressions)('and the compression %s', (compression) => {
      it.each([0, 1])('and %i threads, writes nothing behind a record that is not zeros', async (threads) => {
        for (const maxMemory of [0, 32 * kibi, 4 * mebi]) {
          for (const more of [{}, { encryption: true }, { encryption: ownKey, persist: true }]) {
            const world = new World();
            const writes = recordWrites(world);
            const path = freshPath();
            const { store } = openInWorld(
              { path, pageSize, compression, threads, maxMemory, ...more },
              world,
            );
            for (const [index, value] of tellingValues.entries()) {
              store.set(`value:${index}`, value).set(`number:${index}`, index);
              const isBlocking = index % 2 === 0;
              if (isBlocking) store.swapOutSync(`value:${index}`);
              else await world.drive(store.swapOut(`value:${index}`));
            }
            await world.drive(store.flush());
            for (const key of store.keys()) store.swapOutSync(key);
            for (const { bytes } of writes) {
              expectZerosBehindRecords(bytes, pageSize);
              if (more.encryption === undefined) continue;
              for (const piece of piecesOf(secret)) expect(bytes.includes(piece)).toBe(false);
            }
          }
        }
      });
    });
  });

  it('would show them if it were not encrypted', () => {
    const path = freshPath();
    const store = openStore({ path, threads: 0, maxMemory: 0 });
    store.set(secret, secret);
    for (const piece of piecesOf(secret)) expect(readFileSync(path).includes(piece)).toBe(true);
  });

  it('uses no nonce twice, whatever becomes of what it encrypts', async () => {
    const world = new World();
    const writes = recordWrites(world);
    const options = { encryption: true, maxMemory: 32 * kibi, threads: 1, compression: 'deflate' } as const;
    const { store } = openInWorld(options, world);
    for (let round = 0; round < 20; round++) {
      for (let index = 0; index < 40; index++) store.set(`key:${index}`, `${round} ${index} `.repeat(200));
      if (round % 3 === 0) world.disk.failWrite('EIO');
      for (let index = 0; index < 40; index += 3) store.get(`key:${index}`);
      await world.settle();
      for (let index = 0; index < 40; index += 7) store.swapOutSync(`key:${index}`);
    }
    const nonces: string[] = [];
    for (const { position, bytes } of writes) {
      for (let at = 0; position > 0 && at < bytes.length; ) {
        expect(bytes.readUInt32LE(at)).toBe(recordMagic);
        const end = at + bytes.readInt32LE(at + 4);
        nonces.push(bytes.toString('hex', end - 40, end - 32));
        at += Math.ceil((end - at) / store.stats().pageSize) * store.stats().pageSize;
      }
    }
    expect(nonces.length).toBeGreaterThan(200);
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  it('finds every bit that was changed, and a record put where another was', () => {
    const world = new World();
    const { store, disk } = openInWorld({ encryption: true, maxMemory: 0, threads: 0 }, world);
    store.set('a', 'first').set('b', 'other');
    const bytes = store.pointer('a')!.bytes;
    for (let at = 0; at < bytes; at++) {
      disk.corruptNextRead((read) => {
        read[at]! ^= 1 << (at & 7);
      });
      swapErrorOf(() => store.get('a'), 'ERR_SWAP_CORRUPT');
    }
    let ofA = Buffer.alloc(0);
    disk.corruptNextRead((read) => {
      ofA = Buffer.from(read);
    });
    expect(store.get('a')).toBe('first');
    disk.corruptNextRead((read) => read.set(ofA));
    swapErrorOf(() => store.get('b'), 'ERR_SWAP_CORRUPT');
    // What the key had before, at the same place.
    store.delete('a');
    store.set('a', 'again');
    disk.corruptNextRead((read) => read.set(ofA));
    swapErrorOf(() => store.get('a'), 'ERR_SWAP_CORRUPT');
    expect(store.get('a')).toBe('again');
  });

  it('evicts like any other', () => {
    const options = { encryption: true, maxMemory: 0, threads: 0, maxSwap: 4096 + 64 * 64 } as const;
    const store = openStore({ ...options, whenFull: 'evict' });
    const text = (index: number) => `${index} `.repeat(20 + ((index * 7) % 150));
    for (let index = 0; index < 300; index++) store.set(`key:${index}`, text(index));
    expect(store.stats().evictions).toBeGreaterThan(100);
    for (const [key, value] of store) expect(value).toBe(text(Number(key.slice(4))));
    expect(store.get('key:299')).toBe(text(299));
  });

  it('keeps a copy of the key, so that the caller may wipe its own', () => {
    const key = Uint8Array.from(ownKey);
    const store = openStore({ encryption: key, maxMemory: 0, threads: 0 });
    key.fill(0);
    expect(store.set('a', 1).get('a')).toBe(1);
    expect(store.stats().maxMemory).toBeLessThan(mebi);
  });
});

describe('a persistent store that is encrypted', () => {
  const other = Uint8Array.from(ownKey).fill(1);
  const options = (path: string, more: SwapStoreOptions = {}): SwapStoreOptions => ({
    path,
    persist: true,
    encryption: ownKey,
    maxMemory: 16 * kibi,
    ...more,
  });

  it('is there again after any number of sessions, each of which has a key of its own', async () => {
    const path = freshPath();
    for (let session = 0; session < 5; session++) {
      const store = openStore(options(path));
      for (let index = 0; index < 50; index++)
        store.set(`${session} ${index}`, { session, index, text: 'x'.repeat(300) });
      if (session === 3) await store.clear();
      await store.close();
    }
    const store = openStore(options(path));
    expect(store.size).toBe(50);
    for (let index = 0; index < 50; index++)
      expect(store.get(`4 ${index}`)).toEqual({ session: 4, index, text: 'x'.repeat(300) });
  });

  it('reads what four sessions have written, and threads write what they read', async () => {
    const path = freshPath();
    for (let session = 0; session < 4; session++) {
      const store = openStore(options(path, { threads: 1, compression: 'deflate' }));
      for (let index = 0; index < 200; index++) store.set(`${session} ${index}`, { session, index });
      for (const [key, value] of store) expect(`${(value as { session: number }).session}`).toBe(key[0]);
      await store.flush();
      await store.close();
    }
    const store = openStore(options(path, { threads: 1 }));
    expect(store.size).toBe(800);
    for (const [key, value] of store) expect(value).toEqual({ session: +key[0]!, index: +key.slice(2) });
  });

  it('has neither keys nor values nor the names of fields in any file, nor in a snapshot', async () => {
    const path = freshPath();
    const copy = freshPath();
    const store = openStore(options(path));
    for (let index = 0; index < 300; index++)
      store.set(`${secret} key ${index}`, { [secret]: `${secret} ${index}` });
    await store.snapshot(copy);
    for (let index = 0; index < 300; index += 2) store.delete(`${secret} key ${index}`);
    await store.close();
    for (const file of [path, `${path}.index`, copy, `${copy}.index`]) {
      const bytes = readFileSync(file);
      expect(bytes.length).toBeGreaterThan(4096);
      for (const piece of piecesOf(secret)) expect(bytes.includes(piece), file).toBe(false);
    }
    expect(openStore(options(path)).size).toBe(150);
    expect(openStore(options(copy)).get(`${secret} key 4`)).toEqual({ [secret]: `${secret} 4` });
  });

  it('opens with its key alone, and is left as it is by any other', async () => {
    const path = freshPath();
    const plain = freshPath();
    await openStore(options(path)).set('a', 1).close();
    await openStore(options(plain, { encryption: false }))
      .set('a', 1)
      .close();
    const before = [path, `${path}.index`, plain, `${plain}.index`].map((file) => readFileSync(file));
    swapErrorOf(() => openStore(options(path, { encryption: other })), 'ERR_SWAP_FORMAT');
    swapErrorOf(() => openStore(options(path, { encryption: false })), 'ERR_SWAP_FORMAT');
    swapErrorOf(() => openStore(options(plain)), 'ERR_SWAP_FORMAT');
    swapErrorOf(() => openStore(options(path, { encryption: true })), 'ERR_SWAP_OPTION');
    const after = [path, `${path}.index`, plain, `${plain}.index`].map((file) => readFileSync(file));
    for (const [index, bytes] of before.entries()) expect(after[index]!.equals(bytes)).toBe(true);
    expect(openStore(options(path)).get('a')).toBe(1);
  });

  it('finds a block of the index that was taken from another file, or another place', async () => {
    const path = freshPath();
    const index = `${path}.index`;
    await openStore(options(path)).set('a', 'first').close();
    const first = readFileSync(index);
    // The same flush of the same store, in an index that was made another time.
    const again = freshPath();
    await openStore(options(again)).set('a', 'other').close();
    const bytes = readFileSync(index);
    readFileSync(`${again}.index`).copy(bytes, 4096, 4096);
    writeFileSync(index, bytes.subarray(0, first.length));
    const store = openStore(options(path));
    expect(store.get('a')).toBeUndefined();
  });

  it('opens no block that was changed', () => {
    let salts = 0;
    const cipher = new BlockCipher(ownKey, () => new Uint8Array(16).fill(++salts));
    const place = Uint8Array.of(1, 2, 3);
    const sealed = cipher.seal(Buffer.from(secret), place);
    expect(cipher.open(sealed, place)?.toString()).toBe(secret);
    expect(cipher.seal(Buffer.from(secret), place).equals(sealed)).toBe(false);
    expect(cipher.open(sealed, Uint8Array.of(1, 2, 4))).toBeUndefined();
    expect(new BlockCipher(other, () => ownKey).open(sealed, place)).toBeUndefined();
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      expect(cipher.open(changed, place), `byte ${at}`).toBeUndefined();
      expect(cipher.open(sealed.subarray(0, at), place), `cut at ${at}`).toBeUndefined();
    }
  });
});

describe('a seal', () => {
  const secretOf = (byte: number) => ({ key: ownKey, salt: new Uint8Array(16).fill(byte) });
  const bytesOf = () => {
    const record = Buffer.alloc(100, 'plain');
    record.writeUInt32LE(100, 4);
    return record;
  };
  const sealed = (page: number) => {
    const record = bytesOf();
    new Sealer(secretOf(1)).seal(record, 0, 100, page);
    return record;
  };

  it('opens at its page, under its key, unchanged, and nowhere else', () => {
    const target = Buffer.alloc(100);
    expect(new Sealer(secretOf(1)).open(sealed(5), 0, 100, 5, target)).toBe(true);
    expect(target.subarray(0, 60)).toEqual(bytesOf().subarray(0, 60));
    expect(new Sealer(secretOf(1)).open(sealed(5), 0, 100, 6, target)).toBe(false);
    const stranger = new Sealer({ key: new Uint8Array(32), salt: secretOf(1).salt });
    expect(stranger.open(sealed(5), 0, 100, 5, target)).toBe(false);
    for (let at = 0; at < 100; at++) {
      const changed = sealed(5);
      changed[at]! ^= 1;
      expect(new Sealer(secretOf(1)).open(changed, 0, 100, 5, target), `byte ${at}`).toBe(false);
    }
  });

  it('has another key for each session, and each session can read the others', () => {
    expect(sealed(5).equals(sealed(5))).toBe(true);
    const target = Buffer.alloc(100);
    const reader = new Sealer(secretOf(0));
    for (let session = 1; session < 200; session++) {
      const record = bytesOf();
      new Sealer(secretOf(session)).seal(record, 0, 100, 5);
      expect(record.subarray(16, 60).equals(sealed(5).subarray(16, 60))).toBe(session === 1);
      expect(reader.open(record, 0, 100, 5, target)).toBe(true);
      expect(target.subarray(0, 60)).toEqual(bytesOf().subarray(0, 60));
    }
  });

  it('proves a key without giving it away', () => {
    const salt = new Uint8Array(16);
    expect(keyCheckOf(ownKey, salt)).toEqual(keyCheckOf(ownKey, salt));
    expect(keyCheckOf(ownKey, salt)).not.toEqual(keyCheckOf(ownKey, salt.fill(1)));
    expect(keyCheckOf(ownKey, salt)).toHaveLength(16);
  });
});
