/**
 * Histories by hand: `npm run sim -- --seed 1 --histories 1000 --steps 300`, or `--seconds 60` from a seed that is drawn
 * and printed. One seed repeats one history exactly; one that fails is shrunk, and printed as what regressions.ts holds.
 */
import { randomInt } from 'node:crypto';
import { it } from 'vitest';
import { configurations } from './configurations.js';
import { Failure, firstSteps, runHistory, type Weather } from './history.js';
import { shrink } from './shrink.js';

const weathers: readonly Weather[] = ['calm', 'errors', 'corruption'];
const given = (name: string) => process.env[`SIM_${name}`];

it('finds nothing wrong', { timeout: 2 ** 31 - 1 }, async () => {
  const firstSeed = Number(given('SEED') ?? randomInt(2 ** 31));
  const seconds = given('SECONDS') === undefined ? Number.POSITIVE_INFINITY : Number(given('SECONDS'));
  const byDefault = seconds === Number.POSITIVE_INFINITY ? 1000 : Number.POSITIVE_INFINITY;
  const seeds = Number(given('HISTORIES') ?? byDefault);
  const stepCount = Number(given('STEPS') ?? 300);
  const steps = firstSteps(stepCount);
  const began = performance.now();
  const passed = () => (performance.now() - began) / 1000;
  const met = { histories: 0, crashes: 0, troubles: 0, refusals: 0, threadDeaths: 0 };
  console.log(`histories of ${stepCount} steps from seed ${firstSeed}`);
  for (let index = 0; index < seeds && passed() < seconds; index++) {
    for (const [configuration, options] of configurations) {
      for (const weather of weathers) {
        // Every other history has namespaces.
        const keyspaces = index % 2 === 0 ? 1 : 3;
        const script = { seed: firstSeed + index, steps, options, weather, keyspaces };
        try {
          const { crashes, troubles, refusals, threadDeaths } = await runHistory(script);
          met.histories++;
          met.crashes += crashes;
          met.troubles += troubles;
          met.refusals += refusals;
          met.threadDeaths += threadDeaths;
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          console.log(`failed after ${met.histories} histories`);
          const left = await shrink({ ...script, steps: firstSteps(error.step + 1) });
          const found = { seed: script.seed, configuration, weather, keyspaces, steps: left };
          const again = await runHistory({ ...script, steps: left }).catch((failure: Failure) => failure);
          throw new Error(`${JSON.stringify(found)}\n${(again as Failure).message}`, { cause: error });
        }
      }
    }
  }
  const rate = Math.round((met.histories * stepCount) / passed());
  console.log(`${JSON.stringify(met)} in ${passed().toFixed(0)} s, ${rate} steps a second`);
});
