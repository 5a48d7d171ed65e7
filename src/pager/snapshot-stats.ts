/** The figures of `stats()`, read off the rooms at the moment of the call. */
import type { SwapStoreStats } from '../stats.js';
import type { Pager } from './pager.js';

export function snapshotStats(pager: Pager, enabled: boolean): SwapStoreStats {
  const { core, swapIn } = pager;
  const { counters, options, pages, pool, residents, table, file } = core;
  // What is in memory has a size; but not while it is being encoded.
  if (!core.foreign.runs) residents.weighGuest();
  const freePages = pages.pageCount - pages.usedPages;
  const { blockedCallers, ...counts } = counters;
  return {
    ...counts,
    enabled,
    maxMemory: options.maxMemory,
    pageSize: options.pageSize,
    pages: pages.pageCount,
    usedPages: pages.usedPages,
    swappedObjects: table.size - residents.count,
    newJobs: pool.newJobs + swapIn.waitingCount,
    processingJobs: pool.processingJobs,
    processedJobs: pool.processedJobs,
    activeThreads: pool.activeThreads,
    blockedCallers,
    entries: table.size,
    residentObjects: residents.count,
    residentBytes: residents.residentBytes,
    inFlightBytes: residents.inFlightBytes,
    indexBytes: table.bytes + residents.policy.bytes,
    swapFileBytes: file.writtenBytes,
    largestFreeRun: pages.largestFreeRun,
    fragmentation: freePages === 0 ? 0 : 1 - pages.largestFreeRun / freePages,
  };
}
