// How time is taken inside a child process: after a warm-up, over a stretch long enough for the clock.

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Nanoseconds a call of `act(index)`, which may return a promise, over at least `ms` milliseconds. */
export async function perCall(act, ms, isAsync = false) {
  const batch = isAsync ? 50 : 500;
  let index = 0;
  const run = async (forMs) => {
    const began = performance.now();
    const first = index;
    do {
      if (isAsync) for (let left = batch; left > 0; left--) await act(index++);
      else for (let left = batch; left > 0; left--) act(index++);
    } while (performance.now() - began < forMs);
    return ((performance.now() - began) * 1e6) / (index - first);
  };
  await run(ms / 4);
  globalThis.gc?.();
  return run(ms);
}

/** Waits for a turn of the event loop. */
export function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}
