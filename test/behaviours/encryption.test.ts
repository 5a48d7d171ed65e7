/** Encrypted swap files: nothing in them can be read, moved, changed or put back unnoticed. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { recordMagic } from '../../dist/disk/record.js';
import { Sealer, sessionKey } from '../../dist/disk/seal.js';
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
        nonces.push(bytes.toString('hex', end - 24, end - 16));
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

describe('a seal', () => {
  const bytesOf = () => {
    const record = Buffer.alloc(100, 'plain');
    record.writeUInt32LE(100, 4);
    return record;
  };
  const sealed = (page: number) => {
    const record = bytesOf();
    new Sealer(ownKey).seal(record, 0, 100, page);
    return record;
  };

  it('opens at its page, under its key, unchanged, and nowhere else', () => {
    const target = Buffer.alloc(100);
    expect(new Sealer(ownKey).open(sealed(5), 0, 100, 5, target)).toBe(true);
    expect(target.subarray(0, 76)).toEqual(bytesOf().subarray(0, 76));
    expect(new Sealer(ownKey).open(sealed(5), 0, 100, 6, target)).toBe(false);
    expect(new Sealer(sessionKey(ownKey, Buffer.alloc(32))).open(sealed(5), 0, 100, 5, target)).toBe(false);
    for (let at = 0; at < 100; at++) {
      const changed = sealed(5);
      changed[at]! ^= 1;
      expect(new Sealer(ownKey).open(changed, 0, 100, 5, target), `byte ${at}`).toBe(false);
    }
  });

  it('has another key for each session', () => {
    const salts = [0, 1].map((byte) => Buffer.alloc(32, byte));
    expect(sessionKey(ownKey, salts[0]!)).not.toEqual(sessionKey(ownKey, salts[1]!));
    expect(sessionKey(ownKey, salts[0]!)).toEqual(sessionKey(ownKey, salts[0]!));
  });
});
