/** Histories that once failed, shrunk to the steps that matter: each stays to show that its bug does. */
import { describe, it } from 'vitest';
import { configurations } from './configurations.js';
import { runHistory } from './history.js';
import { regressions } from './regressions.js';

describe('a history that once failed', () => {
  it.each(regressions)('no longer does: $bug', async ({ seed, configuration, weather, keyspaces, steps }) => {
    const options = configurations.find(([title]) => title === configuration)![1];
    await runHistory({ seed, steps, options, weather, ...(keyspaces === undefined ? {} : { keyspaces }) });
  });
});
