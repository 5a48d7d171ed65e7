/**
 * Work on files whose steps are written once and driven by either of two: one makes each call at once, the other awaits
 * it. The steps are a generator that yields what it wants done, gets the bytes that were moved, and is told by an
 * exception when it failed.
 */

import type { Environment } from '../environment.js';
import { readWhole, writeWhole } from './whole.js';
import { readAll, writeAll } from './whole-async.js';

/** One call on a file, or a turn of the event loop. */
export type Request =
  | {
      readonly kind: 'read' | 'write';
      readonly fd: number;
      readonly bytes: Uint8Array;
      readonly length: number;
      readonly position: number;
    }
  | { readonly kind: 'sync'; readonly fd: number }
  | { readonly kind: 'turn' };
export type Steps<T = void> = Generator<Request, T, number>;

/** Does it on this thread; returns the bytes that were moved. Throws as the disk. */
export function performNow(request: Request, { disk }: Environment): number {
  if (request.kind === 'turn') return 0;
  if (request.kind === 'sync') {
    disk.sync(request.fd);
    return 0;
  }
  const { kind, fd, bytes, length, position } = request;
  if (kind === 'read') return readWhole(disk, fd, bytes, 0, length, position);
  writeWhole(disk, fd, bytes, 0, length, position);
  return length;
}

/** Has the runtime's threads do it. Rejects as the disk. */
function perform(request: Request, { disk, clock }: Environment): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null | undefined, count = 0): void => {
      if (error === null || error === undefined) resolve(count);
      else reject(error);
    };
    if (request.kind === 'turn') {
      clock.nextTurn(() => resolve(0));
      return;
    }
    if (request.kind === 'sync') {
      disk.syncAsync(request.fd, (error) => done(error));
      return;
    }
    const { kind, fd, bytes, length, position } = request;
    if (length === 0) resolve(0);
    else if (kind === 'read') readAll(disk, fd, bytes, length, position, done);
    else writeAll(disk, fd, bytes, length, position, (error) => done(error, length));
  });
}

/** Takes all steps on this thread. They are told of what fails as `asError` puts it; throws what they throw. */
export function driveNow<T>(
  steps: Steps<T>,
  environment: Environment,
  asError: (cause: unknown) => unknown,
): T {
  let step = steps.next();
  while (step.done !== true) {
    let failure: unknown;
    let count = 0;
    try {
      count = performNow(step.value, environment);
    } catch (cause) {
      failure = asError(cause);
    }
    step = failure === undefined ? steps.next(count) : steps.throw(failure);
  }
  return step.value;
}

/**
 * The same off this thread. They are told of `signal`, too, in place of the next call after it was aborted; whatever they
 * make of that, this rejects with its reason.
 */
export async function drive<T>(
  steps: Steps<T>,
  environment: Environment,
  asError: (cause: unknown) => unknown,
  signal?: AbortSignal,
): Promise<T> {
  try {
    let step = steps.next();
    while (step.done !== true) {
      let failure: unknown;
      let count = 0;
      try {
        if (signal?.aborted) failure = signal.reason;
        else count = await perform(step.value, environment);
      } catch (cause) {
        failure = asError(cause);
      }
      step = failure === undefined ? steps.next(count) : steps.throw(failure);
    }
    return step.value;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

/** Writes blocks one behind the other from `position` on; returns where the last one ends. */
export function* writeBlocks(fd: number, blocks: readonly Uint8Array[], position: number): Steps<number> {
  let end = position;
  for (const bytes of blocks) {
    yield { kind: 'write', fd, bytes, length: bytes.length, position: end };
    end += bytes.length;
  }
  return end;
}
