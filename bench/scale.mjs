// Fifty million keys of 20 bytes with values of 100 in one store: inserted, read at random, half of them deleted, read
// again. Takes some 10 GB of disk, 4 GB of memory and ten minutes: npm run scale -- [millions]
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { SwapStore } from '../dist/index.js';
import { random } from './lib/random.mjs';

const count = Number(process.argv[2] ?? 50) * 1_000_000;
const reads = 1_000_000;
const keyOf = (index) => `user:${String(index).padStart(15, '0')}`;
const filler = 'x'.repeat(100);
const valueAt = (index) => `${index}:${filler}`.slice(0, 100);
const draw = random(17);
const mebi = 2 ** 20;

let longestCollectionMs = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestCollectionMs = Math.max(longestCollectionMs, duration);
}).observe({ entryTypes: ['gc'] });
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

const store = new SwapStore({ maxMemory: 256 * mebi, maxSwap: 2 ** 36 });

/** Runs `act` for each index below `steps`, with a turn of the loop now and then, and tells how long it took. */
async function phase(title, steps, act) {
  delay.reset();
  longestCollectionMs = 0;
  const began = performance.now();
  for (let step = 0; step < steps; step++) {
    act(step);
    if (step % 512 === 511) {
      await store.ready();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await store.drain();
  const us = ((performance.now() - began) * 1000) / steps;
  const { entries, indexBytes, residentObjects, swapFileBytes } = store.stats();
  const { rss, heapUsed } = process.memoryUsage();
  console.log(
    `${title.padEnd(28)} ${us.toFixed(2).padStart(6)} us each; loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)}, ` +
      `longest ${(delay.max / 1e6).toFixed(0)} ms; longest collection ${longestCollectionMs.toFixed(0)} ms; ` +
      `${entries} keys, ${residentObjects} in memory, index ${(indexBytes / entries).toFixed(1)} B a key; ` +
      `RSS ${Math.round(rss / mebi)} MiB, heap ${Math.round(heapUsed / mebi)} MiB, file ${Math.round(swapFileBytes / mebi)} MiB`,
  );
}

let wrong = 0;
const isDeleted = (index) => index % 2 === 1;
await phase('insert', count, (step) => store.set(keyOf(step), valueAt(step)));
await phase('read at random', reads, () => {
  const index = Math.floor(draw(count));
  if (store.get(keyOf(index)) !== valueAt(index)) wrong++;
});
await phase('delete every other', count / 2, (step) => {
  if (!store.delete(keyOf(2 * step + 1))) wrong++;
});
await phase('read at random again', reads, () => {
  const index = Math.floor(draw(count));
  const value = store.get(keyOf(index));
  if (value !== (isDeleted(index) ? undefined : valueAt(index))) wrong++;
});
const began = performance.now();
await store.close();
console.log(`close ${(performance.now() - began).toFixed(0)} ms; wrong answers: ${wrong}`);
process.exitCode = wrong === 0 ? 0 : 1;
