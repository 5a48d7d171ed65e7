/** All that users import. */
export { SwapError, type SwapErrorCode, type SwapErrorContext } from './errors.js';
export { type EntryState, Keyspace, type VmPointer } from './keyspace.js';
export type { LatencyHistogram, SwapStoreLatencies } from './latencies.js';
export { Namespace } from './namespace.js';
export type {
  FetchOptions,
  IterationOptions,
  NamespaceOptions,
  Serializer,
  SetOptions,
  SwapStoreOptions,
  WaitOptions,
} from './options.js';
export type { EntryEvent } from './pager/notices.js';
export type { SwapStoreStats } from './stats.js';
export { SwapStore } from './swap-store.js';
