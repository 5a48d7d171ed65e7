// Force, on real processes and disks: npm run torture [-- --short] [--only "part of a name"] [--minutes 60]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as blockedLoop from './blocked-loop.mjs';
import * as fullFilesystem from './full-filesystem.mjs';
import * as limits from './limits.mjs';
import * as racers from './racers.mjs';
import * as slowDevice from './slow-device.mjs';
import * as soak from './soak.mjs';
import * as threads from './threads.mjs';
import * as vandals from './vandals.mjs';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    minutes: { type: 'string', default: '60' },
  },
});
const { short, only } = values;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** In its short form it is a part of the suite. */
const kills = {
  name: 'a thousand times SIGKILL',
  cannot: () => (short ? 'npm test does it, a few times' : undefined),
  run() {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const env = { ...process.env, KILLS: '1000' };
    const test = spawnSync(process.execPath, [vitest, 'run', 'test/e2e/kill.test.ts'], {
      cwd: root,
      env,
      encoding: 'utf8',
    });
    if (test.status !== 0) throw new Error(test.stdout);
    return 'nothing lost';
  },
};

const directory = mkdtempSync(join(tmpdir(), 'swapstore-torture-'));
const given = {
  directory,
  short,
  minutes: Number(values.minutes),
  dist: new URL('../../dist/index.js', import.meta.url).href,
};
let failed = 0;
try {
  for (const scenario of [
    fullFilesystem,
    limits,
    vandals,
    threads,
    racers,
    blockedLoop,
    slowDevice,
    kills,
    soak,
  ]) {
    if (!scenario.name.includes(only)) continue;
    const began = performance.now();
    const reason = scenario.cannot();
    let said;
    try {
      said = reason === undefined ? await scenario.run(given) : `left out: ${reason}`;
    } catch (error) {
      failed++;
      said = `FAILED: ${error.stack}`;
    }
    console.log(`${scenario.name} (${((performance.now() - began) / 1000).toFixed(0)} s): ${said}`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
