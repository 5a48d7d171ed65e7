/** How long the swap file becomes: long runs are worth something, but not a file that is mostly holes. */
import { expect, it } from 'vitest';
import { mebi, openInWorld } from '../support/store.js';

it.each([0, 1])(
  'a file that is mostly holes does not grow for long runs, with threads %i',
  async (threads) => {
    const { store, world } = openInWorld({ threads, maxMemory: mebi, maxSwap: 64 * mebi });
    const text = (index: number) => `${index} `.padEnd(4000, 'x');
    const swapAllOut = async () => {
      for (let index = 0; index < 4000; index++)
        if (store.state(`key:${index}`) === 'resident') store.swapOutSync(`key:${index}`);
      await world.settle();
    };
    for (let index = 0; index < 4000; index++) store.set(`key:${index}`, text(index));
    await swapAllOut();
    const { swapFileBytes } = store.stats();
    expect(swapFileBytes).toBeGreaterThan(15 * mebi);
    // Holes of nine values: too short for a batch of sixteen.
    for (let index = 0; index < 4000; index++) if (index % 10 !== 0) store.delete(`key:${index}`);
    for (let index = 0; index < 600; index++) store.set(`new:${index}`, text(index));
    await world.drive(store.ready());
    expect(store.stats().swapOuts).toBeGreaterThan(4300);
    expect(store.stats().swapFileBytes).toBe(swapFileBytes);
    for (let index = 0; index < 600; index++) expect(store.peek(`new:${index}`)).toBe(text(index));
  },
);
