// What it costs to be seen: nobody listens, somebody does, or latencies are measured; and what a namespace costs a key.
import { subscribe, tracingChannel } from 'node:diagnostics_channel';
import { perCall } from '../lib/measure.mjs';

const count = 1000;
const names = Array.from({ length: count }, (_, index) => `key:${index}`);

export default {
  name: 'listening',
  title: 'moves and hits, by who listens',
  unit: 'ns',
  variants: [{ name: '' }],
  sides: () => ['nobody', 'a listener', 'a channel', 'latencies', 'in a namespace'],
  async run({ side, ms, dist }) {
    const { SwapStore } = await import(new URL('index.js', dist));
    const store = new SwapStore({ maxMemory: 2 ** 26, threads: 0 });
    const keys = side === 'in a namespace' ? store.namespace('pages') : store;
    let heard = 0;
    const hear = () => {
      heard++;
    };
    if (side === 'a listener') for (const event of ['swapout', 'swapin']) store.on(event, hear);
    if (side === 'a channel') {
      for (const event of ['swapout', 'swapin']) subscribe(`swapstore:${event}`, hear);
      tracingChannel('swapstore:load').subscribe({ start: hear });
    }
    if (side === 'latencies') store.latencies();
    for (const key of names) keys.set(key, { key });
    const get = await perCall((index) => keys.get(names[(index * 7) % count]), ms);
    const load = await perCall((index) => keys.load(names[(index * 7) % count]), ms, true);
    // Unchanged, so that it leaves without a write: what is left is the move itself.
    for (const key of names) keys.swapOutSync(key);
    for (const key of names) keys.get(key);
    const move = await perCall((index) => {
      const key = names[(index * 7) % count];
      keys.swapOutSync(key);
      keys.get(key);
    }, ms);
    await store.close();
    const isHeard = side === 'a listener' || side === 'a channel';
    if (isHeard !== heard > 0) throw new Error(`${heard} events were heard`);
    return { get, load, 'out and in, clean': move };
  },
};
