// Simulated histories of a persistent store: npm run sim -- [--seed 1] [--histories 1000 | --seconds 60] [--steps 300]
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    histories: { type: 'string' },
    seconds: { type: 'string' },
    steps: { type: 'string' },
  },
});
const env = { ...process.env };
for (const [name, value] of Object.entries(values)) env[`SIM_${name.toUpperCase()}`] = value;
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const run = spawnSync(process.execPath, [vitest, 'run', '--config', 'vitest.sim.config.ts'], {
  stdio: 'inherit',
  env,
});
process.exitCode = run.status ?? 1;
