// Many keys, nearly all of them swapped: what the index costs, and what the garbage collector makes of it.
import { PerformanceObserver } from 'node:perf_hooks';
import { turn } from '../lib/measure.mjs';
import { random } from '../lib/random.mjs';

const million = 1_000_000;
const keyOf = (index) => `user:${String(index).padStart(15, '0')}`;

export default {
  name: 'keys',
  title: 'keys of 20 bytes with small values, 64 MiB of memory',
  unit: '',
  variants: [1, 5, 10, 20].map((millions) => ({ name: `${millions} M`, count: millions * million })),
  quick: ['1 M'],
  sides: ({ count }) => ['swapstore', ...(count <= 10 * million ? ['Map of pointer objects'] : [])],
  runs: 1,
  async run({ side, variant, dist }) {
    const { count } = variant;
    let longestPauseMs = 0;
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longestPauseMs = Math.max(longestPauseMs, duration);
    });
    observer.observe({ entryTypes: ['gc'] });
    globalThis.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    const draw = random(9);
    const reads = 200_000;
    let insertMs;
    let lookUpMs;
    let bytesAKey;
    let longestSetMs = 0;
    if (side === 'swapstore') {
      const { SwapStore } = await import(new URL('index.js', dist));
      const store = new SwapStore({ maxMemory: 64 * 2 ** 20, maxSwap: 2 ** 38 });
      let began = performance.now();
      for (let index = 0; index < count; index++) {
        if (index % 1024 === 0) {
          await store.ready();
          const at = performance.now();
          store.set(keyOf(index), index);
          longestSetMs = Math.max(longestSetMs, performance.now() - at);
        } else {
          store.set(keyOf(index), index);
        }
      }
      insertMs = performance.now() - began;
      await store.drain();
      began = performance.now();
      for (let read = 0; read < reads; read++) {
        const index = Math.floor(draw(count));
        if (!store.has(keyOf(index))) throw new Error('a key is missing');
      }
      lookUpMs = performance.now() - began;
      bytesAKey = store.stats().indexBytes / count;
      for (let read = 0; read < 20_000; read++) {
        const index = Math.floor(draw(count));
        if (store.peek(keyOf(index)) !== index) throw new Error('wrong value');
      }
      await turn();
      await store.close();
    } else {
      const map = new Map();
      let began = performance.now();
      for (let index = 0; index < count; index++) {
        map.set(keyOf(index), { page: index, pages: 1, bytes: 40 });
        if (index % 1024 === 0) await turn();
      }
      insertMs = performance.now() - began;
      began = performance.now();
      for (let read = 0; read < reads; read++) {
        if (!map.has(keyOf(Math.floor(draw(count))))) throw new Error('a key is missing');
      }
      lookUpMs = performance.now() - began;
      globalThis.gc?.();
      bytesAKey = (process.memoryUsage().heapUsed - heapBefore) / map.size;
      await turn();
      map.clear();
    }
    observer.disconnect();
    return {
      'set, us': (insertMs * 1000) / count,
      'has, us': (lookUpMs * 1000) / reads,
      'bytes a key, key included': bytesAKey,
      'longest collection, ms': longestPauseMs,
      ...(side === 'swapstore' ? { 'longest set (one in 1,024 timed), ms': longestSetMs } : {}),
    };
  },
};
