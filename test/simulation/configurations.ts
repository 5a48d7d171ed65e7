/** What the histories are run with. */
import type { SwapStoreOptions } from '../../dist/index.js';

export const configurations: ReadonlyArray<readonly [string, SwapStoreOptions]> = [
  ['plenty of memory', { maxMemory: 2 ** 20, threads: 1 }],
  ['little memory', { maxMemory: 8192, threads: 1 }],
  ['no memory, no threads', { maxMemory: 0, threads: 0 }],
  ['little memory, compressed', { maxMemory: 8192, threads: 2, compression: 'deflate' }],
  [
    'little memory, encrypted',
    { maxMemory: 8192, threads: 1, encryption: Uint8Array.from({ length: 32 }, (_, index) => index) },
  ],
  ['large pages, flushed by hand alone', { maxMemory: 8192, threads: 0, pageSize: 4096, flushIntervalMs: 0 }],
];
