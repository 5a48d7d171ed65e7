/** Twenty times as much data as memory may hold, in a process whose heap could not hold it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('bounded-heap.mjs', import.meta.url));
const maxMemoryMiB = 16;
const maxMemory = maxMemoryMiB * 1024 * 1024;
const heapMiB = Math.ceil(1.3 * maxMemoryMiB + 64);

interface Report {
  keptBytesMax: number;
  wrongValues: number;
  entries: number;
  residentObjects: number;
  swappedObjects: number;
  faults: number;
}

describe('a store of twenty times its memory', () => {
  for (const kind of ['records', 'strings', 'buffers']) {
    it(`keeps ${kind} within the bound and gives every one back`, { timeout: 180_000 }, () => {
      const flags = [`--max-old-space-size=${heapMiB}`, script, String(maxMemoryMiB), kind];
      const child = spawnSync(process.execPath, flags, { encoding: 'utf8' });
      expect(child.stderr).toBe('');
      const report: Report = JSON.parse(child.stdout);
      expect(report.keptBytesMax).toBeLessThanOrEqual(maxMemory);
      // Memory that lies idle would be no bound worth the name.
      expect(report.keptBytesMax).toBeGreaterThan(maxMemory * 0.75);
      expect(report.wrongValues).toBe(0);
      expect(report.swappedObjects).toBeGreaterThan(report.residentObjects * 5);
      expect(report.residentObjects + report.swappedObjects).toBeLessThanOrEqual(report.entries);
      expect(report.faults).toBeGreaterThan(1000);
      expect(child.status).toBe(0);
    });
  }
});
