/**
 * Work on files whose steps are written once and driven by either of two: one makes each call at once, the other awaits
 * it. The steps are a generator that yields what it wants done, and is told by an exception when it failed.
 */
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
  const { fd, bytes, length, position } = request;
  for (let done = 0; done < length; ) {
    const count = disk.write(fd, bytes, done, length - done, position + done);
    if (count === 0) throw new Error('write returned 0');
    done += count;
  }
}

/** Has the runtime's threads do it. Rejects as the disk. */
export function perform(request: Request, { disk, clock }: Environment): Promise<void> {
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
