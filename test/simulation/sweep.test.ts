/**
 * One script of operations on a persistent store, over and over: each time another call on the disk goes wrong, or the
 * power fails at another one. Whatever that does to the operation it met, what comes after finds every value that is
 * promised, no other, and a store that goes on.
 */
import { describe, expect, it } from 'vitest';
import { SwapError, SwapStore, type SwapStoreOptions } from '../../dist/index.js';
import { checkInvariants } from '../../dist/pager/invariants.js';
import { World, withEnvironment } from '../support/environment.js';
import { configurations, tune } from './configurations.js';
import { MemoryDisk, type Trouble } from './memory-disk.js';
import { Oracle } from './oracle.js';

const path = '/simulated/store';
const callsMax = 5000;

/** A store on a disk, and what it should hold. */
class Scene {
  readonly disk: MemoryDisk;
  readonly world: World;
  readonly oracle = new Oracle();
  readonly #options: SwapStoreOptions;
  store: SwapStore | undefined = undefined;

  constructor(options: SwapStoreOptions, disk = new MemoryDisk()) {
    this.#options = { path, persist: true, maxSwap: 2 ** 20, flushIntervalMs: 0, ...options };
    this.disk = disk;
    this.world = tune(new World(1, 2 ** 20, disk), options);
  }

  open(): void {
    this.store = new SwapStore(withEnvironment(this.#options, this.world.environment));
  }

  /** Does something; true when it was done, false when it was refused as a store refuses. */
  async attempt(action: (store: SwapStore) => unknown): Promise<boolean> {
    try {
      if (this.store === undefined) this.open();
      await this.world.drive(Promise.resolve(action(this.store!)));
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(SwapError);
      expect(['ERR_SWAP_IO', 'ERR_SWAP_FULL']).toContain((error as SwapError).code);
      return false;
    }
  }

  async set(key: string, value: string): Promise<void> {
    const before = this.oracle.current(key);
    // A crash in the middle may leave it either way.
    this.oracle.changed(key, value);
    if (!(await this.attempt((store) => store.set(key, { text: value })))) this.oracle.changed(key, before);
  }

  async delete(key: string): Promise<void> {
    const before = this.oracle.current(key);
    this.oracle.changed(key, undefined);
    if (!(await this.attempt((store) => store.delete(key)))) this.oracle.changed(key, before);
  }

  async get(key: string): Promise<void> {
    await this.attempt((store) => expect(textOf(store.get(key))).toBe(this.oracle.current(key)));
  }

  async flush(): Promise<void> {
    const { moment } = this.oracle;
    if (await this.attempt((store) => store.flush())) this.oracle.durable(moment);
  }

  /** Closes and opens again; what a close that failed has not made durable may be lost. */
  async reopen(): Promise<void> {
    const { moment } = this.oracle;
    const closed = await this.attempt((store) => store.close());
    if (closed) this.oracle.durable(moment);
    this.store = undefined;
    if (!(await this.attempt(() => undefined))) await this.attempt(() => undefined);
    if (!closed) this.expectAllowed();
  }

  /** After a crash, or what is like one. */
  expectAllowed(): void {
    for (const key of [...this.oracle.keys()]) {
      const value = textOf(this.store!.peek(key));
      expect(this.oracle.allows(key, value), `${key}: ${value?.slice(0, 20)}`).toBe(true);
      this.oracle.adopt(key, value);
    }
    this.oracle.restart();
  }

  expectCurrent(): void {
    for (const key of this.oracle.keys())
      expect(textOf(this.store!.get(key)), key).toBe(this.oracle.current(key));
  }
}

function textOf(value: unknown): string | undefined {
  return (value as { text: string } | undefined)?.text;
}

/** What all of them do. */
async function play(scene: Scene): Promise<void> {
  for (let key = 0; key < 12; key++)
    await scene.set(`key:${key}`, `first ${key} `.repeat(5 + 20 * (key % 4)));
  await scene.flush();
  for (let key = 0; key < 12; key += 3) await scene.set(`key:${key}`, `second ${key} `.repeat(40));
  await scene.delete('key:1');
  await scene.attempt((store) => store.swapOut('key:2'));
  await scene.get('key:5');
  await scene.flush();
  await scene.set('large', 'large '.repeat(12_000));
  await scene.delete('key:4');
  await scene.get('key:6');
  await scene.reopen();
  for (let key = 0; key < 12; key += 4) await scene.set(`key:${key}`, `third ${key} `.repeat(9));
  for (let key = 0; key < 12; key++) await scene.get(`key:${key}`);
  await scene.flush();
  await scene.delete('large');
  await scene.set('last', 'last');
  await scene.flush();
}

/** What must be true after a play in which something went wrong, and does no more. */
async function expectSound(scene: Scene, options: SwapStoreOptions): Promise<void> {
  if (scene.store === undefined) scene.open();
  checkInvariants(scene.store!);
  scene.expectCurrent();
  await scene.world.drive(scene.store!.flush());
  checkInvariants(scene.store!);
  const after = new Scene(
    options,
    scene.disk.afterCrash(() => 0),
  );
  after.open();
  for (const key of scene.oracle.keys())
    expect(textOf(after.store!.get(key)), `${key} after the crash`).toBe(scene.oracle.current(key));
  expect(after.store!.stats().corruptRecords).toBe(0);
  await after.world.drive(after.store!.close());
  await scene.world.drive(scene.store!.close());
}

/** How many calls a play without trouble makes. */
async function callsOf(options: SwapStoreOptions): Promise<number> {
  const scene = new Scene(options);
  let calls = 0;
  scene.disk.onCall = () => {
    calls++;
    return undefined;
  };
  await play(scene);
  expect(calls).toBeLessThan(callsMax);
  scene.disk.onCall = undefined;
  await expectSound(scene, options);
  return calls;
}

describe.each(configurations)('each call on the disk, with %s', (_title, options) => {
  const troubles: ReadonlyArray<readonly [string, Trouble]> = [
    ['fails with EIO', { kind: 'error', code: 'EIO' }],
    ['fails with ENOSPC', { kind: 'error', code: 'ENOSPC' }],
    ['moves one byte', { kind: 'short', bytes: 1 }],
    ['moves a sector and a bit', { kind: 'short', bytes: 513 }],
  ];
  it.each(troubles)('%s, and nothing is lost', async (_what, trouble) => {
    const calls = await callsOf(options);
    expect(calls).toBeGreaterThan(50);
    for (let k = 1; k <= calls; k++) {
      const scene = new Scene(options);
      let call = 0;
      scene.disk.onCall = () => (++call === k ? trouble : undefined);
      await play(scene);
      scene.disk.onCall = undefined;
      await expectSound(scene, options).catch((cause: Error) => {
        throw new Error(`call ${k} of ${calls}: ${cause.message}`, { cause });
      });
    }
  });

  it('may be the last before the power fails, whatever becomes of what was not synced', async () => {
    const calls = await callsOf(options);
    let disks = 0;
    const scene = new Scene(options);
    const found: Array<() => Promise<void>> = [];
    let call = 0;
    scene.disk.onCall = () => {
      const at = ++call;
      const { oracle } = scene;
      const allowed = oracle.copy();
      for (const disk of scene.disk.crashes()) {
        disks++;
        found.push(async () => {
          const after = new Scene(options, disk);
          after.open();
          for (const key of allowed.keys()) {
            const value = textOf(after.store!.get(key));
            const what = `call ${at} of ${calls}, ${key}: ${value?.slice(0, 20)}`;
            expect(allowed.allows(key, value), what).toBe(true);
          }
          expect(after.store!.stats().corruptRecords).toBe(0);
          checkInvariants(after.store!);
          await after.world.drive(after.store!.close());
        });
      }
      return undefined;
    };
    await play(scene);
    scene.disk.onCall = undefined;
    for (const check of found) await check();
    expect(disks).toBeGreaterThan(calls);
    await scene.world.drive(scene.store!.close());
  });
});
