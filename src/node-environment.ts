/** The real clock, randomness, disk and threads. */
import { randomBytes } from 'node:crypto';
import { nodeDisk } from './disk/node-disk.js';
import type { Environment } from './environment.js';
import { nodeThreads } from './io/node-threads.js';

export const nodeEnvironment: Environment = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    nextTurn(fn) {
      setImmediate(fn);
    },
    after(delayMs, fn) {
      const timer = setTimeout(fn, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  },
  random: () => randomBytes(4).readUInt32LE(),
  disk: nodeDisk,
  threads: nodeThreads,
  // A Map refuses to grow past 2^24 entries, on some versions of Node past 2^23.
  residentsMax: 2 ** 23 - 1,
  // A page cache that has room takes 15 to 30.
  cheapWriteUsMax: 80,
  bulkLoadMin: 16,
  indexBytesMin: 4 * 1024 * 1024,
  indexBlockBytes: 64 * 1024,
};
