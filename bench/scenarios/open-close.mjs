// Start and end: an empty store, and one that holds 20,000 records, most of them swapped.
import { keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

export default {
  name: 'open-close',
  title: 'open, first value, close',
  unit: 'ms',
  variants: [
    { name: 'empty', count: 1 },
    { name: '20,000 records', count: 20_000 },
  ],
  quick: ['empty'],
  sides: () => ['swapstore', 'lmdb', 'better-sqlite3', 'classic-level'],
  async run({ side, variant, directory, dist }) {
    // What it takes to load the module is not meant.
    await (await peers[side]({ directory: `${directory}`, dist, memoryBytes: 2 ** 22 })).close();
    let began = performance.now();
    const store = await peers[side]({ directory, dist, memoryBytes: 2 ** 22 });
    store.set(keyOf(0), kinds.record(0, 400));
    if (store.get(keyOf(0)) === undefined) await store.rest?.();
    const open = performance.now() - began;
    for (let index = 0; index < variant.count; index++) {
      store.set(keyOf(index), kinds.record(index, 400));
      if (index % 256 === 0) await store.mustRest?.();
    }
    await store.rest?.();
    began = performance.now();
    await store.close();
    return { open, close: performance.now() - began };
  },
};
