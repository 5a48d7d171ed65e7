/**
 * Who waits with a signal is told when it is aborted, by one listener of ours for each signal, however many wait with it:
 * a request's signal is given to all loads of the request, and Node warns of a leak at the eleventh listener.
 */
interface Listening {
  readonly acts: Set<() => void>;
  readonly listener: () => void;
}

const bySignal = new WeakMap<AbortSignal, Listening>();

/** Calls `act` when `signal` is aborted, unless `ignoreAbort` comes first. */
export function onAbort(signal: AbortSignal, act: () => void): void {
  const listening = bySignal.get(signal) ?? listen(signal);
  listening.acts.add(act);
}

export function ignoreAbort(signal: AbortSignal, act: () => void): void {
  const listening = bySignal.get(signal);
  if (listening === undefined || !listening.acts.delete(act) || listening.acts.size > 0) return;
  bySignal.delete(signal);
  signal.removeEventListener('abort', listening.listener);
}

function listen(signal: AbortSignal): Listening {
  const acts = new Set<() => void>();
  const listener = (): void => {
    bySignal.delete(signal);
    for (const act of acts) act();
  };
  const listening = { acts, listener };
  bySignal.set(signal, listening);
  signal.addEventListener('abort', listener, { once: true });
  return listening;
}
