/** All that users import. */
export { SwapError, type SwapErrorCode } from './errors.js';
export type { Serializer, SetOptions, SwapStoreOptions, WaitOptions } from './options.js';
export type { SwapStoreStats } from './stats.js';
export { type EntryState, SwapStore, type VmPointer } from './swap-store.js';
