/**
 * The four things that make two runs differ: clock, randomness, disk and threads. The store takes them from here
 * and from nowhere else, so that a test can be the scheduler, own the time, and make the disk fail on its k-th call.
 *
 * A test passes its own through `options[environmentKey]`; the key is not exported from the package.
 */
import type { SealSecret } from './disk/seal.js';

/** Time, and the turns of the event loop. */
export interface Clock {
  /** Milliseconds since the epoch; ttl is measured by it. Reads `Date.now` at each call, as test suites freeze it. */
  now(): number;
  /** Monotonic milliseconds with a fraction; slices and the cost of reads are measured by it. */
  monotonic(): number;
  /** Calls `fn` once, on a later turn of the event loop. */
  nextTurn(fn: () => void): void;
  /** Calls `fn` once after `delayMs`, without keeping the process alive. Returns what cancels it. */
  after(delayMs: number, fn: () => void): () => void;
}

/** The calls on files, synchronous as in node:fs; each throws what node:fs throws. Counts may be short. */
export interface Disk {
  /** `flags` as in fs.openSync: 'r+', 'wx+' and so on. */
  open(path: string, flags: string, mode: number): number;
  close(fd: number): void;
  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number;
  write(fd: number, source: Uint8Array, offset: number, length: number, position: number): number;
  /** The same off the event loop, on the runtime's own threads. */
  readAsync(
    fd: number,
    target: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DiskCallback,
  ): void;
  writeAsync(
    fd: number,
    source: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DiskCallback,
  ): void;
  truncate(fd: number, bytes: number): void;
  /** Returns when what was written to the file survives a power cut. */
  sync(fd: number): void;
  syncAsync(fd: number, done: (error: Error | null) => void): void;
  /** The same for the names in a directory; nothing where a directory cannot be opened (Windows). */
  syncDirectory(path: string): void;
  /** Takes the place of whatever has that name. */
  rename(path: string, newPath: string): void;
  chmod(fd: number, mode: number): void;
  stat(fd: number): { readonly size: number; readonly isFile: boolean };
  /** Free bytes for this user on the file system of `path`, and whether that file system lives in memory. */
  space(path: string): { readonly freeBytes: number; readonly inMemory: boolean };
  makePrivateDirectory(prefix: string): string;
  list(path: string): string[];
  unlink(path: string): void;
  removeDirectory(path: string): void;
  /** Where a symbolic link leads; the path itself where it is none, or leads to nothing. */
  followLink(path: string): string;
  /** A second name for a file; fails when the name is taken. */
  link(path: string, newPath: string): void;
  readText(path: string): string;
  /** Makes a file, mode 0600; fails when there is one. */
  writeNew(path: string, text: string): void;
  /** True where an open file can be unlinked and lives on until it is closed (POSIX). */
  readonly unlinksOpenFiles: boolean;
}
export type DiskCallback = (error: Error | null, bytes: number) => void;

/** What a thread is told when it starts; everything else goes through the shared memory. */
export interface ThreadStart {
  /** Job descriptors and queues, laid out by io/ring.ts. */
  readonly control: SharedArrayBuffer;
  /** The bytes that jobs read and write: slabs on their way out, landing places for loads. */
  readonly area: SharedArrayBuffer;
  /** The thread's number, from 0 to the most threads less one. */
  readonly index: number;
  /** What records are encrypted with, where they are. */
  readonly sealSecret: SealSecret | undefined;
  /** The worker module, when the user moved it. */
  readonly workerUrl: URL | undefined;
}

/** A running thread. It never keeps the process alive unless `ref` was called last. */
export interface Thread {
  ref(): void;
  unref(): void;
  terminate(): Promise<void>;
}

export interface ThreadEvents {
  /** At least one job has completed since the last call. */
  doorbell(): void;
  /** The thread is gone: by itself when idle (no error), or it died. Called exactly once. */
  exited(error: Error | undefined): void;
}

export interface Threads {
  /** Throws, or reports through `exited`, when a thread cannot be had. */
  spawn(start: ThreadStart, events: ThreadEvents): Thread;
  /** True where this thread may block in Atomics.wait. */
  readonly canWait: boolean;
}

export interface Environment {
  readonly clock: Clock;
  /** 32 random bits, good enough for a secret. */
  random(): number;
  readonly disk: Disk;
  readonly threads: Threads;
  /** How many values may be in memory at once, whatever they cost: what a Map of this runtime holds. */
  readonly residentsMax: number;
  /** Batches are written on the caller's thread while 64 KiB take less than this, us. 0: never while there are
   *  threads; Infinity: always. */
  readonly cheapWriteUsMax: number;
  /** So many `set` in a row of what is not in memory are a bulk load. */
  readonly bulkLoadMin: number;
  /** The index of a persistent store is written anew when it is longer than this, and three times what it began with. */
  readonly indexBytesMin: number;
  /** Its blocks are closed once they have so much. */
  readonly indexBlockBytes: number;
}

/** Where a test puts its environment into the options. */
export const environmentKey: unique symbol = Symbol('swapstore.environment');
