// A value that is in memory: the cost that every user of a cache pays most often.
import { perCall } from '../lib/measure.mjs';
import { peers } from '../peers/index.mjs';

const count = 1000;
const keys = Array.from({ length: count }, (_, index) => `key:${index}`);

export default {
  name: 'hot-get',
  title: 'get of a value in memory, 1,000 hot keys',
  unit: 'ns',
  variants: [{ name: '' }],
  // With 'swappability' a hit writes a stamp and no more: as good as no policy.
  sides: () => [
    'swapstore',
    'swapstore, policy lru',
    'swapstore, policy swappability',
    'lru-cache',
    'Map',
    'lmdb',
  ],
  async run({ side, ms, directory, dist }) {
    const [name, policy] = side.split(', policy ');
    const options = policy === undefined ? {} : { policy };
    const store = await peers[name]({ directory, dist, memoryBytes: 2 ** 26, options });
    for (const key of keys) store.set(key, { key });
    await store.rest?.();
    let found = 0;
    const get = await perCall((index) => {
      if (store.get(keys[(index * 7) % count]) !== undefined) found++;
    }, ms);
    await store.close();
    if (found === 0) throw new Error('nothing was found');
    return { get };
  },
};
