/**
 * Who a process is, so that a lock can be told from one that a dead process left. A pid alone does not say: it is used
 * again, and in a container every process may be number 1. So: host, boot, pid namespace, pid, and when the process
 * was started. Linux has all of these in /proc; elsewhere only host and pid are known, and a pid that is alive counts
 * as the same process.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  readonly boot: string;
  readonly pidNamespace: string;
  readonly pid: number;
  /** Ticks since boot as /proc tells them; '' where that is unknown. */
  readonly startTime: string;
}

export function ownIdentity(): ProcessIdentity {
  return {
    host: hostname(),
    boot: readOr('', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOr('', () => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    startTime: startTimeOf(process.pid),
  };
}

/** True only when it is certain that the process is gone. */
export function isDead(other: ProcessIdentity, own: ProcessIdentity): boolean {
  if (other.host !== own.host) return false;
  // The machine was started anew since.
  if (other.boot !== '' && own.boot !== '' && other.boot !== own.boot) return true;
  // Its pid means another process here.
  if (other.pidNamespace !== own.pidNamespace) return false;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ESRCH') return true;
  }
  const startTime = startTimeOf(other.pid);
  return other.startTime !== '' && startTime !== '' && startTime !== other.startTime;
}

/** Field 22 of /proc/PID/stat; the name of the program, field 2, may itself contain spaces and parentheses. */
function startTimeOf(pid: number): string {
  return readOr('', () => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  });
}

function readOr(otherwise: string, read: () => string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
