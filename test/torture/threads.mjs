// I/O threads that somebody terminates, again and again, while the store is busy.
import { spawnSync } from 'node:child_process';
import { demand } from './lib.mjs';

export const name = 'threads terminated from outside';

export function cannot() {}

// Whoever makes a Worker in that process makes one that is noted.
const noting = `
  import { createRequire, syncBuiltinESMExports } from 'node:module';
  const workerThreads = createRequire(import.meta.url)('node:worker_threads');
  globalThis.noted = [];
  const { Worker } = workerThreads;
  workerThreads.Worker = class extends Worker { constructor(...given) { super(...given); noted.push(this); } };
  syncBuiltinESMExports();
`;
const work = (dist, rounds) => `
  const { SwapStore } = await import(${JSON.stringify(dist)});
  // What is compressed is for the threads, whatever a write costs.
  const store = new SwapStore({ maxMemory: 300_000, threads: 3, compression: 'deflate' });
  store.on('warning', () => {});
  const valueOf = (index) => ({ index, text: String(index).repeat(300) });
  let deaths = 0, wrong = 0, refused = 0;
  for (let round = 0; round < ${rounds}; round++) {
    for (let index = 0; index < 600; index++) store.set('key:' + index, valueOf(index));
    const loads = Array.from({ length: 300 }, (_, at) => store.load('key:' + at).catch((error) => error));
    const victim = noted[noted.length - 1 - (round % 3)];
    if (victim !== undefined) { victim.terminate(); deaths++; }
    for (const [at, value] of (await Promise.all(loads)).entries()) {
      if (value instanceof Error) { refused++; if (value.code !== 'ERR_SWAP_IO') throw value; }
      else if (JSON.stringify(value) !== JSON.stringify(valueOf(at))) wrong++;
    }
  }
  for (let index = 0; index < 600; index++) if (store.get('key:' + index)?.index !== index) wrong++;
  await store.close();
  console.log(JSON.stringify({ deaths, wrong, refused }));
`;

export async function run({ short, dist }) {
  const asUrl = (code) => `data:text/javascript,${encodeURIComponent(code)}`;
  const code = work(dist, short ? 20 : 300);
  const preload = noting.replace('import.meta.url', JSON.stringify(dist));
  const child = spawnSync(process.execPath, ['--import', asUrl(preload), '--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  demand(child.status === 0, `status ${child.status}: ${child.stderr}`);
  const { deaths, wrong, refused } = JSON.parse(child.stdout);
  demand(wrong === 0, `${wrong} wrong values`);
  demand(deaths > 5, 'hardly any thread died');
  return `${deaths} terminated, ${refused} loads refused with ERR_SWAP_IO, no wrong value`;
}
