/**
 * One history: a persistent store over a simulated machine, random calls from one seed, the power failing now and then,
 * and, where that is wanted, the disk and the threads failing, too. The oracle knows what each key may hold.
 */
import type { SwapStoreOptions } from '../../dist/index.js';
import { type Keyspace, Namespace, SwapError, SwapStore } from '../../dist/index.js';
import { Xorshift } from '../../dist/memory/xorshift.js';
import { checkInvariants } from '../../dist/pager/invariants.js';
import { World, withEnvironment } from '../support/environment.js';
import { hasBursts, tune } from './configurations.js';
import { type Call, MemoryDisk, type Trouble } from './memory-disk.js';
import { Oracle } from './oracle.js';

const path = '/simulated/store';
const keyCount = 40;
/** Longer than any history. */
const ttlMs = 1e9;
/** After so long a store has forgotten that the disk was full. */
const restMs = 2000;
const traceMax = 40;
/** Attempts to open a store on a disk that fails, before it is left in peace. */
const opensMax = 3;

/**
 * What goes wrong beside the power: nothing; calls on the disk fail, move too little, come in any order, or find it full,
 * and threads die; or what is read is not what was written.
 */
export type Weather = 'calm' | 'errors' | 'corruption';

/** A history that went wrong, after how many steps, and what happened last. */
export class Failure extends Error {
  readonly step: number;

  constructor(seed: number, step: number, trace: readonly string[], cause: unknown) {
    super(`seed ${seed}, step ${step}: ${(cause as Error).message}\n  ${trace.join('\n  ')}`, { cause });
    this.step = step;
  }
}

/** What a history has met. */
export interface Outcome {
  crashes: number;
  /** Calls on the disk that went wrong. */
  troubles: number;
  /** Operations that were refused for it. */
  refusals: number;
  threadDeaths: number;
}

/** What repeats a history exactly. */
export interface Script {
  readonly seed: number;
  /** The numbers of its steps; each does the same whichever others there are. */
  readonly steps: Iterable<number>;
  readonly options: SwapStoreOptions;
  readonly weather: Weather;
  /** The keys are shared out among so many, the store's own and namespaces. Default 1: the store's own. */
  readonly keyspaces?: number;
}

/** The first `count` steps. */
export function firstSteps(count: number): number[] {
  return Array.from({ length: count }, (_, step) => step);
}

/** Plays a history; throws a Failure at the first thing that is not as it should be. */
export async function runHistory({ seed, steps, options, weather, keyspaces = 1 }: Script): Promise<Outcome> {
  const history = new History(seed, options, weather, keyspaces);
  let at = 0;
  try {
    await history.begin();
    for (const step of steps) {
      at = step;
      await history.step(step);
    }
    await history.end();
  } catch (cause) {
    throw new Failure(seed, at, history.trace, cause);
  }
  return history.outcome;
}

class History {
  readonly outcome: Outcome = { crashes: 0, troubles: 0, refusals: 0, threadDeaths: 0 };
  readonly #seed: number;
  readonly #given: SwapStoreOptions;
  readonly #options: SwapStoreOptions;
  readonly #weather: Weather;
  readonly #keyspaces: number;
  /** Of the step that is being taken. */
  #random: Xorshift;
  readonly #oracle = new Oracle();
  #disk = new MemoryDisk();
  #world: World;
  #store: SwapStore | undefined = undefined;
  /** What happened last. */
  readonly trace: string[] = [];
  #sets = 0;
  /** While the disk is full, until this step. */
  #fullUntil = 0;
  #isCalm = true;

  constructor(seed: number, options: SwapStoreOptions, weather: Weather, keyspaces: number) {
    this.#seed = seed;
    this.#given = options;
    this.#options = { path, persist: true, maxSwap: 2 ** 20, flushIntervalMs: 50, ...options };
    this.#weather = weather;
    this.#keyspaces = keyspaces;
    this.#random = randomOf(seed, -1);
    this.#world = this.#worldOn(this.#disk, seed);
  }

  async begin(): Promise<void> {
    await this.#open();
  }

  async step(step: number): Promise<void> {
    this.#isCalm = false;
    const { outcome } = this;
    const random = randomOf(this.#seed, step);
    this.#random = random;
    const what = random.below(100);
    const key = this.#keyOf();
    if (this.#weather === 'errors' && random.below(60) === 0) this.#fullUntil = step + random.below(12);
    if (this.#weather === 'errors' && random.below(40) === 0) {
      this.#world.threads.kill();
      outcome.threadDeaths++;
    }
    if (this.#fullUntil < step) this.#fullUntil = 0;
    if (what < 45 && hasBursts(this.#given)) this.#burst();
    else if (what < 45) await this.#set(key);
    else if (what < 55) await this.#change(key, undefined, (store) => this.#in(store, key).delete(key));
    else if (what < 64) await this.#get(key);
    else if (what < 70) await this.#load(key);
    else if (what < 76) await this.#attempt((store) => this.#in(store, key).swapOutSync(key));
    else if (what < 80) await this.#flush();
    else if (what < 84) this.#flushMeanwhile();
    else if (what < 91) await this.#world.round();
    else if (what < 93) await this.#world.live(20);
    else if (what < 94) await this.#crash(step, () => this.#disk.afterKill());
    else if (what < 95 || (what === 99 && this.#keyspaces > 1)) this.#clear();
    else if (what < 97) await this.#reopen();
    else if (what < 99) await this.#crash(step, () => this.#disk.afterCrash(() => this.#chance()));
    if (step % 10 === 0) checkInvariants(this.#store!);
    this.#isCalm = true;
  }

  async end(): Promise<void> {
    this.#isCalm = true;
    this.#fullUntil = 0;
    await this.#world.live(restMs);
    checkInvariants(this.#store!);
    for (const key of this.#oracle.keys()) await this.#get(key);
    await this.#world.drive(this.#store!.close());
  }

  // ── The weather ──

  #worldOn(disk: MemoryDisk, seed: number): World {
    const world = tune(new World(seed, 2 ** 20, disk), this.#given);
    if (this.#weather === 'errors') world.disk.pickAsynchronous = (count) => this.#random.below(count);
    disk.onCall = (call, file) => {
      const trouble = this.#isCalm ? undefined : this.#troubleOf(call, file);
      if (trouble === undefined) return undefined;
      this.outcome.troubles++;
      this.#note(`  ${call} ${file ?? ''}: ${Object.values(trouble).join(' ')}`);
      return trouble;
    };
    return world;
  }

  #troubleOf(call: Call, file: string | undefined): Trouble | undefined {
    const random = this.#random;
    const moves = call === 'read' || call === 'write';
    if (this.#weather === 'errors') {
      if (call === 'write' && this.#fullUntil > 0) return { kind: 'error', code: 'ENOSPC' };
      if (moves && random.below(8) === 0) return { kind: 'short', bytes: 1 + random.below(700) };
      if (random.below(moves ? 50 : 12) === 0) return { kind: 'error', code: 'EIO' };
    }
    // Of the values' file alone: what a damaged index costs has a test of its own.
    if (this.#weather === 'corruption' && moves && file === path) {
      const what = random.below(100);
      if (what < 2) return { kind: 'flipped', bit: random.below(2 ** 20) };
      if (what < 3 && call === 'write') return { kind: 'misdirected', by: 64 * (1 + random.below(20)) };
    }
    return undefined;
  }

  /** True when `error` is what this weather may bring. */
  #isRefusal(error: unknown): boolean {
    if (!(error instanceof SwapError)) return false;
    const { code } = error;
    if (this.#weather === 'errors') return code === 'ERR_SWAP_IO' || code === 'ERR_SWAP_FULL';
    return this.#weather === 'corruption' && code === 'ERR_SWAP_CORRUPT';
  }

  /** Does something; false when it was refused. */
  async #attempt(action: (store: SwapStore) => unknown): Promise<boolean> {
    try {
      await this.#world.drive(Promise.resolve(action(this.#store!)));
      return true;
    } catch (error) {
      return this.#refused(error);
    }
  }

  /** The same at once. */
  #refusable(action: (store: SwapStore) => unknown): boolean {
    try {
      action(this.#store!);
      return true;
    } catch (error) {
      return this.#refused(error);
    }
  }

  #refused(error: unknown): false {
    if (!this.#isRefusal(error)) throw error;
    this.outcome.refusals++;
    this.#note(`  refused: ${(error as SwapError).code}`);
    return false;
  }

  // ── What is done ──

  #note(what: string): void {
    this.trace.push(what);
    if (this.trace.length > traceMax) this.trace.shift();
  }

  #chance(): number {
    return this.#random.below(2 ** 20) / 2 ** 20;
  }

  #keyOf(): string {
    return `key:${this.#random.below(keyCount)}`;
  }

  #nameOf(key: string): string {
    const number = Number(key.slice('key:'.length)) % this.#keyspaces;
    return number === 0 ? '' : `space${number}`;
  }

  #nameIn(space: Keyspace): string {
    return space instanceof Namespace ? space.name : '';
  }

  /** Where a key is. */
  #in(store: SwapStore, key: string): Keyspace {
    const name = this.#nameOf(key);
    return name === '' ? store : store.namespace(name);
  }

  /** Calls one after another, most of them of `set`, and no turn of the loop between them. */
  #burst(): void {
    const random = this.#random;
    for (let calls = 1 + random.below(12); calls > 0; calls--) {
      const key = this.#keyOf();
      const what = random.below(10);
      if (what === 0) this.#changeNow(key, undefined, (store) => this.#in(store, key).delete(key));
      else if (what === 1) this.#getNow(key);
      else if (what === 2) this.#refusable((store) => this.#in(store, key).swapOutSync(key));
      else this.#setNow(key);
    }
  }

  #setNow(key: string): void {
    const { value, set } = this.#nextSet(key);
    this.#changeNow(key, value, set);
  }

  #changeNow(key: string, value: string | undefined, action: (store: SwapStore) => unknown): void {
    const before = this.#oracle.current(key);
    this.#note(`${key} = ${value?.slice(0, 10)} at once`);
    this.#oracle.changed(key, value);
    if (!this.#refusable(action)) this.#oracle.changed(key, before);
  }

  #getNow(key: string): void {
    const expected = this.#oracle.current(key);
    this.#refusable((store) => {
      if (textOf(this.#in(store, key).get(key)) !== expected) throw new Error(`${key} is wrong`);
    });
  }

  async #set(key: string): Promise<void> {
    const { value, set } = this.#nextSet(key);
    await this.#change(key, value, set);
  }

  /** The next value, and what sets it. */
  #nextSet(key: string): { value: string; set: (store: SwapStore) => unknown } {
    const random = this.#random;
    const lives = random.below(4) === 0;
    const text = `${lives ? 'ttl ' : ''}${this.#seed}.${this.#sets++} `;
    const value = text.repeat(1 + random.below(random.below(10) === 0 ? 400 : 30));
    // Records of many shapes: the index must know them all.
    const record = { [`field${random.below(20)}`]: value };
    const set = (store: SwapStore): unknown =>
      this.#in(store, key).set(key, record, { ttl: lives ? ttlMs : 0 });
    return { value, set };
  }

  async #change(
    key: string,
    value: string | undefined,
    action: (store: SwapStore) => unknown,
  ): Promise<void> {
    const before = this.#oracle.current(key);
    this.#note(`${key} = ${value?.slice(0, 10)}`);
    this.#oracle.changed(key, value);
    if (!(await this.#attempt(action))) this.#oracle.changed(key, before);
  }

  async #get(key: string): Promise<void> {
    const expected = this.#oracle.current(key);
    await this.#attempt((store) => {
      if (textOf(this.#in(store, key).get(key)) !== expected) throw new Error(`${key} is wrong`);
    });
  }

  async #load(key: string): Promise<void> {
    const expected = this.#oracle.current(key);
    await this.#attempt(async (store) => {
      if (textOf(await this.#in(store, key).load(key)) !== expected)
        throw new Error(`${key} is loaded wrong`);
    });
  }

  async #flush(): Promise<void> {
    const { moment } = this.#oracle;
    this.#note(`flush as of ${moment}`);
    if (await this.#attempt((store) => store.flush())) this.#oracle.durable(moment);
  }

  /** Begins a flush that is under way while other things happen. */
  #flushMeanwhile(): void {
    const { moment } = this.#oracle;
    const began = this.outcome.crashes;
    this.#note(`flush begins as of ${moment}`);
    this.#store!.flush().then(
      () => {
        if (this.outcome.crashes === began) this.#oracle.durable(moment);
        this.#note(`flushed as of ${moment}`);
      },
      () => this.#note(`not flushed as of ${moment}`),
    );
  }

  #clear(): void {
    const space = this.#in(this.#store!, this.#keyOf());
    for (const key of this.#oracle.keys()) {
      const isThere = this.#oracle.current(key) !== undefined;
      if (isThere && this.#nameOf(key) === this.#nameIn(space)) this.#oracle.changed(key, undefined);
    }
    this.#note(`clear ${this.#nameIn(space)}`);
    space.clear();
  }

  async #reopen(): Promise<void> {
    const { moment } = this.#oracle;
    this.#note('close');
    const closed = await this.#attempt((store) => store.close());
    // A flush that was under way has ended with the store, and may not speak for the next one.
    this.outcome.crashes++;
    if (closed) this.#oracle.durable(moment);
    await this.#open();
    if (!closed) this.#compare();
  }

  /** The process ends here, and perhaps the machine; `after` makes the disk that is found then. */
  async #crash(step: number, after: () => MemoryDisk): Promise<void> {
    const random = this.#random;
    // Often in the middle of a flush.
    if (random.below(3) > 0) {
      this.#flushMeanwhile();
      for (let rounds = random.below(24); rounds > 0; rounds--) {
        if (random.below(2) === 0) await this.#set(this.#keyOf());
        if (random.below(4) === 0) {
          const key = this.#keyOf();
          await this.#attempt((store) => this.#in(store, key).swapOutSync(key));
        }
        await this.#world.round();
      }
    }
    this.outcome.crashes++;
    this.#note('crash');
    this.#disk = after();
    this.#world = this.#worldOn(this.#disk, this.#seed + step);
    await this.#open();
    this.#compare();
  }

  /** Opens the store, in one go or off the loop; in the end nothing stands in its way. */
  async #open(): Promise<void> {
    for (let opens = 0; ; opens++) {
      // What damage to the block that says what a file is costs is another test's.
      if (opens >= opensMax || this.#weather === 'corruption') this.#isCalm = true;
      try {
        const given = withEnvironment(this.#options, this.#world.environment);
        const atOnce = this.#random.below(2) === 0;
        this.#store = atOnce ? new SwapStore(given) : await this.#world.drive(SwapStore.open(given));
        break;
      } catch (error) {
        if (!this.#isRefusal(error)) throw error;
        this.outcome.refusals++;
      }
    }
    this.#isCalm = false;
  }

  /** After a crash the store is what it is, as long as that is allowed. */
  #compare(): void {
    const store = this.#store!;
    this.#isCalm = true;
    for (const key of [...this.#oracle.keys()]) {
      let value: string | undefined;
      try {
        value = textOf(this.#in(store, key).peek(key));
      } catch (error) {
        if (!this.#isRefusal(error)) throw error;
        // Damaged for good: whatever it was, nobody will see it.
        this.#in(store, key).delete(key);
        this.#oracle.adopt(key, undefined);
        continue;
      }
      if (!this.#oracle.allows(key, value))
        throw new Error(`after the crash ${key} is ${JSON.stringify(value?.slice(0, 20))}`);
      if (
        value !== undefined &&
        value.startsWith('ttl') !== Number.isFinite(this.#in(store, key).remainingTtl(key))
      )
        throw new Error(`${key} has lost its ttl`);
      this.#oracle.adopt(key, value);
    }
    this.#oracle.restart();
    if (this.#weather !== 'corruption' && store.stats().corruptRecords > 0)
      throw new Error('the crash has left damage');
    this.#isCalm = false;
  }
}

/** Each step has its own, so that it does the same whichever others there are. */
function randomOf(seed: number, step: number): Xorshift {
  const mixed = Math.imul(seed, 0x9e3779b1) ^ Math.imul(step + 2, 0x85ebca6b);
  const spread = Math.imul(mixed ^ (mixed >>> 16), 0xc2b2ae35);
  return new Xorshift(Math.imul(spread ^ (spread >>> 13), 0x27d4eb2f));
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : (Object.values(value as Record<string, string>)[0] ?? '');
}
