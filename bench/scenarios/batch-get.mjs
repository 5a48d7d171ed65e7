// A hundred values at once, none of them in memory.
import { perCall } from '../lib/measure.mjs';
import { isRight, keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

const count = 50_000;
const bytes = 400;
const many = 100;

export default {
  name: 'batch-get',
  title: 'getMany of 100 records of 400 B that are not in memory',
  unit: 'us',
  variants: [{ name: '' }],
  sides: () => ['swapstore', 'lmdb'],
  async run({ side, ms, directory, dist }) {
    const store = await peers[side]({ directory, dist, memoryBytes: 2 ** 20 });
    const keys = Array.from({ length: count }, (_, index) => keyOf(index));
    for (let index = 0; index < count; index++) {
      store.set(keys[index], kinds.record(index, bytes));
      if (index % 256 === 0) await store.mustRest?.();
    }
    await store.rest?.();
    const wanted = (batch) => Array.from({ length: many }, (_, at) => ((batch * many + at) * 7919) % count);
    const perBatch = await perCall(
      async (batch) => {
        const indexes = wanted(batch);
        const values = store.getMany(indexes.map((index) => keys[index]));
        if (!isRight('record', values[many - 1], indexes[many - 1], bytes)) throw new Error('wrong value');
      },
      ms,
      true,
    );
    await store.close();
    return { 'get, each': perBatch / many / 1000 };
  },
};
