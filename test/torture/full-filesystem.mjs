// A file system that is full before the store is: a tmpfs of 2 MiB. Linux, and root.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SwapStore } from '../../dist/index.js';
import { demand, demandDurable, exerciseStore } from './lib.mjs';

export const name = 'a full file system';

export function cannot() {
  if (process.platform !== 'linux') return 'only Linux has tmpfs';
  return process.getuid() === 0 ? undefined : 'only root may mount one';
}

export async function run({ directory, short }) {
  const mountPoint = join(directory, 'full');
  mkdirSync(mountPoint);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mountPoint], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) return `left out: ${mounted.stderr.trim()}`;
  try {
    const said = [];
    for (const persist of [false, true]) {
      for (const threads of [0, 2]) {
        const path = join(mountPoint, `store-${persist}-${threads}`);
        const options = { path, persist, threads, maxMemory: 200_000, maxSwap: 2 ** 26 };
        const steps = short ? 3000 : 40_000;
        const allowed = ['ERR_SWAP_FULL', 'ERR_SWAP_IO'];
        const met = exerciseStore({ options, steps, allowed, keyCount: 2000, valueBytes: 4000 });
        demand(met.refused.ERR_SWAP_FULL > 0, 'the file system was never full');
        said.push(met.refused.ERR_SWAP_FULL);
        spawnSync('mount', ['-o', 'remount,size=32m', mountPoint]);
        if (persist) {
          const store = new SwapStore(options);
          demandDurable(store, met);
          await store.close();
        }
        spawnSync('sh', ['-c', `rm -f "$0"/store*; mount -o remount,size=2m "$0"`, mountPoint]);
      }
    }
    return `${said.join(', ')} refusals, no wrong value`;
  } finally {
    spawnSync('umount', ['-l', mountPoint]);
  }
}
