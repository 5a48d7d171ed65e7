/** Power cuts over a simulated disk that loses, keeps and tears what was not synced. */
import { describe, expect, it } from 'vitest';
import { configurations } from './configurations.js';
import { runHistory } from './history.js';

describe.each(configurations)('a persistent store with %s', (_title, options) => {
  it('keeps through every crash what was flushed, and gives no value that it should not', async () => {
    let crashes = 0;
    for (let seed = 1; seed <= 60; seed++) crashes += (await runHistory(seed, 300, options)).crashes;
    expect(crashes).toBeGreaterThan(100);
  });
});
