/**
 * One owner for a swap file. JavaScript has no flock, so the lock is a file beside it, made in one step that cannot
 * half happen: its content is written under a name of its own, then linked to the lock's name, which fails when there
 * is one.
 *
 * A lock that a dead process left is broken like this, so that of many who find it exactly one wins:
 *
 *     1. The right to break lock T (its token, never used twice) is itself a lock, `<lock>.<T>`, taken the same way.
 *     2. Whoever has it reads the lock again, and removes it only if it still is T. Nobody else removes T, as its owner
 *        is dead; and nobody can make a new lock while T is there. So what is removed is T and nothing else.
 *     3. It gives up the right and tries for the lock like everybody else.
 *
 * A process that dies between 1 and 3 leaves a dead right, which is broken by the same rule. A holder that cannot be
 * judged (another host, another container) counts as alive; the error says how to clear its lock.
 */
import { randomUUID } from 'node:crypto';
import type { Disk } from '../environment.js';
import { asIoError, attempt, SwapError } from '../errors.js';
import { isDead, ownIdentity, type ProcessIdentity } from './process-identity.js';

/** How often to look again while somebody else breaks or writes a lock, and for how long in all: 2 s. */
const triesMax = 400;
const waitMs = 5;
/** Rights to break rights to break: more than this many deaths in a row at the same place is not believable. */
const depthMax = 8;

/** Tokens of locks that were given up here, but whose files could not be removed. */
const stuck = new Set<string>();
const stuckMax = 1024;

export interface Lock {
  /** Gives the lock up. Idempotent; never touches another's. */
  release(): void;
}

interface Holder extends ProcessIdentity {
  readonly token: string;
}

/** Takes the lock of the file at `path`. Throws ERR_SWAP_LOCKED or ERR_SWAP_IO. */
export function acquireLock(disk: Disk, path: string): Lock {
  const lockPath = `${path}.lock`;
  const own: Holder = { ...ownIdentity(), token: randomUUID() };
  let seen: Holder | undefined;
  for (let tries = 0; tries < triesMax; tries++) {
    if (take(disk, lockPath, own)) return { release: () => giveUp(disk, lockPath, own.token) };
    seen = readHolder(disk, lockPath);
    if (seen !== undefined) {
      if (!isGone(seen, own)) throw locked(path, lockPath, seen);
      if (breakLock(disk, lockPath, seen, own, 0)) continue;
    }
    sleep();
  }
  throw locked(path, lockPath, seen);
}

/** Makes the lock in one step; false when there is one. */
function take(disk: Disk, lockPath: string, own: Holder): boolean {
  const text = JSON.stringify(own);
  const draft = `${lockPath}.${own.token}.new`;
  try {
    disk.writeNew(draft, text);
  } catch (cause) {
    throw ioError(lockPath, cause);
  }
  try {
    disk.link(draft, lockPath);
    return true;
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code === 'EEXIST') return false;
    return takeWithoutLinks(disk, lockPath, text);
  } finally {
    // One that cannot be removed is in nobody's way.
    attempt(() => disk.unlink(draft));
  }
}

/** Where files cannot have two names. A reader may see such a lock before it is written, and looks again then. */
function takeWithoutLinks(disk: Disk, lockPath: string, text: string): boolean {
  try {
    disk.writeNew(lockPath, text);
    return true;
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'EEXIST') return false;
    throw ioError(lockPath, cause);
  }
}

/** Removes the lock of a dead holder; true when it is gone, false when somebody else is about to. */
function breakLock(disk: Disk, lockPath: string, dead: Holder, own: Holder, depth: number): boolean {
  if (depth > depthMax) return false;
  const right = `${lockPath}.${dead.token}`;
  if (!take(disk, right, own)) {
    const breaker = readHolder(disk, right);
    if (breaker !== undefined && isGone(breaker, own)) breakLock(disk, right, breaker, own, depth + 1);
    return false;
  }
  try {
    if (readHolder(disk, lockPath)?.token === dead.token) disk.unlink(lockPath);
    stuck.delete(dead.token);
    return true;
  } catch (cause) {
    throw ioError(lockPath, cause);
  } finally {
    giveUp(disk, right, own.token);
  }
}

/** Who holds a lock; undefined when nobody does, or its file is being written. */
function readHolder(disk: Disk, lockPath: string): Holder | undefined {
  try {
    const holder: unknown = JSON.parse(disk.readText(lockPath));
    return isHolder(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(found: unknown): found is Holder {
  if (typeof found !== 'object' || found === null) return false;
  const holder = found as Partial<Record<keyof Holder, unknown>>;
  const texts = [holder.host, holder.boot, holder.pidNamespace, holder.startTime];
  const hasTexts = texts.every((text) => typeof text === 'string');
  // The token becomes part of a file's name.
  const hasToken = typeof holder.token === 'string' && /^[0-9a-f-]{36}$/.test(holder.token);
  return hasTexts && hasToken && Number.isSafeInteger(holder.pid) && (holder.pid as number) > 0;
}

/** True when a lock is nobody's any more: its process is dead, or has given it up and could not remove it. */
function isGone(holder: Holder, own: Holder): boolean {
  return stuck.has(holder.token) || isDead(holder, own);
}

function giveUp(disk: Disk, lockPath: string, token: string): void {
  try {
    // Where somebody has removed it by hand meanwhile, there is nothing left to give up.
    if (readHolder(disk, lockPath)?.token === token) disk.unlink(lockPath);
  } catch {
    stuck.add(token);
    const [oldest] = stuck;
    if (stuck.size > stuckMax) stuck.delete(oldest!);
  }
}

/** Waits without turning the event loop, as a constructor must. */
function sleep(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
}

function locked(path: string, lockPath: string, holder: Holder | undefined): SwapError {
  const who =
    holder === undefined
      ? 'a process that does not say who it is'
      : `process ${holder.pid} on ${holder.host}`;
  const message = `${path} is in use by ${who}; if that process is gone for certain, remove ${lockPath}`;
  return new SwapError('ERR_SWAP_LOCKED', message, { path });
}

function ioError(lockPath: string, cause: unknown): SwapError {
  return asIoError('cannot lock the swap file with', lockPath, cause);
}
