/** What the histories are run with. */
import type { SwapStoreOptions } from '../../dist/index.js';
import type { World } from '../support/environment.js';

/** Here the threads write the first batches, and the main thread all others. */
const writesHere: SwapStoreOptions = { maxMemory: 8192, threads: 1 };

/** Besides, what is set need not stay: it waits in a buffer for its write as soon as the next comes. */
const writesBehind: SwapStoreOptions = { maxMemory: 2048, threads: 2 };

/** Makes a world what a configuration is for. */
export function tune(world: World, options: SwapStoreOptions): World {
  if (options === writesHere) world.environment.cheapWriteUsMax = 1e9;
  if (options === writesBehind) {
    world.environment.cheapWriteUsMax = Number.POSITIVE_INFINITY;
    world.environment.bulkLoadMin = 0;
  }
  return world;
}

/** True where calls come several at a time, with no turn of the event loop between them. */
export function hasBursts(options: SwapStoreOptions): boolean {
  return options === writesBehind;
}

export const configurations: ReadonlyArray<readonly [string, SwapStoreOptions]> = [
  ['plenty of memory', { maxMemory: 2 ** 20, threads: 1 }],
  ['little memory', { maxMemory: 8192, threads: 1 }],
  ['little memory, written without threads', writesHere],
  ['hardly any memory, written behind', writesBehind],
  ['no memory, no threads', { maxMemory: 0, threads: 0 }],
  ['little memory, compressed', { maxMemory: 8192, threads: 2, compression: 'deflate' }],
  [
    'little memory, encrypted',
    { maxMemory: 8192, threads: 1, encryption: Uint8Array.from({ length: 32 }, (_, index) => index) },
  ],
  ['large pages, flushed by hand alone', { maxMemory: 8192, threads: 0, pageSize: 4096, flushIntervalMs: 0 }],
];
