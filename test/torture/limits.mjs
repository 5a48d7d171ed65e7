// Limits that the system sets: how large a file may be, how many descriptors there are.
import { join } from 'node:path';
import { SwapStore } from '../../dist/index.js';
import { demand, demandDurable, exerciseStore } from './lib.mjs';

export const name = 'limits of the system';

export function cannot() {
  return process.platform === 'win32' ? 'Windows has no ulimit' : undefined;
}

export async function run({ directory, short }) {
  const steps = short ? 2000 : 20_000;
  const said = [];
  for (const threads of [0, 2]) {
    const options = {
      path: join(directory, `limited-${threads}`),
      persist: true,
      threads,
      maxMemory: 100_000,
    };
    const work = { options, steps, allowed: ['ERR_SWAP_FULL', 'ERR_SWAP_IO'], keyCount: 1000 };
    // Blocks of 512 bytes: 512 KiB, half of what is set.
    const met = exerciseStore(work, `trap '' XFSZ; ulimit -f 1024`);
    const refusals = Object.values(met.refused).reduce((sum, count) => sum + count, 0);
    // It may be met and nobody be refused: what is written again finds pages that the file has.
    demand(refusals + met.ioErrors > 0, 'the limit was never met');
    const store = new SwapStore(options);
    demandDurable(store, met);
    await store.close();
    said.push(`${refusals} refusals, ${met.ioErrors} failed writes at 512 KiB`);
  }
  for (const descriptorsLeft of [0, 1, 5]) {
    const options = { path: join(directory, `few-${descriptorsLeft}`), persist: true, maxMemory: 100_000 };
    const work = { options, steps, allowed: ['ERR_SWAP_IO'], keyCount: 5000, descriptorsLeft };
    const met = exerciseStore(work, 'ulimit -n 512');
    const store = new SwapStore(options);
    demandDurable(store, met);
    await store.close();
    said.push(`${met.checked} checks with ${descriptorsLeft} descriptors left`);
  }
  return said.join(', ');
}
