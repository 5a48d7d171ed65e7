/**
 * The configurations that the behaviour suite runs over. As the seed's authors did, it runs with plenty of memory and
 * with none ("everything swaps, always"); and with little, where values move all the time. Each pair of choices
 * meets in some configuration, not each combination.
 */
import { describe } from 'vitest';
import type { SwapStoreOptions } from '../../dist/index.js';
import { kibi, mebi } from './store.js';

const plenty = 64 * mebi;
const little = 64 * kibi;

const configurations: readonly SwapStoreOptions[] = [
  { maxMemory: plenty, threads: 0, pageSize: 4096, policy: 'adaptive' },
  { maxMemory: plenty, threads: 4, pageSize: 64, policy: 'lru', compression: 'deflate', encryption: true },
  { maxMemory: plenty, threads: 1, pageSize: 128, policy: 'swappability', whenFull: 'evict' },
  { maxMemory: little, threads: 0, pageSize: 64, policy: 'adaptive', encryption: true },
  { maxMemory: little, threads: 0, pageSize: 128, policy: 'lru', whenFull: 'evict', compression: 'deflate' },
  { maxMemory: little, threads: 0, pageSize: 4096, policy: 'swappability', compression: 'brotli' },
  {
    maxMemory: little,
    threads: 1,
    pageSize: 64,
    policy: 'swappability',
    whenFull: 'evict',
    encryption: true,
  },
  { maxMemory: little, threads: 1, pageSize: 4096, policy: 'lru', compression: 'deflate' },
  { maxMemory: little, threads: 4, pageSize: 128, policy: 'adaptive' },
  {
    maxMemory: little,
    threads: 4,
    pageSize: 4096,
    policy: 'adaptive',
    whenFull: 'evict',
    compression: 'brotli',
  },
  { maxMemory: 0, threads: 0, pageSize: 64, policy: 'lru' },
  { maxMemory: 0, threads: 1, pageSize: 128, policy: 'adaptive', compression: 'brotli', encryption: true },
  { maxMemory: 0, threads: 4, pageSize: 4096, policy: 'swappability', whenFull: 'evict' },
];

function nameOf(options: SwapStoreOptions): string {
  const memory = { [plenty]: 'plenty of memory', [little]: 'little memory', 0: 'no memory' }[
    options.maxMemory!
  ];
  const encrypted = options.encryption === true ? 'encrypted' : undefined;
  const rest = [options.policy, options.compression, options.whenFull, encrypted].filter(
    (word) => word !== undefined,
  );
  return `${memory}, ${options.threads} threads, pages of ${options.pageSize}, ${rest.join(', ')}`;
}

/** Describes the same behaviour once for each configuration. */
export function describeEachConfiguration(title: string, body: (options: SwapStoreOptions) => void): void {
  describe(title, () => {
    for (const options of configurations) describe(`with ${nameOf(options)}`, () => body(options));
  });
}

/** The same, only where values can stay resident. */
export function describeEachWithMemory(title: string, body: (options: SwapStoreOptions) => void): void {
  describe(title, () => {
    for (const options of configurations) {
      if (options.maxMemory !== 0) describe(`with ${nameOf(options)}`, () => body(options));
    }
  });
}
