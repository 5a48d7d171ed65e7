// Replays a folder of access traces through the store and through simulators of other policies, and prints how often a
// request met its value in memory: npm run replay -- <folder> [--out folder] [--only trace]
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { drawHitRates } from './lib/charts.mjs';
import { random } from './lib/random.mjs';
import { Arc } from './simulators/arc.mjs';
import { Clairvoyant } from './simulators/clairvoyant.mjs';
import { Lru } from './simulators/lru.mjs';
import { S3Fifo } from './simulators/s3-fifo.mjs';
import { Sieve } from './simulators/sieve.mjs';
import { Swappability } from './simulators/swappability.mjs';
import { WTinyLfu } from './simulators/w-tiny-lfu.mjs';
import { readTraces } from './traces/read.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const shares = [0.01, 0.05, 0.1, 0.25];
const simulators = {
  LRU: Lru,
  'seed’s sampling': Swappability,
  SIEVE: Sieve,
  'S3-FIFO': S3Fifo,
  ARC: Arc,
  'W-TinyLFU': WTinyLfu,
  optimum: Clairvoyant,
};
const policies = ['adaptive', 'lru', 'swappability'];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: join(here, 'results') }, only: { type: 'string', default: '' } },
});
if (positionals.length !== 1) {
  console.error('npm run replay -- <folder of traces>: *.trace, *.trace.gz, *.trace.xz');
  process.exit(1);
}
const { SwapStore } = await import(new URL('../dist/index.js', import.meta.url));

/** Hits by requests and by bytes, in per cent. */
function ratesOf(trace, requestHits) {
  let hits = 0;
  let hitBytes = 0;
  let bytes = 0;
  for (let at = 0; at < trace.keys.length; at++) {
    const size = trace.sizes[at];
    bytes += size;
    if (!requestHits(trace.keys[at], size)) continue;
    hits++;
    hitBytes += size;
  }
  return { hitRate: (100 * hits) / trace.keys.length, byteHitRate: (100 * hitBytes) / bytes };
}

function simulate(Simulator, trace, capacity, entriesMax) {
  const simulator = new Simulator(capacity, random(7), entriesMax, trace.keys);
  return ratesOf(trace, (key, size) => simulator.request(key, size));
}

/** The store itself: every key is in it from its first request on, in memory or in the file. */
async function replay(policy, trace, capacity) {
  const store = new SwapStore({ maxMemory: capacity, maxSwap: 2 ** 33, policy, threads: 0 });
  const rates = ratesOf(trace, (key, size) => {
    const name = String(key);
    const isHit = store.state(name) === 'resident';
    const value = store.get(name);
    if (value === undefined) store.set(name, key, { size });
    else if (value !== key) throw new Error(`${name} is wrong`);
    return isHit;
  });
  await store.close();
  return rates;
}

const rows = [];
for (const trace of await readTraces(positionals[0])) {
  if (!trace.name.includes(options.only)) continue;
  const sizeOf = new Map();
  for (const [at, key] of trace.keys.entries()) sizeOf.set(key, trace.sizes[at]);
  const allBytes = [...sizeOf.values()].reduce((sum, size) => sum + size, 0);
  for (const share of shares) {
    const capacity = Math.max(1, Math.round(share * allBytes));
    const entriesMax = Math.round(share * trace.distinct);
    const row = { trace: trace.name, isSized: trace.isSized, share, sides: {} };
    for (const policy of policies) row.sides[`swapstore ${policy}`] = await replay(policy, trace, capacity);
    for (const [name, Simulator] of Object.entries(simulators))
      row.sides[name] = simulate(Simulator, trace, capacity, entriesMax);
    rows.push(row);
    process.stderr.write(`${trace.name} ${100 * share}%\n`);
  }
}

const sides = Object.keys(rows[0].sides);
const meanOf = (some, side, figure) =>
  some.reduce((sum, row) => sum + row.sides[side][figure], 0) / some.length;
function print(title, some, figure) {
  if (some.length === 0) return;
  const table = new Table({ head: ['trace', 'memory', ...sides], style: { head: [] } });
  const cells = (of) => sides.map((side) => of(side).toFixed(1));
  for (const row of some)
    table.push([row.trace, `${100 * row.share}%`, ...cells((side) => row.sides[side][figure])]);
  table.push(['mean', '', ...cells((side) => meanOf(some, side, figure))]);
  const under = (side) => Math.max(...some.map((row) => row.sides.LRU[figure] - row.sides[side][figure]));
  table.push(['furthest under LRU', '', ...cells(under)]);
  console.log(`\n${title}\n${table}`);
}
const unsized = rows.filter((row) => !row.isSized);
const sized = rows.filter((row) => row.isSized);
print('Requests that met their value in memory, %, a size of 1 an entry', unsized, 'hitRate');
print('The same, by the sizes of the trace', sized, 'hitRate');
print('Bytes that were met in memory, %', sized, 'byteHitRate');
mkdirSync(options.out, { recursive: true });
writeFileSync(
  join(options.out, 'hit-rates.json'),
  `${JSON.stringify({ node: process.version, rows }, undefined, 2)}\n`,
);
await drawHitRates(rows, options.out);
