// Guards against getting slower: this build and that of another revision, in one run, round by round.
//
//     npm run bench:compare -- <revision> [--only faulting] [--full] [--runs 7]
//
// Without --only it measures what is guarded; --full has all variants of a scenario in place of the quick ones.
// Ends with 1 when some figure is more than a fifth worse. What differs by less is noise on a shared machine.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createTable, ratioOf } from './lib/report.mjs';
import { measureVariant } from './lib/run.mjs';
import { chooseScenarios } from './lib/scenarios.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tolerated = 1.2;
const guarded = ['hot-get', 'codec', 'faulting', 'set', 'zipf', 'batch-get'];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', multiple: true, default: [] },
    runs: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
  },
});
const [revision] = positionals;
if (revision === undefined) {
  console.error('Which revision? npm run bench:compare -- <revision>');
  process.exit(2);
}

const chosen = chooseScenarios(options.only, guarded);

const folder = mkdtempSync(join(tmpdir(), 'swapstore-compare-'));
const checkout = join(folder, 'swapstore');
const git = (...args) => execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
let worse = 0;
try {
  git('worktree', 'add', '--detach', checkout, revision);
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'), 'junction');
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: checkout, stdio: 'inherit' });
  if (!existsSync(join(root, 'dist', 'index.js'))) {
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  }
  const dists = {
    now: pathToFileURL(join(root, 'dist', '/')).href,
    [revision]: pathToFileURL(join(checkout, 'dist', '/')).href,
  };
  const distOf = (side) => ({ side: 'swapstore', dist: dists[side] });
  const table = createTable(['', 'figure', 'now', revision, 'now / then']);
  for (const name of chosen) {
    const { default: scenario } = await import(`./scenarios/${name}.mjs`);
    for (const variant of scenario.variants) {
      if (!options.full && scenario.quick !== undefined && !scenario.quick.includes(variant.name)) continue;
      const how = { sides: Object.keys(dists), runs: Number(options.runs), ms: 200, distOf };
      const figures = await measureVariant(scenario, variant, how);
      const title = `${scenario.name} ${variant.name}`;
      for (const [figure, value] of Object.entries(figures.now)) {
        const then = figures[revision][figure];
        const ratio = typeof value === 'number' ? ratioOf(value, then, scenario.moreIsBetter) : Number.NaN;
        const isCost = !figure.includes('hit rate');
        if (isCost && !(ratio <= tolerated)) worse++;
        table.push([title, figure, String(value).slice(0, 7), String(then).slice(0, 7), ratio.toFixed(2)]);
      }
    }
  }
  console.log(table.toString());
  console.log(worse === 0 ? 'Nothing is worse.' : `${worse} figures are worse by more than a fifth.`);
} finally {
  rmSync(folder, { recursive: true, force: true });
  git('worktree', 'prune');
}
process.exitCode = worse === 0 ? 0 : 1;
