/** Histories by hand: `npm run sim -- --seed 1 --histories 1000 --steps 300`. One seed repeats one history exactly. */
import { expect, it } from 'vitest';
import { configurations } from './configurations.js';
import { runHistory } from './history.js';

const numberOf = (name: string, byDefault: number) => Number(process.env[name] ?? byDefault);

it('finds nothing wrong', { timeout: 2 ** 31 - 1 }, async () => {
  const seed = numberOf('SIM_SEED', 1);
  const histories = numberOf('SIM_HISTORIES', 1000);
  const steps = numberOf('SIM_STEPS', 300);
  const began = performance.now();
  let crashes = 0;
  for (let index = 0; index < histories; index++) {
    for (const [title, options] of configurations) {
      const outcome = await runHistory(seed + index, steps, options).catch((error: Error) => error);
      if (outcome instanceof Error) throw new Error(`${title}: ${outcome.message}`, { cause: outcome });
      crashes += outcome.crashes;
    }
  }
  const all = histories * configurations.length;
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${all} histories of ${steps} steps from seed ${seed}: ${crashes} crashes, ${seconds.toFixed(0)} s, ` +
      `${Math.round((all * steps) / seconds)} steps a second`,
  );
  expect(crashes).toBeGreaterThanOrEqual(0);
});
