/**
 * How a store is opened: what a user may ask for, and what is made of it. Each option has its own check (checks.ts).
 */
import { resolve } from 'node:path';
import { checkNames, checkTtl, flag, oneOf, refuse, wholeNumber } from './checks.js';
import { type CompressionName, compressionAvailable } from './codec/compression.js';
import { type Environment, environmentKey } from './environment.js';
import { SwapError } from './errors.js';

/** Turns values into bytes and back, in place of the built-in codec. */
export interface Serializer {
  /** Name stored in a persistent file; opening it with another serializer is ERR_SWAP_FORMAT. */
  readonly name: string;
  /** Returns the bytes of `value`. The store copies them before the call returns. */
  serialize(value: unknown): Uint8Array;
  /** Returns the value. `bytes` is the callee's to keep. */
  deserialize(bytes: Uint8Array): unknown;
}

/** How a store is opened. All sizes are bytes, all durations milliseconds. */
export interface SwapStoreOptions {
  /**
   * Swap file, mode 0600. Default: an anonymous one (on POSIX unlinked as soon as it is open; elsewhere removed at
   * close, and dead owners' leftovers are swept) under os.tmpdir(), or /var/tmp where that is memory. A file there
   * that is not a scratch file of ours is ERR_SWAP_FORMAT and stays untouched. A symbolic link is followed, and what it
   * leads to is emptied at close, not removed.
   */
  path?: string;
  /**
   * Bound on what resident values and values in flight cost in memory. Default 256 MiB. 0 keeps only keys resident:
   * every set writes before it returns, every read is a preview.
   */
  maxMemory?: number;
  /** Bound on the swap file. Default 4 GiB or half of the free disk, the smaller. Never exceeded. */
  maxSwap?: number;
  /** Space granularity in the swap file, a power of two from 64 to 65,536. Default 64. */
  pageSize?: number;
  /** Most I/O threads alive at once; they are spawned on demand and leave when idle. 0 = purely blocking. Default 4. */
  threads?: number;
  /**
   * When neither memory nor swap (a full disk is a full swap) can take a value, after the pages of clean copies are
   * reclaimed: 'throw' ERR_SWAP_FULL (default; nothing stored is lost) or 'evict' the coldest.
   */
  whenFull?: 'throw' | 'evict';
  /** Which values stay: 'adaptive' (default), 'lru' (exact), 'swappability' (the seed's sampling). */
  policy?: 'adaptive' | 'lru' | 'swappability';
  /** A record that fails its check on read: 'throw' ERR_SWAP_CORRUPT (default) or count it and report a 'miss'. */
  whenCorrupt?: 'throw' | 'miss';
  /**
   * true: what was flushed or closed is there again when `path` is opened. The swap file keeps its name, and `<path>.index`
   * beside it says where each value lies. false (default): a swap file is scratch.
   */
  persist?: boolean;
  /**
   * persist: how often, in ms, what is dirty is made durable in the background; a crash costs at most this much. Default
   * 1,000. 0 = only on flush, on close, when pages wait for it, and when much has changed.
   */
  flushIntervalMs?: number;
  /** Lifetime of entries set without their own ttl, ms. Default 0: none. */
  ttl?: number;
  /**
   * Promise that values are not mutated after `set`; a clean value then leaves memory with no encoding and no write.
   * Default false.
   */
  immutable?: boolean;
  /** Default: the built-in codec, faithful to structuredClone. */
  serializer?: Serializer;
  /**
   * Compress in the I/O threads, or on the blocking caller's. Default 'none'; 'zstd' where the runtime has it, else
   * ERR_SWAP_OPTION.
   */
  compression?: 'none' | 'deflate' | 'brotli' | 'zstd';
  /**
   * AES-256-GCM on every record in the swap file: true = under a key that only this process holds, or your own 32 bytes.
   * Costs some 6 us a record each way. Default false.
   */
  encryption?: boolean | Uint8Array;
  /** Worker module URL, for bundlers that move files. Default: beside this module. */
  workerUrl?: URL;
}

/** Options after the checks: each has a value, but for those whose default only the file can know. */
export interface CheckedOptions {
  readonly path: string | undefined;
  readonly maxMemory: number;
  readonly maxSwap: number | undefined;
  readonly pageSize: number;
  readonly threads: number;
  readonly evicts: boolean;
  readonly missesCorrupt: boolean;
  readonly policy: 'adaptive' | 'lru' | 'swappability';
  readonly persist: boolean;
  readonly flushIntervalMs: number;
  readonly ttl: number;
  readonly immutable: boolean;
  readonly serializer: Serializer | undefined;
  readonly compression: CompressionName;
  readonly encryption: boolean | Uint8Array;
  readonly workerUrl: URL | undefined;
}

/** A worker costs some megabytes; more than this is a mistake of units. */
const threadsMax = 64;
export const pageSizeMin = 64;
export const pageSizeMax = 65_536;
const pageSizeDefault = 64;
const maxMemoryDefault = 256 * 1024 * 1024;
/** Page numbers are 32 bits. */
const pageCountMax = 2 ** 32;
/** The file begins with one block that says what it is. */
const headerBlockBytes = 4096;
const flushIntervalMsDefault = 1000;
/** The longest that a timer can wait. */
const timerMsMax = 2 ** 31 - 1;
/** AES-256. */
const encryptionKeyBytes = 32;
const names = new Set([
  'path',
  'maxMemory',
  'maxSwap',
  'pageSize',
  'threads',
  'whenFull',
  'policy',
  'whenCorrupt',
  'persist',
  'flushIntervalMs',
  'ttl',
  'immutable',
  'serializer',
  'compression',
  'encryption',
  'workerUrl',
]);
export function checkOptions(options: SwapStoreOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw refuse('options', 'an object', options);
  }
  checkNames(options, names, 'option');
  const pageSize = checkPageSize(options.pageSize);
  return {
    path: checkPath(options.path),
    maxMemory: wholeNumber('maxMemory', options.maxMemory, maxMemoryDefault, 0, Number.MAX_SAFE_INTEGER),
    maxSwap: checkMaxSwap(options.maxSwap, pageSize),
    pageSize,
    threads: wholeNumber('threads', options.threads, 4, 0, threadsMax),
    evicts: oneOf('whenFull', options.whenFull, ['throw', 'evict']) === 'evict',
    missesCorrupt: oneOf('whenCorrupt', options.whenCorrupt, ['throw', 'miss']) === 'miss',
    policy: oneOf('policy', options.policy, ['adaptive', 'lru', 'swappability']),
    flushIntervalMs: wholeNumber(
      'flushIntervalMs',
      options.flushIntervalMs,
      flushIntervalMsDefault,
      0,
      timerMsMax,
    ),
    persist: checkPersist(options),
    ttl: checkTtl('ttl', options.ttl) ?? 0,
    immutable: flag('immutable', options.immutable),
    serializer: checkSerializer(options.serializer),
    compression: checkCompression(options.compression),
    encryption: checkEncryption(options.encryption),
    workerUrl: checkWorkerUrl(options.workerUrl),
  };
}

/** The environment a test has put into the options, if any. */
export function environmentOf(options: SwapStoreOptions): Environment | undefined {
  return (options as { [environmentKey]?: Environment })[environmentKey];
}

function checkPersist(options: SwapStoreOptions): boolean {
  const persist = flag('persist', options.persist);
  if (persist && options.path === undefined)
    throw new SwapError('ERR_SWAP_OPTION', 'persist needs a path: what has no name cannot be opened again');
  if (!persist && options.flushIntervalMs !== undefined)
    throw new SwapError('ERR_SWAP_OPTION', 'flushIntervalMs has no meaning without persist');
  if (persist && options.encryption === true) {
    const message =
      'encryption true makes a key that dies with the process, so that nothing could be read after it: with persist, give a Uint8Array of 32 bytes';
    throw new SwapError('ERR_SWAP_OPTION', message);
  }
  return persist;
}

/** For what the contract names and this version does not have. */
export function unavailable(name: string): SwapError {
  return new SwapError('ERR_SWAP_OPTION', `${name} is not available in this version of swapstore`);
}

/** Returns it in full. */
export function checkSnapshotPath(given: unknown): string {
  const path = checkPath(given);
  if (path === undefined) throw refuse('path', 'a non-empty string', given);
  return path;
}

function checkPath(given: unknown): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'string' || given === '' || given.includes('\0')) {
    throw refuse('path', 'a non-empty string without null characters', given);
  }
  // Files beside it are made, locked and renamed later, when the process may be in another directory.
  return resolve(given);
}

function checkPageSize(given: unknown): number {
  const allowed = `a power of two from ${pageSizeMin} to ${pageSizeMax}`;
  if (given === undefined) return pageSizeDefault;
  const isPowerOfTwo = typeof given === 'number' && Number.isInteger(Math.log2(given));
  if (!isPowerOfTwo || given < pageSizeMin || given > pageSizeMax) throw refuse('pageSize', allowed, given);
  return given;
}

function checkMaxSwap(given: unknown, pageSize: number): number | undefined {
  if (given === undefined) return undefined;
  const least = headerBlockBytes + pageSize;
  const most = headerBlockBytes + pageCountMax * pageSize;
  if (typeof given !== 'number' || !Number.isInteger(given) || given < least || given > most) {
    const allowed = `a whole number from ${least} (a header and one page) to ${most} (2^32 pages of ${pageSize} bytes)`;
    throw refuse('maxSwap', allowed, given);
  }
  return given;
}

function checkSerializer(given: unknown): Serializer | undefined {
  if (given === undefined) return undefined;
  const candidate = given as Partial<Serializer> | null;
  const sound =
    typeof candidate === 'object' &&
    candidate !== null &&
    typeof candidate.name === 'string' &&
    typeof candidate.serialize === 'function' &&
    typeof candidate.deserialize === 'function';
  if (!sound) throw refuse('serializer', 'an object with name, serialize and deserialize', given);
  return candidate as Serializer;
}

function checkCompression(given: unknown): CompressionName {
  const name = oneOf('compression', given, ['none', 'deflate', 'brotli', 'zstd']);
  if (!compressionAvailable(name)) {
    throw new SwapError(
      'ERR_SWAP_OPTION',
      `compression '${name}' is not available in Node ${process.version}`,
    );
  }
  return name;
}

/** A copy, as the caller may wipe its own. */
function checkEncryption(given: unknown): boolean | Uint8Array {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  if (given instanceof Uint8Array && given.length === encryptionKeyBytes) return Uint8Array.from(given);
  const allowed = `true, false or a Uint8Array of ${encryptionKeyBytes} bytes`;
  throw refuse('encryption', allowed, given instanceof Uint8Array ? `${given.length} bytes` : given);
}

function checkWorkerUrl(given: unknown): URL | undefined {
  if (given !== undefined && !(given instanceof URL)) throw refuse('workerUrl', 'a URL', given);
  return given;
}
