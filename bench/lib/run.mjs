// Runs the sides of a scenario in processes of their own, one after another, round by round, so that whatever else the
// machine does meets all of them.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './measure.mjs';

const runSide = fileURLToPath(new URL('../run-side.mjs', import.meta.url));

/** The figures of one run under these flags of Node's, or what it failed with. */
function once(job, flags) {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--max-old-space-size=8192', ...flags, runSide, JSON.stringify(job)],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('close', (code) => {
      const line = output.trimEnd().split('\n').at(-1);
      if (code === 0 && line.startsWith('{')) resolve({ figures: JSON.parse(line) });
      else resolve({ failure: errors.match(/Error(?: \[\w+\])?: .*/)?.[0] ?? `it ended with ${code}` });
    });
  });
}

/**
 * All sides of a variant: their median figures by name. `builds` are the sides when several builds of the store are
 * compared; else there is one.
 */
export async function measureVariant(scenario, variant, { sides, runs, ms, distOf }) {
  const results = new Map(sides.map((side) => [side, { runs: [], failure: undefined }]));
  for (let run = 0; run < runs; run++) {
    for (const side of sides) {
      const result = results.get(side);
      if (result.failure !== undefined) continue;
      const { side: name, dist } = distOf(side);
      const outcome = await once(
        { scenario: scenario.name, variant, side: name, ms, dist },
        scenario.flagsOf?.(side) ?? [],
      );
      if (outcome.failure !== undefined) result.failure = outcome.failure;
      else result.runs.push(outcome.figures);
    }
  }
  const figures = {};
  for (const [side, { runs: all, failure }] of results) {
    if (failure !== undefined) {
      figures[side] = { failure };
      continue;
    }
    const names = Object.keys(all[0] ?? {});
    figures[side] = Object.fromEntries(names.map((name) => [name, median(all.map((one) => one[name]))]));
  }
  return figures;
}
