/**
 * Counts how often the event loop turns while something runs, which shows without a clock that it was let turn. What
 * awaits nothing but settled promises runs in one turn, however long it takes.
 */
export async function turnsDuring(work: () => Promise<void>): Promise<number> {
  let turns = 0;
  let pending = setImmediate(count);
  function count(): void {
    turns++;
    pending = setImmediate(count);
  }
  try {
    await work();
    return turns;
  } finally {
    clearImmediate(pending);
  }
}
