/**
 * What each figure of `stats()` is called, counted in and means, for the systems that collect such figures. The compiler
 * sees to it that none is missing.
 */
import type { LatencyHistogram, SwapStoreLatencies } from '../latencies.js';
import type { SwapStoreStats } from '../stats.js';

export interface Metric {
  /** A counter only grows while the store is open; a gauge goes up and down. */
  readonly kind: 'counter' | 'gauge';
  /** Words with underscores, without unit. */
  readonly name: string;
  readonly unit: 'bytes' | 'pages' | 'entries' | 'jobs' | 'threads' | 'calls' | 'errors' | 'ratio' | 'flag';
  readonly help: string;
}

const gauge = (name: string, unit: Metric['unit'], help: string): Metric => ({
  kind: 'gauge',
  name,
  unit,
  help,
});
const counter = (name: string, unit: Metric['unit'], help: string): Metric => ({
  kind: 'counter',
  name,
  unit,
  help,
});

export const metrics: Readonly<Record<keyof SwapStoreStats, Metric>> = {
  enabled: gauge('open', 'flag', '1 while the store is open, 0 once it is closed.'),
  maxMemory: gauge('memory_limit', 'bytes', 'What values in memory may cost.'),
  pageSize: gauge('page_size', 'bytes', 'Bytes of a page.'),
  pages: gauge('page_limit', 'pages', 'Pages that the swap file may have.'),
  usedPages: gauge('used', 'pages', 'Pages in use.'),
  swappedObjects: gauge('swapped', 'entries', 'Entries whose value is only in the file.'),
  swapIns: counter('swap_ins', 'entries', 'Values read back.'),
  swapOuts: counter('swap_outs', 'entries', 'Values that left memory.'),
  newJobs: gauge('new', 'jobs', 'Jobs that wait for a thread.'),
  processingJobs: gauge('processing', 'jobs', 'Jobs that threads work on.'),
  processedJobs: gauge('processed', 'jobs', 'Jobs that have ended and wait for the event loop.'),
  activeThreads: gauge('active', 'threads', 'I/O threads alive.'),
  blockedCallers: gauge('waiting', 'calls', 'Calls that wait for a value.'),
  entries: gauge('stored', 'entries', 'Keys.'),
  residentObjects: gauge('resident', 'entries', 'Entries whose value is in memory.'),
  residentBytes: gauge('resident', 'bytes', 'What values in memory cost, but for those on their way out.'),
  inFlightBytes: gauge('in_flight', 'bytes', 'What values on their way out cost.'),
  indexBytes: gauge('index', 'bytes', 'Memory of the index and the policy.'),
  hits: counter('hits', 'calls', 'Reads answered from memory.'),
  faults: counter('faults', 'calls', 'Reads answered from the file or a buffer.'),
  bufferHits: counter('buffer_hits', 'calls', 'Faults answered from bytes in a write buffer.'),
  misses: counter('misses', 'calls', 'Reads of keys that were not there.'),
  cleanDrops: counter('clean_drops', 'entries', 'Values that left memory without a write.'),
  evictions: counter('evictions', 'entries', 'Entries given up for want of space.'),
  expirations: counter('expirations', 'entries', 'Entries whose ttl has ended.'),
  bytesWritten: counter('written', 'bytes', 'Written to the swap file.'),
  bytesRead: counter('read', 'bytes', 'Read from the swap file.'),
  swapFileBytes: gauge('swap_file', 'bytes', 'How far the swap file has been written.'),
  largestFreeRun: gauge('largest_free_run', 'pages', 'The longest run of free pages.'),
  fragmentation: gauge('fragmentation', 'ratio', 'What of the free pages is not in the longest run.'),
  canceledJobs: counter('canceled', 'jobs', 'Moves that were given up on their way.'),
  blockingWaits: counter('blocking_waits', 'calls', 'Callers who had to swap out on their own thread.'),
  corruptRecords: counter('corrupt_records', 'errors', 'Records that were not what the index says.'),
  ioErrors: counter('io', 'errors', 'Calls on files that failed.'),
  unserializable: counter('unserializable', 'errors', 'Values that could not be encoded.'),
};

/** All figures, each with the key of `stats()`. */
export const metricList = Object.entries(metrics) as Array<[keyof SwapStoreStats, Metric]>;

export interface LatencyMetric {
  readonly name: string;
  readonly help: string;
}

export const latencyMetrics: Readonly<Record<keyof SwapStoreLatencies, LatencyMetric>> = {
  swapIn: { name: 'swap_in', help: 'From a wish for a value in the file until it is there.' },
  swapOut: { name: 'swap_out', help: 'From the setting off of values until they are confirmed in the file.' },
  queueWait: { name: 'queue_wait', help: 'From the submission of a job until a thread begins with it.' },
};

export const latencyList = Object.entries(latencyMetrics) as Array<[keyof SwapStoreLatencies, LatencyMetric]>;

/** The buckets of a histogram as Prometheus counts them: all that are at most so long, seconds. The last is endless. */
export function cumulativeBuckets({
  boundsMs,
  counts,
}: LatencyHistogram): Array<{ le: number; count: number }> {
  let count = 0;
  return counts.map((inBucket, index) => {
    count += inBucket;
    return { le: index < boundsMs.length ? boundsMs[index]! / 1000 : Number.POSITIVE_INFINITY, count };
  });
}
