// Measures swapstore beside its peers and the limits of the machine: npm run bench -- [--quick] [--only faulting --only zipf]
// [--out folder] [--runs 5]. Prints a table for each scenario, worst ratio first at the end, and writes results.json and
// charts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawCharts } from './lib/charts.mjs';
import { markdownOf } from './lib/markdown.mjs';
import { printScenario, printWorst } from './lib/report.mjs';
import { measureVariant } from './lib/run.mjs';
import { chooseScenarios, scenarioNames } from './lib/scenarios.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const dist = new URL('../dist/', import.meta.url);

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    out: { type: 'string', default: join(here, 'results') },
    runs: { type: 'string' },
  },
});

const chosen = chooseScenarios(options.only, scenarioNames);

function build() {
  if (existsSync(new URL('index.js', dist))) return;
  for (const command of [['ci'], ['run', 'build']]) {
    const shell = process.platform === 'win32';
    const { status } = spawnSync('npm', command, { cwd: dirname(here), stdio: 'inherit', shell });
    if (status !== 0) process.exit(1);
  }
}

build();
const ms = options.quick ? 100 : 500;
const results = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform}`,
  quick: options.quick,
  scenarios: [],
};
for (const name of chosen) {
  const { default: scenario } = await import(`./scenarios/${name}.mjs`);
  const runs = Number(options.runs ?? (options.quick ? 1 : (scenario.runs ?? 5)));
  const wanted = options.quick
    ? (scenario.quick ?? scenario.variants.map((variant) => variant.name))
    : undefined;
  const rows = [];
  for (const variant of scenario.variants) {
    if (wanted !== undefined && !wanted.includes(variant.name)) continue;
    const sides = scenario.sides(variant);
    const distOf = (side) => ({ side, dist: dist.href });
    rows.push({
      variant: variant.name,
      figures: await measureVariant(scenario, variant, { sides, runs, ms, distOf }),
    });
  }
  const { title, unit, moreIsBetter = false } = scenario;
  const result = { name, title, unit, moreIsBetter, runs, rows };
  results.scenarios.push(result);
  printScenario(result);
}
printWorst(results);
mkdirSync(options.out, { recursive: true });
writeFileSync(join(options.out, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
writeFileSync(join(options.out, 'results.md'), markdownOf(results));
await drawCharts(results, options.out);
console.log(`Written to ${options.out}`);
