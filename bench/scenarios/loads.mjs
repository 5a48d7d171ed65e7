// Values awaited, several at once. The limit is as many plain threads as are in flight, each doing nothing but pread; what a
// pool of threads reaches of it is shown by one that does nothing else.
import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openBarePool } from '../lib/bare-pool.mjs';
import { random } from '../lib/random.mjs';
import { isRight, keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

const bytes = 4000;
const blockBytes = 4096;
/** Threads are started on demand, and each compiles what it runs: the first seconds are a figure of their own. */
const coldWarmUpMs = [2000, 2000];
/** A load takes about this much of the main thread beyond the read and the pool: 8 with one in flight and the page cache warm. */
const loadUs = 7;
const barePool = 'bare pool';
const busyPool = `bare pool, and ${loadUs} us for each`;
/** So many that what one run has read is a small part of it. */
const counts = { warm: 100_000, cold: 500_000 };
const pageCacheFile = '/proc/sys/vm/drop_caches';

/** Empties the system's page cache; false where that is not allowed. */
function dropCaches() {
  try {
    writeFileSync(pageCacheFile, '1');
    return true;
  } catch {
    return false;
  }
}

/** Makes a file of so many blocks of 4 KiB, on the device and, where `cold`, nowhere else; false where that cannot be. */
function layBlocks(path, count, cold) {
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(2 ** 20, 7);
  for (let index = 0; index < Math.ceil((count * blockBytes) / block.length); index++) writeSync(fd, block);
  fsyncSync(fd);
  closeSync(fd);
  return !cold || dropCaches();
}

/** Reads a second of N threads that do nothing else. */
async function plainThreads(path, inFlight, ms, count) {
  const source = `
    import { workerData, parentPort } from 'node:worker_threads';
    import { openSync, readSync } from 'node:fs';
    const fd = openSync(workerData.path, 'r');
    const target = Buffer.alloc(${blockBytes});
    let state = workerData.seed;
    let reads = 0;
    const end = performance.now() + workerData.ms;
    while (performance.now() < end) {
      state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
      const read = readSync(fd, target, 0, ${blockBytes}, ((state >>> 0) % workerData.count) * ${blockBytes});
      if (read !== ${blockBytes}) throw new Error('a read was short');
      reads++;
    }
    parentPort.postMessage(reads);`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const counts = await Promise.all(
    Array.from(
      { length: inFlight },
      (_, index) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(url, { workerData: { path, seed: index * 7 + 1, ms, count } });
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  return counts.reduce((sum, reads) => sum + reads, 0) / (ms / 1000);
}

/**
 * So many loops, each awaiting one `load` after another, until everything has warmed up but the page cache. Loads a
 * millisecond, of the first seconds and of those that are measured.
 */
async function awaitInLoops(load, inFlight, ms, cold) {
  const rates = [];
  for (const phaseMs of cold ? [...coldWarmUpMs, ms] : [100, ms]) {
    if (cold) dropCaches();
    let loads = 0;
    const began = performance.now();
    const end = began + phaseMs;
    const loop = async () => {
      for (; performance.now() < end; loads++) await load();
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
    rates.push(loads / (performance.now() - began));
  }
  return { first: rates[0], warm: rates.at(-1) };
}

/** Does nothing for so long, as nobody else can meanwhile. */
function work(us) {
  const end = performance.now() + us / 1000;
  while (performance.now() < end);
}

export default {
  name: 'loads',
  title: 'load of 4 KB Buffers, so many in flight (thousands a second; more is better)',
  unit: 'k/s',
  moreIsBetter: true,
  variants: ['warm', 'cold'].flatMap((cache) =>
    [1, 16, 64].map((inFlight) => ({ name: `${inFlight} in flight, page cache ${cache}`, inFlight, cache })),
  ),
  quick: ['16 in flight, page cache warm'],
  // What lmdb has mapped stays in memory whatever is dropped: there is no cold lmdb to be had.
  sides: ({ cache }) => [
    'swapstore',
    'plain threads',
    barePool,
    busyPool,
    ...(cache === 'warm' ? ['lmdb'] : []),
  ],
  async run({ side, variant, ms, directory, dist }) {
    const { inFlight } = variant;
    const cold = variant.cache === 'cold';
    const count = counts[variant.cache];
    const draw = random(5);
    const place = () => Math.floor(draw(count));
    if (side !== 'swapstore' && side !== 'lmdb') {
      const path = join(directory, 'blocks');
      if (!layBlocks(path, count, cold)) return {};
      if (side === 'plain threads') return { load: (await plainThreads(path, inFlight, ms, count)) / 1000 };
      const pool = await openBarePool(path, blockBytes, inFlight);
      const load = async () => {
        await pool.load(place());
        if (side === busyPool) work(loadUs);
      };
      const { warm } = await awaitInLoops(load, inFlight, ms, cold);
      await pool.close();
      return { load: warm };
    }
    const options = { path: join(directory, 'swap'), threads: Math.min(64, Math.max(4, inFlight)) };
    const store = await peers[side]({ directory, dist, memoryBytes: 2 ** 22, options });
    const keys = Array.from({ length: count }, (_, index) => keyOf(index));
    for (let index = 0; index < count; index++) {
      store.set(keys[index], kinds.Buffer(index, bytes));
      if (index % 64 === 0) await store.mustRest?.();
    }
    await store.rest?.();
    // What was written must be on the device before the cache can let go of it.
    if (cold) {
      const fd = openSync(options.path, 'r+');
      fsyncSync(fd);
      closeSync(fd);
      if (!dropCaches()) return {};
    }
    const load = async () => {
      const index = place();
      const value = store.load === undefined ? store.get(keys[index]) : await store.load(keys[index]);
      if (!isRight('Buffer', value, index, bytes)) throw new Error('wrong value');
      // As a server would: other work gets its turn.
      if (store.load === undefined) await new Promise((resolve) => setImmediate(resolve));
    };
    const { first, warm } = await awaitInLoops(load, inFlight, ms, cold);
    await store.close();
    return cold ? { load: warm, 'load, the first 2 s': first } : { load: warm };
  },
};
