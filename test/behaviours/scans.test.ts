/** A look at everything once does not push out what is used all the time. */
import { expect, it } from 'vitest';
import { World } from '../support/environment.js';
import { openInWorld } from '../support/store.js';

const hotCount = 300;
const coldCount = 5000;
const size = 100;

/** With these the window's share changes in the middle, hot values are on both sides of it, and once they were lost. */
const seeds = [251, 456, 686, 1228].map((number) => Math.imul(number, 0x9e3779b1));

function filled(seed = 1) {
  const { store, world } = openInWorld(
    { threads: 0, maxMemory: 600 * size, policy: 'adaptive' },
    new World(seed),
  );
  for (let index = 0; index < coldCount; index++) store.set(`cold:${index}`, index, { size });
  for (let index = 0; index < hotCount; index++) store.set(`hot:${index}`, index, { size });
  for (let round = 0; round < 20; round++)
    for (let index = 0; index < hotCount; index++) store.get(`hot:${index}`);
  const hotInMemory = () => {
    let count = 0;
    for (let index = 0; index < hotCount; index++) if (store.state(`hot:${index}`) === 'resident') count++;
    return count;
  };
  expect(hotInMemory()).toBeGreaterThan(0.95 * hotCount);
  return { store, world, hotInMemory };
}

it('iteration leaves memory as it is', () => {
  const { store, hotInMemory } = filled();
  const before = hotInMemory();
  let sum = 0;
  for (const [, value] of store) sum += value as number;
  expect(sum).toBeGreaterThan(0);
  expect(hotInMemory()).toBe(before);
});

it.each(seeds.flatMap((seed) => [['getMany', seed] as const, ['loadMany', seed] as const]))(
  '%s of a cold range leaves nearly all that is hot, seed %i',
  async (way, seed) => {
    const { store, world, hotInMemory } = filled(seed);
    for (let from = 0; from < coldCount; from += 500) {
      const keys = Array.from({ length: 500 }, (_, at) => `cold:${from + at}`);
      const values = way === 'getMany' ? store.getMany(keys) : await world.drive(store.loadMany(keys));
      expect(values).toEqual(keys.map((key) => Number(key.slice(5))));
    }
    expect(hotInMemory()).toBeGreaterThan(0.85 * hotCount);
  },
);

it('a batch that is asked for again and again is in memory soon', () => {
  const { store } = filled();
  const keys = Array.from({ length: 100 }, (_, at) => `cold:${at}`);
  for (let round = 0; round < 20; round++) store.getMany(keys);
  expect(keys.filter((key) => store.state(key) === 'resident').length).toBeGreaterThan(90);
});

it('what becomes hot after it is in memory soon', () => {
  const { store } = filled();
  // Another hot set: within a few times of what memory holds it is the one that is met there.
  const ask = () => {
    let met = 0;
    for (let index = 0; index < hotCount; index++) {
      if (store.state(`cold:${index}`) === 'resident') met++;
      store.get(`cold:${index}`);
    }
    return met;
  };
  for (let round = 0; round < 8; round++) ask();
  expect(ask()).toBeGreaterThan(0.9 * hotCount);
});
