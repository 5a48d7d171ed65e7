/**
 * Removes the temporary swap files of dead processes, where a file that is open cannot be unlinked (Windows) and a
 * killed process leaves its file behind. Touches only directories with our name and a pid that no process has.
 */
import { join } from 'node:path';
import type { Disk } from '../environment.js';

/** A directory of temporary files may be huge; the rest is for the next store. */
const entriesMax = 10_000;
const ours = /^swapstore-(\d+)-/;

export function sweepLeftovers(disk: Disk, parent: string): void {
  try {
    for (const name of disk.list(parent).slice(0, entriesMax)) {
      const pid = Number(ours.exec(name)?.[1] ?? 0);
      if (pid !== 0 && isDead(pid)) remove(disk, join(parent, name));
    }
  } catch {
    // What cannot be listed cannot be swept.
  }
}

function isDead(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: unknown }).code === 'ESRCH';
  }
}

function remove(disk: Disk, directory: string): void {
  try {
    disk.unlink(join(directory, 'swap'));
    disk.removeDirectory(directory);
  } catch {
    // Another process sweeps too, or the file is still open somewhere: not ours to insist.
  }
}
