// What the event loop feels while values are written as fast as `ready()` lets them, and read back.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { random } from '../lib/random.mjs';
import { keyOf, kinds } from '../lib/values.mjs';
import { peers } from '../peers/index.mjs';

/** What V8 gives to what is new: the delays are its collections for the most part, which take less of less. */
const youngFlag = '--max-semi-space-size=4';
const withYoungFlag = `swapstore, ${youngFlag}`;

export default {
  name: 'event-loop',
  title: 'event-loop delay while swapping flat out',
  unit: 'ms',
  variants: [
    { name: 'records of 400 B', kind: 'record', bytesMax: 400, memoryBytes: 2 ** 24 },
    { name: 'Buffers up to 64 KB', kind: 'Buffer', bytesMax: 65_536, memoryBytes: 2 ** 26 },
  ],
  sides: () => ['swapstore', withYoungFlag, 'lmdb', 'better-sqlite3'],
  flagsOf: (side) => (side === withYoungFlag ? [youngFlag] : []),
  async run({ side, variant, ms, directory, dist }) {
    const { kind, bytesMax, memoryBytes } = variant;
    const store = await peers[side === withYoungFlag ? 'swapstore' : side]({ directory, dist, memoryBytes });
    const draw = random(13);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const end = performance.now() + 10 * ms;
    let written = 0;
    delay.enable();
    while (performance.now() < end) {
      for (let index = 0; index < 32; index++, written++) {
        const bytes = kind === 'record' ? bytesMax : 100 + Math.floor(draw(bytesMax - 100));
        store.set(keyOf(written), kinds[kind](written, bytes));
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
