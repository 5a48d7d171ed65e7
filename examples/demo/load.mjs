// Fills the store with a directory tree. One record is in hand at a time, and `ready()` holds the next one back until
// the store has swapped out enough: that is all it takes to load 2 GB through 8 MiB.
import { SwapError } from 'swapstore';
import { keyOf, readRecords } from './record.mjs';
import { walk } from './walk.mjs';

/**
 * @typedef {object} Loaded
 * @property {string[]} keys
 * @property {number} fileCount
 * @property {number} byteCount of content, as it lies in the files
 * @property {boolean} isFull whether the swap file was full before the tree ended
 */

/**
 * @param {import('swapstore').SwapStore} store
 * @param {string} root
 * @param {import('./walk.mjs').Tally} tally
 * @param {(loaded: Loaded) => void} onProgress
 * @returns {Promise<Loaded>}
 */
export async function load(store, root, tally, onProgress) {
  const loaded = { keys: /** @type {string[]} */ ([]), fileCount: 0, byteCount: 0, isFull: false };
  try {
    for await (const path of walk(root, tally)) {
      for await (const { record, byteCount } of readRecords(root, path, tally)) {
        const key = keyOf(record);
        store.set(key, record);
        loaded.keys.push(key);
        loaded.byteCount += byteCount;
        if (record.offset === 0) loaded.fileCount++;
        onProgress(loaded);
        await store.ready();
      }
    }
  } catch (error) {
    // What a full store holds is still good to serve; any other failure of the store is not for the demo to hide.
    if (!(error instanceof SwapError) || error.code !== 'ERR_SWAP_FULL') throw error;
    loaded.isFull = true;
  }
  return loaded;
}
