/**
 * What a store counts, and what it shows. Counters only ever grow; the rest of a snapshot is read off the rooms at
 * the moment of the call.
 */

/** A snapshot of a store. Bytes are bytes; counts since it was opened unless said otherwise. */
export interface SwapStoreStats {
  // The thirteen figures of the seed.
  /** false once the store is closed. */
  enabled: boolean;
  /** As opened, bytes. */
  maxMemory: number;
  /** As opened, bytes. */
  pageSize: number;
  /** Pages that the swap file may have. */
  pages: number;
  /** Pages in use now, those of clean copies and of jobs in flight included. */
  usedPages: number;
  /** Entries whose value is only in the file now. */
  swappedObjects: number;
  /** Values read back, promoted or previewed. */
  swapIns: number;
  /** Values that left memory through the file, written or clean. */
  swapOuts: number;
  /** Jobs that wait for a thread now. */
  newJobs: number;
  /** Jobs that threads work on now. */
  processingJobs: number;
  /** Jobs that have ended and wait for the event loop now. */
  processedJobs: number;
  /** Threads alive now. */
  activeThreads: number;
  /** Calls of load, loadMany, preload, run and fetch that wait for a value now. */
  blockedCallers: number;

  /** Keys of all namespaces, whether their values are in memory or not; those that were cleared until they are taken out. */
  entries: number;
  /** Entries whose value is in memory now, those on their way out included. */
  residentObjects: number;
  /** What they cost, but for those on their way out. */
  residentBytes: number;
  /** What those on their way out cost. */
  inFlightBytes: number;
  /** Memory of the index and the policy, off the V8 heap but for the policy's lists. */
  indexBytes: number;
  /** get, load, run, getMany, fetch answered from a resident value. */
  hits: number;
  /** The same, from the swap file or a buffer. */
  faults: number;
  /** Faults answered from bytes still in a write buffer: no read. */
  bufferHits: number;
  /** The same calls, when the key was not there. */
  misses: number;
  /** Values that left memory without a write. */
  cleanDrops: number;
  /** Entries given up for want of space, as `whenFull: 'evict'` allows. */
  evictions: number;
  /** Entries whose ttl has ended and that have been taken out. */
  expirations: number;
  /** To the swap file, padding included; an index is not counted. */
  bytesWritten: number;
  /** From the swap file. */
  bytesRead: number;
  /** How far the swap file has been written. */
  swapFileBytes: number;
  /** Pages, now. */
  largestFreeRun: number;
  /** 1 - largestFreeRun / free pages, now. */
  fragmentation: number;
  /** Values that were wanted again while they were on their way out, or no longer while on their way in. */
  canceledJobs: number;
  /** Times that a caller had to swap out on its own thread, as threads could not keep up or there are none. */
  blockingWaits: number;
  /** Records that were not what the index says, and keys lost to a damaged index. */
  corruptRecords: number;
  /** Reads, writes, syncs and compressions that failed. */
  ioErrors: number;
  /** Values that could not be encoded and stayed. */
  unserializable: number;
}

/** The counters, one field each, so that counting is one store and no look-up. */
export class Counters {
  swapIns = 0;
  swapOuts = 0;
  hits = 0;
  faults = 0;
  bufferHits = 0;
  misses = 0;
  cleanDrops = 0;
  evictions = 0;
  expirations = 0;
  bytesWritten = 0;
  bytesRead = 0;
  canceledJobs = 0;
  blockingWaits = 0;
  corruptRecords = 0;
  ioErrors = 0;
  unserializable = 0;
  blockedCallers = 0;
}
