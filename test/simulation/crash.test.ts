/** Power cuts over a simulated disk that loses, keeps and tears what was not synced, in three kinds of weather. */
import { describe, expect, it } from 'vitest';
import { configurations } from './configurations.js';
import { firstSteps, type Outcome, runHistory, type Weather } from './history.js';

const steps = firstSteps(300);

describe.each(configurations)('a persistent store with %s', (_title, options) => {
  /** Plays histories from seed 1 on, and adds up what they met. */
  async function play(count: number, weather: Weather, keyspaces = 1): Promise<Outcome> {
    const sum: Outcome = { crashes: 0, troubles: 0, refusals: 0, threadDeaths: 0 };
    for (let seed = 1; seed <= count; seed++) {
      const outcome = await runHistory({ seed, steps, options, weather, keyspaces });
      for (const name of Object.keys(sum) as Array<keyof Outcome>) sum[name] += outcome[name];
    }
    return sum;
  }

  it('keeps through every crash what was flushed, and gives no value that it should not', async () => {
    expect((await play(60, 'calm')).crashes).toBeGreaterThan(100);
  });

  it('does so while the disk fails, moves too little or is full, and threads die', async () => {
    const { troubles, refusals } = await play(40, 'errors');
    expect(troubles).toBeGreaterThan(500);
    expect(refusals).toBeGreaterThan(100);
  });

  it('does both with namespaces that are cleared now and then', async () => {
    expect((await play(40, 'calm', 3)).crashes).toBeGreaterThan(60);
    expect((await play(20, 'errors', 3)).refusals).toBeGreaterThan(50);
  });

  it('gives no wrong value while bits flip and writes go astray', async () => {
    expect((await play(40, 'corruption')).refusals).toBeGreaterThan(0);
  });
});
