/**
 * Opens stores for tests. After each test the invariants of every store that is still open are recomputed from
 * scratch, and it is closed. The only place of the suite that names the built package.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { SwapError, SwapStore, type SwapStoreOptions } from '../../dist/index.js';
import { checkInvariants } from '../../dist/pager/invariants.js';
import { World, withEnvironment } from './environment.js';

export type {
  EntryState,
  Keyspace,
  Serializer,
  SetOptions,
  SwapStoreOptions,
  SwapStoreStats,
} from '../../dist/index.js';
export { checkInvariants, SwapError, SwapStore };

export const kibi = 1024;
export const mebi = 1024 * 1024;

const opened = new Map<SwapStore, World | undefined>();
const directories: string[] = [];

/** A store on the real clock, disk and threads. */
export function openStore(options: SwapStoreOptions = {}): SwapStore {
  const store = new SwapStore({ maxSwap: 64 * mebi, ...options });
  opened.set(store, undefined);
  return store;
}

/** A store in a world of its own: nothing happens but what the test makes happen. */
export function openInWorld(options: SwapStoreOptions = {}, world = new World()) {
  const store: SwapStore = new SwapStore(
    withEnvironment({ maxSwap: 64 * mebi, ...options }, world.environment),
  );
  opened.set(store, world);
  const { clock, disk, threads } = world;
  return { store, world, clock, disk, threads };
}

/** The test closes this one itself. */
export function forget(store: SwapStore): void {
  opened.delete(store);
}

export async function closeStore(store: SwapStore): Promise<void> {
  const world = opened.get(store);
  opened.delete(store);
  try {
    if (isOpen(store)) checkInvariants(store);
  } finally {
    if (world === undefined) await store.close();
    else await world.drive(store.close());
  }
}

function isOpen(store: SwapStore): boolean {
  try {
    store.has('?');
    return true;
  } catch (error) {
    if (codeOf(error) === 'ERR_SWAP_CLOSED') return false;
    throw error;
  }
}

/** A directory that only this test uses, gone after it. */
export function privateDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'swapstore-test-'));
  directories.push(path);
  return path;
}

/** A path where no file is yet. */
export function freshPath(): string {
  return join(privateDirectory(), 'swap');
}

afterEach(async () => {
  for (const store of [...opened.keys()]) await closeStore(store);
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** A promise and what settles it. */
export function deferred<T = void>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

/** The code of a SwapError; undefined for any other. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof SwapError ? error.code : undefined;
}

/** What `act` throws, or what its promise rejects with; fails when it does neither. */
export async function failureOf(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** What `act` throws, which must be a SwapError with this code. */
export function swapErrorOf(act: () => unknown, code: string): SwapError {
  try {
    act();
  } catch (error) {
    expect(codeOf(error), String(error)).toBe(code);
    return error as SwapError;
  }
  throw new Error(`it did not throw ${code}`);
}

/** Expects that `act` throws, or returns a promise that rejects with, a SwapError with this code. */
export async function expectCode(act: () => unknown, code: string): Promise<SwapError> {
  const error = await failureOf(act);
  expect(codeOf(error), String(error)).toBe(code);
  return error as SwapError;
}

/** The warnings a store has given so far. */
export function warningsOf(store: SwapStore): SwapError[] {
  const warnings: SwapError[] = [];
  store.on('warning', (error) => warnings.push(error));
  return warnings;
}

/** The keys that an event was about so far. */
export function keysOf(store: SwapStore, event: 'swapout' | 'swapin' | 'evict' | 'expire'): string[] {
  const keys: string[] = [];
  store.on(event, (key) => keys.push(key));
  return keys;
}

/** Slabs are at most this much; whatever was written before as much again has been written lies in the file alone. */
const slabBytesMax = 16 * mebi;

/**
 * Swaps the keys out, and then so much else through the write buffers that the next read of them must go to the disk.
 * For stores with memory and swap to spare.
 */
export function swapOutCold(store: SwapStore, ...keys: string[]): void {
  for (const key of keys) expect(store.swapOutSync(key), `swapOutSync(${key})`).toBe(true);
  const filler = new Uint8Array(mebi / 4);
  for (let bytes = 0; bytes <= slabBytesMax + mebi; bytes += filler.length) {
    store.set('~filler', filler);
    expect(store.swapOutSync('~filler')).toBe(true);
    store.delete('~filler');
  }
}

/** Reads take so long from now on, and the store has learned it: `load` makes them itself, or leaves them to the threads. */
export function learnReadCost(world: World, store: SwapStore, key: string, readCostMs: number): void {
  world.disk.readCostMs = readCostMs;
  for (let round = 0; round < 32; round++) store.peek(key);
}

/** As `swapOutCold`; then lets the store learn that reads are slow here, so that `load` leaves them to the threads. */
export function swapOutSlow(world: World, store: SwapStore, ...keys: string[]): void {
  swapOutCold(store, ...keys);
  learnReadCost(world, store, keys[0]!, 5);
  for (const key of keys) expect(store.state(key)).toBe('swapped');
}

/** Turns the loop, with no thread running, until the key is in this state. */
export async function untilState(world: World, store: SwapStore, key: string, state: string): Promise<void> {
  for (let turn = 0; turn < 20 && store.state(key) !== state; turn++) await world.clock.turn();
  expect(store.state(key)).toBe(state);
}
