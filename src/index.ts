/** All that users import. */
export type {
  FetchOptions,
  IterationOptions,
  NamespaceOptions,
  SetOptions,
  WaitOptions,
} from './call-options.js';
export { SwapError, type SwapErrorCode, type SwapErrorContext } from './errors.js';
export { type EntryState, Keyspace, type VmPointer } from './keyspace.js';
export type { LatencyHistogram, SwapStoreLatencies } from './latencies.js';
export { Namespace } from './namespace.js';
export type { Serializer, SwapStoreOptions } from './options.js';
export type { EntryEvent } from './pager/notices.js';
export type { SwapStoreStats } from './stats.js';
export { SwapStore } from './swap-store.js';
