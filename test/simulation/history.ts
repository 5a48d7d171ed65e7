/**
 * One history: a persistent store over a simulated machine, random calls from one seed, the power failing now and then.
 * The oracle knows what each key held when, and from which moment on a flush has promised to keep it.
 */
import type { SwapStoreOptions } from '../../dist/index.js';
import { SwapStore } from '../../dist/index.js';
import { Xorshift } from '../../dist/memory/xorshift.js';
import { checkInvariants } from '../../dist/pager/invariants.js';
import { pagerOf } from '../../dist/pager/pager-of.js';
import { World, withEnvironment } from '../support/environment.js';
import { MemoryDisk } from './memory-disk.js';
import { Oracle } from './oracle.js';

export const path = '/simulated/store';
const keyCount = 40;

/** Longer than any history. */
const ttlMs = 1e9;

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : (Object.values(value as Record<string, string>)[0] ?? '');
}

function hasTtl(store: SwapStore, key: string): boolean {
  const { table } = pagerOf(store).core;
  return table.expiresAtMs(table.find(key, table.hash(key))) !== 0;
}

/** Runs a history of `steps` calls; throws, with its seed, at the first thing that is not as it should be. */
export async function runHistory(
  seed: number,
  steps: number,
  options: SwapStoreOptions,
): Promise<{ crashes: number }> {
  const random = new Xorshift(seed * 2 + 1);
  const chance = () => random.below(2 ** 20) / 2 ** 20;
  const oracle = new Oracle();
  let base = new MemoryDisk();
  let world = new World(seed, 2 ** 20, base);
  /** In one go, or off the loop. */
  const open = (): Promise<SwapStore> => {
    const all = { path, persist: true, maxSwap: 2 ** 20, flushIntervalMs: 50, ...options };
    const given = withEnvironment(all, world.environment);
    return random.below(2) === 0 ? Promise.resolve(new SwapStore(given)) : world.drive(SwapStore.open(given));
  };
  let store = await open();
  let crashes = 0;
  const keyOf = () => `key:${random.below(keyCount)}`;
  const fail = (what: string): never => {
    throw new Error(`seed ${seed}: ${what}`);
  };
  let sets = 0;
  const set = (key: string) => {
    const lives = random.below(4) === 0;
    const text = `${lives ? 'ttl ' : ''}${seed}.${sets++} `;
    const value = text.repeat(1 + random.below(random.below(10) === 0 ? 400 : 30));
    // Records of many shapes: the index must know them all.
    store.set(key, { [`field${random.below(20)}`]: value }, { ttl: lives ? ttlMs : 0 });
    oracle.changed(key, value);
  };
  /** Begins a flush that is under way while other things happen. */
  const flushMeanwhile = () => {
    const { moment } = oracle;
    const began = crashes;
    void store.flush().then(
      () => {
        if (crashes === began) oracle.durable(moment);
      },
      () => {},
    );
  };
  for (let step = 0; step < steps; step++) {
    const what = random.below(100);
    const key = keyOf();
    if (what < 45) {
      set(key);
    } else if (what < 55) {
      store.delete(key);
      oracle.changed(key, undefined);
    } else if (what < 70) {
      if (textOf(store.get(key)) !== oracle.current(key)) fail(`${key} is wrong at step ${step}`);
    } else if (what < 76) {
      store.swapOutSync(key);
    } else if (what < 80) {
      const { moment } = oracle;
      await world.drive(store.flush());
      oracle.durable(moment);
    } else if (what < 84) {
      flushMeanwhile();
    } else if (what < 92) {
      await world.round();
    } else if (what < 95) {
      await world.live(20);
    } else if (what < 96) {
      for (const one of oracle.keys()) if (oracle.current(one) !== undefined) oracle.changed(one, undefined);
      store.clear();
    } else if (what < 97) {
      await world.drive(store.close());
      oracle.durable(oracle.moment);
      store = await open();
    } else if (what < 99) {
      // Often in the middle of a flush.
      if (random.below(3) > 0) {
        flushMeanwhile();
        for (let rounds = random.below(24); rounds > 0; rounds--) {
          if (random.below(2) === 0) set(keyOf());
          if (random.below(4) === 0) store.swapOutSync(keyOf());
          await world.round();
        }
      }
      crashes++;
      base = base.afterCrash(chance);
      world = new World(seed + step, 2 ** 20, base);
      store = await open();
      for (const one of [...oracle.keys()]) {
        const value = textOf(store.peek(one));
        if (value !== undefined && value.startsWith('ttl') !== hasTtl(store, one))
          fail(`${one} has lost its ttl`);
        if (!oracle.allows(one, value))
          fail(`after the crash at step ${step} ${one} is ${JSON.stringify(value?.slice(0, 20))}`);
        oracle.adopt(one, value);
      }
      oracle.restart();
      if (store.stats().corruptRecords > 0) fail(`the crash at step ${step} has left damage`);
    }
    if (step % 10 === 0) checkInvariants(store);
  }
  checkInvariants(store);
  await world.drive(store.close());
  return { crashes };
}
