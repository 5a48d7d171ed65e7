// What caches are for: skewed reads and writes over ten times as much data as there is memory.
import { perCall } from '../lib/measure.mjs';
import { random, zipf } from '../lib/random.mjs';
import { isRight, keyOf, kinds, recordEntryBytes, recordInLruBytes } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

const count = 100_000;
const bytes = 400;
const memoryBytes = (count * recordEntryBytes) / 10;

export default {
  name: 'zipf',
  title: 'Zipf 0.99 over 10 x memory, records of 400 B',
  unit: 'us',
  variants: [50, 90, 99].map((reads) => ({ name: `${reads}% reads`, reads })),
  quick: ['90% reads'],
  // An lru-cache in front of a database hands out what it has, and whatever is changed in place is never written: that is
  // what `immutable` promises.
  sides: () => [
    'swapstore',
    'swapstore, immutable',
    'lru-cache + bare file',
    'lru-cache + lmdb',
    'lru-cache + better-sqlite3',
    'lmdb',
    'better-sqlite3',
    'classic-level',
  ],
  async run({ side, variant, ms, directory, dist }) {
    const [name, immutable] = side.split(', ');
    const options = { immutable: immutable !== undefined };
    // For the same memory an lru-cache has more entries, as they are smaller.
    const entryBytes = recordInLruBytes;
    const store = await peers[name]({ directory, dist, memoryBytes, entryBytes, options });
    const keys = Array.from({ length: count }, (_, index) => keyOf(index));
    for (let index = 0; index < count; index++) {
      store.set(keys[index], kinds.record(index, bytes));
      if (index % 256 === 0) await store.mustRest?.();
    }
    await store.rest?.();
    const draw = zipf(count, 0.99);
    const drawn = Uint32Array.from({ length: 1 << 20 }, draw);
    const chance = random(3);
    const writes = Uint8Array.from({ length: 1 << 20 }, () => (chance(100) >= variant.reads ? 1 : 0));
    let wrong = 0;
    const act = (step) => {
      const at = step & 0xfffff;
      const index = drawn[at];
      if (writes[at] === 1) store.set(keys[index], kinds.record(index, bytes));
      else if (!isRight('record', store.get(keys[index]), index, bytes)) wrong++;
    };
    // Once to warm up: a tenth of all keys fits.
    for (let step = 0; step < 3 * count; step++) {
      act(step);
      if (step % 256 === 0) await store.mustRest?.();
    }
    const countsOf = () => store.store?.stats() ?? store.counts;
    const before = countsOf() && { ...countsOf() };
    let step = 3 * count;
    const batch = 256;
    const perBatch = await perCall(
      async () => {
        for (const end = step + batch; step < end; step++) act(step);
        await store.mustRest?.();
      },
      2 * ms,
      true,
    );
    if (wrong > 0) throw new Error(`${side} gave ${wrong} wrong values`);
    checkCost(store.store?.stats());
    const result = { operation: perBatch / batch / 1000 };
    if (before !== undefined) {
      const after = countsOf();
      const hits = after.hits - before.hits;
      result['hit rate, %'] = (100 * hits) / (hits + after.faults - before.faults);
    }
    await store.close();
    return result;
  },
};

/** All sides have the same memory as long as an entry costs the store what it is taken for. */
function checkCost(stats) {
  if (stats === undefined) return;
  const seen = stats.residentBytes / stats.residentObjects;
  if (Math.abs(seen / recordEntryBytes - 1) > 0.05)
    throw new Error(`an entry costs ${seen.toFixed()} bytes, and was taken for ${recordEntryBytes}`);
}
