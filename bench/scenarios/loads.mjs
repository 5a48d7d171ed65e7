// Values awaited, several at once. The limit is as many plain threads as are in flight, each doing nothing but pread.
import { closeSync, fsyncSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { random } from '../lib/random.mjs';
import { keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

const bytes = 4000;
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

/** Reads a second of N threads that do nothing else. */
async function plainThreads(directory, inFlight, ms, cold, count) {
  const path = join(directory, 'plain');
  const fd = openSync(path, 'w+');
  const block = Buffer.alloc(2 ** 20, 7);
  const blocks = Math.ceil((count * 4096) / block.length);
  for (let index = 0; index < blocks; index++) writeSync(fd, block, 0, block.length, index * block.length);
  fsyncSync(fd);
  if (cold && !dropCaches()) return undefined;
  const source = `
    import { workerData, parentPort } from 'node:worker_threads';
    import { openSync, readSync } from 'node:fs';
    const fd = openSync(workerData.path, 'r');
    const target = Buffer.alloc(4096);
    let state = workerData.seed;
    let reads = 0;
    const end = performance.now() + workerData.ms;
    while (performance.now() < end) {
      state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
      readSync(fd, target, 0, 4096, ((state >>> 0) % workerData.count) * 4096);
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
  ftruncateSync(fd, 0);
  closeSync(fd);
  return counts.reduce((sum, reads) => sum + reads, 0) / (ms / 1000);
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
  sides: ({ cache }) => ['swapstore', 'plain threads', ...(cache === 'warm' ? ['lmdb'] : [])],
  async run({ side, variant, ms, directory, dist }) {
    const { inFlight } = variant;
    const cold = variant.cache === 'cold';
    const count = counts[variant.cache];
    if (side === 'plain threads') {
      const reads = await plainThreads(directory, inFlight, ms, cold, count);
      return reads === undefined ? {} : { load: reads / 1000 };
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
    const draw = random(5);
    const load = store.load ?? (async (key) => store.get(key));
    let loads = 0;
    // Threads are started on demand, and each takes some milliseconds to start: that is not what is measured.
    const began = performance.now() + (cold ? 2000 : 100);
    const end = began + ms;
    const loop = async () => {
      while (performance.now() < end) {
        const value = await load(keys[Math.floor(draw(count))]);
        if (value?.length !== bytes) throw new Error('wrong value');
        if (performance.now() >= began) loads++;
        // As a server would: other work gets its turn.
        if (store.load === undefined) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
    const result = { load: loads / (performance.now() - began) };
    await store.close();
    return result;
  },
};
