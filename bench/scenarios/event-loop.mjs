// What the event loop feels while values are written as fast as `ready()` lets them, and read back.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { random } from '../lib/random.mjs';
import { keyOf, kinds, recordInLruBytes } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

/** What V8 gives to what is new: the delays are its collections for the most part, which take less of less. */
const youngFlag = '--max-semi-space-size=4';
const withYoungFlag = `swapstore, ${youngFlag}`;
/** What is felt of values that stay in memory as long as they fit, and of nothing else: the limit of whoever keeps some there. */
const memoryAlone = 'lru-cache, and no disk';

async function openMemoryAlone({ memoryBytes }) {
  const { LRUCache } = await import('lru-cache');
  const sizeCalculation = (value) => value.length ?? recordInLruBytes;
  const cache = new LRUCache({ maxSize: memoryBytes, sizeCalculation });
  return { get: (key) => cache.get(key), set: (key, value) => cache.set(key, value), close: () => {} };
}

function openSide(side, given) {
  if (side === memoryAlone) return openMemoryAlone(given);
  return peers[side === withYoungFlag ? 'swapstore' : side](given);
}

export default {
  name: 'event-loop',
  title: 'event-loop delay while swapping flat out',
  unit: 'ms',
  variants: [
    // V8 takes a place in the code all of whose first objects stay for one that makes old objects. Parsed ones have no such place.
    { name: 'records of 400 B, parsed', kind: 'record', isParsed: true, bytesMax: 400, memoryBytes: 2 ** 24 },
    { name: 'records of 400 B, from a literal', kind: 'record', bytesMax: 400, memoryBytes: 2 ** 24 },
    { name: 'Buffers up to 64 KB', kind: 'Buffer', bytesMax: 65_536, memoryBytes: 2 ** 26 },
  ],
  sides: () => ['swapstore', withYoungFlag, memoryAlone, 'lmdb', 'better-sqlite3'],
  flagsOf: (side) => (side === withYoungFlag ? [youngFlag] : []),
  async run({ side, variant, ms, directory, dist }) {
    const { kind, isParsed, bytesMax, memoryBytes } = variant;
    const store = await openSide(side, { directory, dist, memoryBytes });
    const make = (index, bytes) => {
      const value = kinds[kind](index, bytes);
      return isParsed ? JSON.parse(JSON.stringify(value)) : value;
    };
    const draw = random(13);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const end = performance.now() + 10 * ms;
    let written = 0;
    delay.enable();
    while (performance.now() < end) {
      for (let index = 0; index < 32; index++, written++) {
        const bytes = kind === 'record' ? bytesMax : 100 + Math.floor(draw(bytesMax - 100));
        store.set(keyOf(written), make(written, bytes));
      }
      await store.mustRest?.();
      for (let index = 0; index < 8; index++) {
        const key = keyOf(Math.floor(draw(written)));
        await (store.load ?? store.get)(key);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    delay.disable();
    // The monitor's own timer is due once a millisecond: that much is no delay.
    const over = (ns) => Math.max(0, ns / 1e6 - 1);
    const result = {
      p50: over(delay.percentile(50)),
      p99: over(delay.percentile(99)),
      max: over(delay.max),
      'thousands of writes a second': written / (10 * ms),
    };
    await store.close();
    return result;
  },
};
