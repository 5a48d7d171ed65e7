/** The blocking batch with real threads, while reads on the caller's own thread look slow. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Disk, Environment } from '../../dist/environment.js';
import { nodeEnvironment } from '../../dist/node-environment.js';
import { withEnvironment } from '../support/environment.js';
import { checkInvariants, expectCode, freshPath, mebi, SwapStore } from '../support/store.js';

/** A clock on which whatever is measured takes a millisecond; `reads` counts those made on this thread. */
function slowEnvironment(): Environment & { reads: number } {
  let ticks = 0;
  const clock = { ...nodeEnvironment.clock, monotonic: () => performance.now() + ticks++ };
  const disk: Disk = {
    ...nodeEnvironment.disk,
    read(...given) {
      environment.reads++;
      return nodeEnvironment.disk.read(...given);
    },
  };
  const environment = { ...nodeEnvironment, clock, disk, reads: 0 };
  return environment;
}

const count = 2_000;
const keyOf = (index: number) => `key:${index}`;
const valueAt = (index: number) => ({ index, text: `${index} `.repeat(50) });

/** A store that has learned that reads are slow here, and keys that must be read from its file. */
async function openFilled(environment: ReturnType<typeof slowEnvironment>, path = freshPath()) {
  const options = { path, maxMemory: mebi, maxSwap: 64 * mebi, threads: 4 };
  const store: SwapStore = new SwapStore(withEnvironment(options, environment));
  for (let index = 0; index < count; index++) store.set(keyOf(index), valueAt(index));
  await store.drain();
  const inFile: string[] = [];
  for (let index = 0; index < count; index++) {
    const before = environment.reads;
    store.peek(keyOf(index));
    if (environment.reads > before) inFile.push(keyOf(index));
  }
  expect(inFile.length).toBeGreaterThan(100);
  return { store, inFile };
}

describe('getMany, where reads are slow', () => {
  it('gives what get would, read by the threads while the caller waits', async () => {
    const environment = slowEnvironment();
    const { store, inFile } = await openFilled(environment);
    expect(store.getMany(inFile)).toEqual(inFile.map((key) => valueAt(Number(key.slice(4)))));
    expect(environment.reads).toBe(inFile.length);
    for (let round = 0; round < 5; round++) {
      const wanted = Array.from({ length: 300 }, (_, at) => (at * 37 + round * 301) % (count + 100));
      const values = store.getMany(wanted.map(keyOf));
      expect(values).toEqual(wanted.map((index) => (index < count ? valueAt(index) : undefined)));
      expect(store.stats().residentBytes).toBeLessThanOrEqual(mebi);
    }
    expect(store.stats().blockedCallers).toBe(0);
    checkInvariants(store);
    await store.close();
  });

  it('throws what a thread could not read, and goes on', async () => {
    const path = freshPath();
    const { store, inFile } = await openFilled(slowEnvironment(), path);
    const [damaged = '', ...others] = inFile;
    const { page } = store.pointer(damaged)!;
    const fd = openSync(path, 'r+');
    const at = 4096 + page * store.stats().pageSize;
    const record = Buffer.alloc(64);
    readSync(fd, record, 0, record.length, at);
    writeSync(fd, Buffer.alloc(64), 0, 64, at);
    await expectCode(() => store.getMany([...others.slice(0, 50), damaged]), 'ERR_SWAP_CORRUPT');
    writeSync(fd, record, 0, record.length, at);
    closeSync(fd);
    const index = Number(damaged.slice(4));
    expect(store.getMany([damaged, damaged, 'absent'])).toEqual([valueAt(index), valueAt(index), undefined]);
    checkInvariants(store);
    await store.close();
  });
});
