/** A process that is killed in the middle of its work: what it had flushed is there, and its lock is not in the way. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { checkInvariants, freshPath, SwapStore } from '../support/store.js';

const child = fileURLToPath(new URL('./kill-child.mjs', import.meta.url));
const keyCount = 50;
/** More by hand: KILLS=1000 npx vitest run test/e2e/kill.test.ts */
const kills = Number(process.env.KILLS ?? 8);

/** Lets a child work from `first` on, kills it some flushes later, and returns the last number it had flushed. */
function runAndKill(path: string, first: number, flushes: number): Promise<number> {
  const running = spawn(process.execPath, [child, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  running.stdout.on('data', (chunk) => {
    output += chunk;
    // Right now, or in the middle of what comes next.
    if (output.split('\n').length > flushes) setTimeout(() => running.kill('SIGKILL'), flushes % 7);
  });
  return new Promise((resolve, reject) => {
    running.on('exit', (code) => {
      if (code !== null) reject(new Error(`the child ended by itself with ${code}`));
      const flushed = output.split('\n').slice(0, -1).map(Number);
      resolve(flushed.at(-1) ?? first - 1);
    });
  });
}

it('keeps through SIGKILL what was flushed', { timeout: 60_000 + kills * 5_000 }, async () => {
  const path = freshPath();
  let first = 1;
  for (let kill = 1; kill <= kills; kill++) {
    const flushed = await runAndKill(path, first, 1 + ((kill * 3) % 60));
    expect(flushed).toBeGreaterThanOrEqual(first);
    const store = await SwapStore.open({ path, persist: true, maxMemory: 32_768, maxSwap: 2 ** 22 });
    let latest = 0;
    for (let key = 0; key < keyCount; key++) {
      const value = store.get(`key:${key}`) as { number: number; text: string } | undefined;
      const promised = flushed - ((((flushed - key) % keyCount) + keyCount) % keyCount);
      if (value === undefined) {
        expect(promised, `key:${key} is lost`).toBeLessThan(1);
        continue;
      }
      expect(value.number % keyCount).toBe(key);
      expect(value.number, `key:${key} is of before the flush`).toBeGreaterThanOrEqual(promised);
      expect(value.text).toBe(`${value.number} `.repeat(value.number % 97));
      latest = Math.max(latest, value.number);
    }
    checkInvariants(store);
    expect(store.stats().corruptRecords).toBe(0);
    await store.close();
    first = latest + 1;
  }
});
