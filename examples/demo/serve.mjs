// Reads from the store the way a service does: most reads blocking, some awaiting with several in flight, some in
// batches. Every value is checked. The clock runs only while the store works: what the check costs is not its speed.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { seededRandom, shuffled, zipfRanks } from './zipf.mjs';

const SEED = 20_240_229;
const ZIPF_EXPONENT = 0.99;
/** Of 320 reads 224 block (70%), 64 await (20%) and 32 come as one batch (10%). */
const ROUND = { blocking: 224, awaiting: 64, batch: 32 };
const IN_FLIGHT = 16;
/** A service has other things to do: the event loop is given back this often, and its delay measured. */
const SLICE_MS = 1;

/** One way to read: how often, and how long the store took. */
export class Lane {
  readCount = 0;
  elapsedMs = 0;

  get readsPerSecond() {
    return this.elapsedMs === 0 ? 0 : (this.readCount / this.elapsedMs) * 1000;
  }
}

/** @typedef {{ blocking: Lane, awaiting: Lane, batches: Lane }} Served */

/**
 * @param {import('swapstore').SwapStore} store
 * @param {readonly string[]} keys
 * @param {number} readCount
 * @param {import('./check.mjs').Checker} checker
 * @param {(doneCount: number) => void} onProgress
 * @returns {Promise<Served>}
 */
export async function serve(store, keys, readCount, checker, onProgress) {
  const served = { blocking: new Lane(), awaiting: new Lane(), batches: new Lane() };
  if (keys.length === 0) return served;
  const random = seededRandom(SEED);
  const byRank = shuffled(keys, random);
  const nextRank = zipfRanks(keys.length, ZIPF_EXPONENT, random);
  let leftCount = readCount;

  /** @param {number} wantedCount */
  const nextKeys = (wantedCount) => {
    const count = Math.min(wantedCount, leftCount);
    leftCount -= count;
    return Array.from({ length: count }, () => /** @type {string} */ (byRank[nextRank()]));
  };

  for (let round = 0; leftCount > 0; round++) {
    await readBlocking(store, nextKeys(ROUND.blocking), checker, served.blocking);
    for (let i = 0; i < ROUND.awaiting; i += IN_FLIGHT) {
      // Sixteen callers that wait at the same time, each for its own key.
      await readTogether(nextKeys(IN_FLIGHT), checker, served.awaiting, (wanted) =>
        Promise.all(wanted.map((key) => store.load(key))),
      );
    }
    await readTogether(nextKeys(ROUND.batch), checker, served.batches, (wanted) =>
      round % 2 === 0 ? store.loadMany(wanted) : store.getMany(wanted),
    );
    onProgress(readCount - leftCount);
    await nextTurn();
  }
  return served;
}

/**
 * @param {import('swapstore').SwapStore} store
 * @param {string[]} keys
 * @param {import('./check.mjs').Checker} checker
 * @param {Lane} lane
 */
async function readBlocking(store, keys, checker, lane) {
  let sliceStart = performance.now();
  for (const key of keys) {
    const start = performance.now();
    try {
      const value = store.get(key);
      lane.elapsedMs += performance.now() - start;
      checker.check(key, value);
    } catch (error) {
      checker.wrong(key, String(error));
    }
    lane.readCount++;
    if (performance.now() - sliceStart >= SLICE_MS) {
      await nextTurn();
      sliceStart = performance.now();
    }
  }
}

/**
 * @param {string[]} keys
 * @param {import('./check.mjs').Checker} checker
 * @param {Lane} lane
 * @param {(keys: string[]) => unknown[] | Promise<unknown[]>} read
 */
async function readTogether(keys, checker, lane, read) {
  const start = performance.now();
  try {
    const values = await read(keys);
    lane.elapsedMs += performance.now() - start;
    for (const [i, key] of keys.entries()) checker.check(key, values[i]);
  } catch (error) {
    for (const key of keys) checker.wrong(key, String(error));
  }
  lane.readCount += keys.length;
}
