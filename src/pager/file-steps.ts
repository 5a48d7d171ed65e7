/**
 * Work on files whose steps are written once and driven by either of two: one makes each call at once, the other awaits
 * it. The steps are a generator that yields what it wants done, and is told by an exception when it failed.
 */

import { writeWhole } from '../disk/whole.js';
import type { Environment } from '../environment.js';
import { writeAll } from '../io/large-io.js';

/** One call on a file, or a turn of the event loop. */
export type Request =
  | {
      readonly kind: 'write';
      readonly fd: number;
      readonly bytes: Uint8Array;
      readonly length: number;
      readonly position: number;
    }
  | { readonly kind: 'sync'; readonly fd: number }
  | { readonly kind: 'turn' };
export type Steps<T = void> = Generator<Request, T, void>;

/** Does it on this thread. Throws as the disk. */
export function performNow(request: Request, { disk }: Environment): void {
  if (request.kind === 'sync') disk.sync(request.fd);
  if (request.kind !== 'write') return;
  writeWhole(disk, request.fd, request.bytes, 0, request.length, request.position);
}

/** Has the runtime's threads do it. Rejects as the disk. */
function perform(request: Request, { disk, clock }: Environment): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null | undefined): void => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    };
    if (request.kind === 'turn') clock.nextTurn(resolve);
    else if (request.kind === 'sync') disk.syncAsync(request.fd, done);
    else writeAll(disk, request.fd, request.bytes, request.length, request.position, done);
  });
}

/** Takes all steps on this thread. They are told of what fails as `asError` puts it; throws what they throw. */
export function driveNow(steps: Steps, environment: Environment, asError: (cause: unknown) => unknown): void {
  for (let step = steps.next(); step.done !== true; ) {
    let failure: unknown;
    try {
      performNow(step.value, environment);
    } catch (cause) {
      failure = asError(cause);
    }
    step = failure === undefined ? steps.next() : steps.throw(failure);
  }
}

/** The same off this thread. */
export async function drive(
  steps: Steps,
  environment: Environment,
  asError: (cause: unknown) => unknown,
): Promise<void> {
  for (let step = steps.next(); step.done !== true; ) {
    let failure: unknown;
    try {
      await perform(step.value, environment);
    } catch (cause) {
      failure = asError(cause);
    }
    step = failure === undefined ? steps.next() : steps.throw(failure);
  }
}
