/** What the histories are run with. */
import type { SwapStoreOptions } from '../../dist/index.js';
import type { World } from '../support/environment.js';

/** Here the threads write the first batches, and the main thread all others. */
const writesHere: SwapStoreOptions = { maxMemory: 8192, threads: 1 };

/** Makes a world what a configuration is for. */
export function tune(world: World, options: SwapStoreOptions): World {
  if (options === writesHere) world.environment.cheapWriteUsMax = 1e9;
  return world;
}

export const configurations: ReadonlyArray<readonly [string, SwapStoreOptions]> = [
  ['plenty of memory', { maxMemory: 2 ** 20, threads: 1 }],
  ['little memory', { maxMemory: 8192, threads: 1 }],
  ['little memory, written without threads', writesHere],
  ['no memory, no threads', { maxMemory: 0, threads: 0 }],
  ['little memory, compressed', { maxMemory: 8192, threads: 2, compression: 'deflate' }],
  [
    'little memory, encrypted',
    { maxMemory: 8192, threads: 1, encryption: Uint8Array.from({ length: 32 }, (_, index) => index) },
  ],
  ['large pages, flushed by hand alone', { maxMemory: 8192, threads: 0, pageSize: 4096, flushIntervalMs: 0 }],
];
