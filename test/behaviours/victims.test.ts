/** Which values leave memory: not those that end soon, nor those that may still be changed in place. */
import { describe, expect, it } from 'vitest';
import { openInWorld, type SwapStoreOptions, swapOutSlow } from '../support/store.js';

const size = 1000;
const policies = ['adaptive', 'lru', 'swappability'] as const;

describe.each(policies)('with the policy %s', (policy) => {
  describe.each([0, 2])('and %i threads', (threads) => {
    const options: SwapStoreOptions = { policy, threads, maxMemory: 200 * size };

    it('what ends within a second is dropped at its end, and never written', async () => {
      const { store, world, clock } = openInWorld(options);
      for (let index = 0; index < 40; index++) store.set(`soon:${index}`, index, { size, ttl: 900 });
      for (let index = 0; index < 400; index++) {
        store.set(`later:${index}`, index, { size, ttl: 60_000 });
        if (index % 20 === 0) await world.settle();
      }
      await world.drive(store.drain());
      expect(store.stats().swapOuts).toBeGreaterThan(150);
      for (let index = 0; index < 40; index++)
        expect([index, store.state(`soon:${index}`)]).toEqual([index, 'resident']);
      const { expirations } = store.stats();
      clock.advance(2000);
      await world.settle();
      expect(store.stats().expirations - expirations).toBe(40);
      for (let index = 0; index < 400; index++) expect(store.get(`later:${index}`)).toBe(index);
    });

    it('where everything ends within a second memory keeps within its bound, and nothing is lost', async () => {
      const { store, world } = openInWorld(options);
      for (let index = 0; index < 600; index++) {
        store.set(`soon:${index}`, index, { size, ttl: 900 });
        const { residentBytes, inFlightBytes } = store.stats();
        expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(200 * size);
        if (index % 20 === 0) await world.settle();
      }
      for (let index = 0; index < 600; index++) expect(store.get(`soon:${index}`)).toBe(index);
    });
  });
});

interface Counter {
  n: number;
}

describe.each(policies)(
  'what was handed out while another value is waited for, with the policy %s',
  (policy) => {
    const large = 10_000;
    const options: SwapStoreOptions = { policy, threads: 1, maxMemory: 100 * large };

    it.each(['resident', 'swapped'])(
      'stays until both may be changed in place, though it was %s',
      async (state) => {
        for (let round = 0; round < 5; round++) {
          const { store, world } = openInWorld(options);
          store.set('late', { n: 0 }, { size: 40 * large });
          swapOutSlow(world, store, 'late');
          store.set('early', { n: 0 }, { size: 10 * large });
          if (state === 'swapped') store.swapOutSync('early');
          for (let index = 0; index < 5; index++) store.set(`other:${index}`, index, { size: 10 * large });
          await world.settle();
          for (let index = 0; index < round; index++) store.get(`other:${index}`);
          expect([store.state('early'), store.state('late')]).toEqual([state, 'swapped']);
          const changed = Promise.all([store.load('early'), store.load('late')]).then((both) => {
            for (const value of both as Counter[]) value.n++;
          });
          // The thread takes its time, and memory is wanted for others.
          for (let index = 0; index < 30; index++) {
            await world.clock.turn();
            store.set(`more:${index}`, index, { size: 4 * large });
          }
          await world.drive(changed);
          await world.settle();
          for (let index = 0; index < 60; index++) {
            store.set(`more:${index}`, index, { size: 4 * large });
            await world.settle();
          }
          expect([store.get('early'), store.get('late')]).toEqual([{ n: 1 }, { n: 1 }]);
        }
      },
    );

    it('leaves all the same where memory would be full of it', async () => {
      const { store, world } = openInWorld(options);
      store.set('late', 1);
      swapOutSlow(world, store, 'late');
      const late = store.load('late');
      for (let index = 0; index < 400; index++) {
        store.set(`key:${index}`, { n: index }, { size: large });
        expect(await store.load(`key:${index}`)).toEqual({ n: index });
        await world.clock.turn();
        const { residentBytes, inFlightBytes } = store.stats();
        expect(residentBytes + inFlightBytes).toBeLessThanOrEqual(100 * large);
      }
      expect(store.state('late')).toBe('loading');
      expect(await world.drive(late)).toBe(1);
      for (let index = 0; index < 400; index++) expect(store.peek(`key:${index}`)).toEqual({ n: index });
    });
  },
);
