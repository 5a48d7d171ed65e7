/** Keyv's own suite for storage adapters, over the adapter: each Keyv gets its own, on one store. */
import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import Keyv from 'keyv';
import * as vitest from 'vitest';
import KeyvSwapStore from '../../dist/adapters/keyv.js';
import { SwapStore } from '../../dist/index.js';

vitest.describe.each([
  ['in memory', {}],
  ['in the file', { maxMemory: 0 }],
  ['on one thread', { maxMemory: 0, threads: 0 }],
] as const)('the adapter with values %s', (_, options) => {
  let swapStore: SwapStore;
  vitest.beforeAll(() => {
    swapStore = new SwapStore(options);
  });
  vitest.afterAll(() => swapStore.close());
  const store = () => new KeyvSwapStore(swapStore);
  keyvTestSuite(vitest, Keyv, store);
  keyvIteratorTests(vitest, Keyv, store);
});
