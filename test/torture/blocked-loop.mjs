// The holder's event loop stands still: its lock is still its own, and its store still right.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SwapStore } from '../../dist/index.js';
import { demand } from './lib.mjs';

export const name = 'a blocked event loop';

export function cannot() {}

const holder = (dist, path, ms) => `
  const { SwapStore } = await import(${JSON.stringify(dist)});
  const store = new SwapStore({ path: ${JSON.stringify(path)}, persist: true, maxMemory: 50_000, flushIntervalMs: 10 });
  for (let index = 0; index < 500; index++) store.set('key:' + index, { index, text: 'x'.repeat(500) });
  await store.flush();
  process.send('blocked');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms});
  for (let index = 0; index < 500; index++) if (store.get('key:' + index)?.index !== index) process.exit(1);
  await store.close();
  process.disconnect();
`;

export async function run({ directory, dist, short }) {
  const blockedMs = short ? 3000 : 60_000;
  const path = join(directory, 'blocked');
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'];
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder(dist, path, blockedMs)], {
    stdio,
  });
  const exited = once(child, 'exit');
  await once(child, 'message');
  const until = performance.now() + blockedMs * 0.8;
  let tries = 0;
  while (performance.now() < until) {
    try {
      await new SwapStore({ path, persist: true }).close();
      throw new Error('a second store has opened what is held');
    } catch (error) {
      demand(error.code === 'ERR_SWAP_LOCKED' && error.message.includes(String(child.pid)), error.stack);
      tries++;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const [status] = await exited;
  demand(status === 0, `the holder ended with ${status}`);
  const store = new SwapStore({ path, persist: true });
  demand(store.size === 500, `${store.size} keys are there`);
  await store.close();
  return `blocked for ${blockedMs / 1000} s, ${tries} others refused, all there`;
}
