/** Power cuts over a simulated disk that loses, keeps and tears what was not synced. */
import { describe, expect, it } from 'vitest';
import type { SwapStoreOptions } from '../../dist/index.js';
import { runHistory } from './history.js';

const configurations: ReadonlyArray<readonly [string, SwapStoreOptions]> = [
  ['plenty of memory', { maxMemory: 2 ** 20, threads: 1 }],
  ['little memory', { maxMemory: 8192, threads: 1 }],
  ['no memory, no threads', { maxMemory: 0, threads: 0 }],
  ['little memory, compressed', { maxMemory: 8192, threads: 2, compression: 'deflate' }],
  ['large pages, flushed by hand alone', { maxMemory: 8192, threads: 0, pageSize: 4096, flushIntervalMs: 0 }],
];

describe.each(configurations)('a persistent store with %s', (_title, options) => {
  it('keeps through every crash what was flushed, and gives no value that it should not', async () => {
    let crashes = 0;
    for (let seed = 1; seed <= 60; seed++) crashes += (await runHistory(seed, 300, options)).crashes;
    expect(crashes).toBeGreaterThan(100);
  });
});
