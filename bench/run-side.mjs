// One side of one scenario, once, in a process of its own: node --expose-gc run-side.mjs <job as JSON>. Prints its
// figures as JSON on the last line.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { scenario: name, variant, side, ms, dist } = JSON.parse(process.argv[2]);
const { default: scenario } = await import(`./scenarios/${name}.mjs`);
const directory = mkdtempSync(join(tmpdir(), 'swapstore-bench-'));
try {
  const figures = await scenario.run({ variant, side, ms, directory, dist });
  process.stdout.write(`\n${JSON.stringify(figures)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
// Peers keep handles open that nobody closes.
process.exit(0);
