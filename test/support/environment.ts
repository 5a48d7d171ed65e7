/** A world of the test's own for a store: time, randomness, disk and threads, and the means to drive them. */
import { type Disk, type Environment, environmentKey } from '../../dist/environment.js';
import type { SwapStoreOptions } from '../../dist/index.js';
import { ManualClock, microtasks } from './clock.js';
import { FaultyDisk } from './faulty-disk.js';
import { seededRandom } from './random.js';
import { ManualThreads } from './threads.js';

/** The options with `environment` under them. */
export function withEnvironment(options: SwapStoreOptions, environment: Environment): SwapStoreOptions {
  return Object.assign({}, options, { [environmentKey]: environment });
}

/** More rounds than any test needs; who passes it runs in circles or waits for what never comes. */
const roundsMax = 5_000;
/** Rounds without any progress after which `drive` lets time pass. */
const idleRoundsMax = 20;
const idleAdvanceMs = 10;

export class World {
  readonly clock = new ManualClock();
  readonly disk: FaultyDisk;
  readonly threads: ManualThreads;
  readonly environment: { -readonly [name in keyof Environment]: Environment[name] };

  constructor(seed?: number, residentsMax = 2 ** 20, base?: Disk) {
    this.disk = new FaultyDisk(this.clock, base);
    this.threads = new ManualThreads(this.disk);
    this.environment = {
      clock: this.clock,
      random: seededRandom(seed),
      disk: this.disk,
      threads: this.threads,
      residentsMax,
      // The test is the scheduler, and its threads do all writes; but for the tests of what is written without them.
      cheapWriteUsMax: 0,
      bulkLoadMin: 4,
      // Small, so that what is rare in a real store is frequent here.
      indexBytesMin: 512,
      indexBlockBytes: 256,
    };
  }

  /** A turn of the loop with no thread running: what the main thread does by itself. */
  async pump(turns = 10): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await this.clock.turn();
  }

  /** One round: every job that is queued, every call off the loop, one turn. True when anything happened. */
  async round(): Promise<boolean> {
    let busy = false;
    // No message of a thread overtakes the promises that are settled already.
    await microtasks();
    while (this.threads.step()) {
      busy = true;
      await microtasks();
    }
    while (this.disk.stepAsynchronous()) busy = true;
    return (await this.clock.turn()) || busy;
  }

  /** Rounds until nothing is left to do; time stands still. Fails when that never comes. */
  async settle(): Promise<void> {
    for (let round = 0; round < roundsMax; round++) if (!(await this.round())) return;
    throw new Error('the store never comes to rest');
  }

  /** Rounds until `promise` is settled; lets time pass only when nothing else moves. */
  async drive<T>(promise: Promise<T>): Promise<T> {
    const watched = watch(promise);
    let idleRounds = 0;
    for (let round = 0; round < roundsMax && !watched.settled; round++) {
      if (await this.round()) {
        idleRounds = 0;
      } else if (++idleRounds >= idleRoundsMax) {
        await this.clock.advance(idleAdvanceMs);
      }
    }
    if (!watched.settled) throw new Error('the promise never settles');
    return promise;
  }

  /** Time passes in steps of `stepMs`, with everything that comes to be done meanwhile. */
  async live(ms: number, stepMs = 100): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      await this.clock.advance(stepMs);
      await this.settle();
    }
  }
}

export interface Watched {
  settled: boolean;
  outcome: 'pending' | 'fulfilled' | 'rejected';
  value: unknown;
}

/** Whether a promise is settled, and how, without waiting for it; its rejection counts as handled. */
export function watch(promise: Promise<unknown>): Watched {
  const watched: Watched = { settled: false, outcome: 'pending', value: undefined };
  promise.then(
    (value) => Object.assign(watched, { settled: true, outcome: 'fulfilled', value }),
    (value) => Object.assign(watched, { settled: true, outcome: 'rejected', value }),
  );
  return watched;
}
