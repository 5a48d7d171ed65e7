// Mixed load for an hour (or as long as is wanted): memory, the file, descriptors and threads stay level.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SwapStore } from '../../dist/index.js';
import { Xorshift } from '../../dist/memory/xorshift.js';
import { demand } from './lib.mjs';

export const name = 'mixed load, and what it leaves behind';

export function cannot() {}

const samplesMin = 20;
/** A figure may be this much more, by the fitted line, at the end than at the beginning. */
const growthMax = 0.15;

export async function run({ directory, short, minutes }) {
  const path = join(directory, 'soak');
  const store = new SwapStore({
    path,
    persist: true,
    maxMemory: 8 * 2 ** 20,
    maxSwap: 2 ** 30,
    flushIntervalMs: 500,
  });
  let wrong = 0;
  let operations = 0;
  const versions = new Map();
  const random = new Xorshift(2_463_534_242);
  const valueAt = (index, version) => ({ index, version, text: `${version} `.repeat(10 + (index % 500)) });
  const check = (index, value) => {
    const version = versions.get(index);
    if (version === undefined ? value !== undefined : value?.version !== version || value.index !== index)
      wrong++;
  };
  const samples = [];
  const durationMs = short ? 20_000 : minutes * 60_000;
  const began = performance.now();
  let sampleDueMs = durationMs / 10;
  while (performance.now() - began < durationMs) {
    for (let step = 0; step < 200; step++, operations++) {
      const index = Math.floor(random.below(40_000) * (random.below(1000) / 1000));
      const what = random.below(100);
      if (what < 40) {
        versions.set(index, operations);
        store.set(`key:${index}`, valueAt(index, operations));
      } else if (what < 45) {
        versions.delete(index);
        store.delete(`key:${index}`);
      } else if (what < 80) {
        check(index, store.get(`key:${index}`));
      } else {
        check(index, await store.load(`key:${index}`));
      }
    }
    await store.ready();
    const passedMs = performance.now() - began;
    if (passedMs < sampleDueMs) continue;
    sampleDueMs += durationMs / 60;
    globalThis.gc?.();
    samples.push({
      seconds: passedMs / 1000,
      rssMiB: process.memoryUsage.rss() / 2 ** 20,
      fileMiB: statSync(path).size / 2 ** 20,
      indexMiB: statSync(`${path}.index`).size / 2 ** 20,
      descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
      threads:
        process.platform === 'linux'
          ? Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
          : 0,
    });
  }
  await store.close();
  demand(wrong === 0, `${wrong} wrong values`);
  demand(samples.length >= samplesMin, `only ${samples.length} samples`);
  const said = [`${operations} operations, no wrong value`];
  for (const figure of Object.keys(samples[0]).slice(1)) {
    const { start, end } = line(samples, figure);
    said.push(`${figure} ${start.toFixed(1)} -> ${end.toFixed(1)}`);
    // The index grows and is written anew; a short run sees only one of its teeth.
    if (figure !== 'indexMiB' && !short)
      demand(end <= start * (1 + growthMax) + 1, `${figure} grows: ${start.toFixed(1)} -> ${end.toFixed(1)}`);
  }
  return said.join('; ');
}

/** The least-squares line through a figure, at the first sample and at the last. */
function line(samples, figure) {
  const mean = (of) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const x = mean((sample) => sample.seconds);
  const y = mean((sample) => sample[figure]);
  const slope =
    mean((sample) => (sample.seconds - x) * (sample[figure] - y)) /
    mean((sample) => (sample.seconds - x) ** 2);
  const at = (seconds) => y + slope * (seconds - x);
  return { start: at(samples[0].seconds), end: at(samples.at(-1).seconds) };
}
