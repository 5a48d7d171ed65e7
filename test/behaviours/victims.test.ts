/** Which values leave memory: not those that end soon. */
import { describe, expect, it } from 'vitest';
import { openInWorld, type SwapStoreOptions } from '../support/store.js';

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
