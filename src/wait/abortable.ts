/** A wait that its caller may give up, for what has no waiter of its own: what was waited for goes on without it. */
import { ignoreAbort, onAbort } from './abort-signals.js';

export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    onAbort(signal, abort);
    promise.then(resolve, reject).finally(() => ignoreAbort(signal, abort));
  });
}
