// Opening a persistent store again, after it was closed and after its process was killed: the index is read into memory.
// The databases leave theirs on the disk, so that opening one costs nothing, and a look-up in it more.
import { spawnSync } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { random } from '../lib/random.mjs';
import { peers } from '../peers/index.mjs';

const million = 1_000_000;
const keyOf = (index) => `user:${String(index).padStart(15, '0')}`;
const loopStepMs = 1;

export default {
  name: 'reopen',
  title: 'open a persistent store with keys of 20 bytes',
  unit: 'ms',
  variants: [0.2, 1, 10].map((millions) => ({ name: `${millions} M`, count: millions * million })),
  quick: ['0.2 M'],
  runs: 3,
  sides: ({ count }) => [
    'swapstore',
    'swapstore, after SIGKILL',
    ...(count <= million ? ['lmdb', 'better-sqlite3', 'classic-level'] : []),
  ],
  async run({ side, variant, directory, dist }) {
    const { count } = variant;
    if (!side.startsWith('swapstore')) return openPeer(side, count, directory, dist);
    const path = `${directory}/store`;
    const killed = side.endsWith('SIGKILL');
    const filler = fileURLToPath(new URL('../lib/fill-persistent.mjs', import.meta.url));
    const child = spawnSync(process.execPath, [filler, dist, path, String(count), killed ? 'kill' : 'close']);
    if (killed ? child.signal !== 'SIGKILL' : child.status !== 0) throw new Error(`${child.stderr}`);
    const { SwapStore } = await import(new URL('index.js', dist));
    const options = { path, persist: true, maxMemory: 2 ** 26, maxSwap: 2 ** 35, flushIntervalMs: 0 };
    let began = performance.now();
    let store = new SwapStore(options);
    const open = performance.now() - began;
    check(store, count);
    if (killed) return { 'open, blocking': open };
    store.closeSync();
    const delay = monitorEventLoopDelay({ resolution: loopStepMs });
    delay.enable();
    began = performance.now();
    store = await SwapStore.open(options);
    const soon = performance.now() - began;
    delay.disable();
    check(store, count);
    await store.close();
    return {
      'open, blocking': open,
      'open, awaiting': soon,
      'open, awaiting: longest loop delay': delay.max / 1e6,
    };
  },
};

function check(store, count) {
  if (store.size !== count) throw new Error(`${store.size} of ${count} keys are there`);
  const draw = random(5);
  for (let read = 0; read < 10_000; read++) {
    const index = Math.floor(draw(count));
    if (store.peek(keyOf(index)) !== index) throw new Error('wrong value');
  }
}

async function openPeer(side, count, directory, dist) {
  let store = await peers[side]({ directory, dist, memoryBytes: 2 ** 26 });
  for (let index = 0; index < count; index++) {
    store.set(keyOf(index), index);
    if (index % 256 === 0) await store.mustRest?.();
  }
  await store.rest?.();
  await store.close();
  const began = performance.now();
  store = await peers[side]({ directory, dist, memoryBytes: 2 ** 26 });
  const open = performance.now() - began;
  await store.close();
  return { 'open, blocking': open };
}
