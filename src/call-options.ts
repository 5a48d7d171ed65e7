/** What a call may be given, and a namespace, beside what the store was opened with; and its checks. */
import { checkObject, checkTtl, flag, refuse, wholeNumber } from './checks.js';
import { SwapError } from './errors.js';

/** What `set` may say of one entry. */
export interface SetOptions {
  /** Lifetime, ms. Default: the store's `ttl`; 0 = none. */
  ttl?: number;
  /** Keep the value resident until unpin, delete or overwrite. Default false. */
  pin?: boolean;
  /**
   * Cost in memory, a positive integer, in place of the whole estimate, overhead included; it stays with the entry
   * through every swap.
   */
  size?: number;
}

/** What a call that waits may be given. */
export interface WaitOptions {
  /** Ends the wait; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** How `fetch` stores what it computes, and what it returns while or because there is nothing fresh. */
export interface FetchOptions extends SetOptions, WaitOptions {
  /**
   * For so long after its ttl, ms, a value is returned at once, while a fresh one is computed in the background; where that
   * fails, 'warning' tells of it, and the next call tries again. Default 0. Needs a ttl.
   */
  staleWhileRevalidate?: number;
  /** For so long after its ttl, ms, a value is returned when computing a fresh one fails. Default 0. Needs a ttl. */
  staleIfError?: number;
}

/** What `keys`, `values` and `entries` are asked for. */
export interface IterationOptions {
  /** Only keys that begin with it. Default '': all. Every key of the store is looked at all the same. */
  prefix?: string;
}

/** How a namespace differs from its store. */
export interface NamespaceOptions {
  /** Lifetime of entries set without their own ttl, ms; 0 = none. Default: the store's. */
  ttl?: number;
}

/** The index keeps an entry's own size in 32 bits. */
const ownSizeMax = 2 ** 32 - 1;
/** As is the time in which an expired value may still be used. */
const graceMsMax = 2 ** 32 - 1;
const namespaceNames = new Set(['ttl']);
const iterationNames = new Set(['prefix']);
/** The name stands before each key, which may have 65,535 bytes. */
const namespaceNameBytesMax = 1024;
const setNames = new Set(['ttl', 'pin', 'size']);
const waitNames = new Set(['signal']);
const fetchNames = new Set([...setNames, ...waitNames, 'staleWhileRevalidate', 'staleIfError']);

/** What a call was not given. */
export const noOptions = {};

/** What an entry is set with, every figure given. */
export interface SetTerms {
  readonly ttlMs: number;
  readonly pin: boolean;
  /** 0 = it is for the store to weigh. */
  readonly size: number;
}

/** What follows takes each option once: one may be a getter, and say something else when it is asked again. */
export function checkSetOptions(options: SetOptions, defaultTtlMs: number): SetTerms {
  checkObject(options, setNames, 'set option');
  return setTermsOf(options, defaultTtlMs);
}

function setTermsOf({ ttl, pin, size }: SetOptions, defaultTtlMs: number): SetTerms {
  return {
    ttlMs: checkTtl('ttl', ttl) ?? defaultTtlMs,
    pin: flag('pin', pin),
    size: wholeNumber('size', size, 0, 1, ownSizeMax),
  };
}

/** Returns the signal. Throws its reason if it is aborted. */
export function checkWaitOptions(options: WaitOptions): AbortSignal | undefined {
  if (options === noOptions) return undefined;
  checkObject(options, waitNames, 'wait option');
  return checkSignal(options);
}

function checkSignal({ signal }: WaitOptions): AbortSignal | undefined {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw refuse('signal', 'an AbortSignal', signal);
  signal?.throwIfAborted();
  return signal;
}

/** The two lengths of time in which a value is of use after its end, ms. */
export interface StaleTerms {
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
}

/** What a value is fetched with. */
export interface FetchTerms {
  readonly signal: AbortSignal | undefined;
  readonly set: SetTerms;
  readonly stale: StaleTerms;
}

export function checkFetchOptions(options: FetchOptions, defaultTtlMs: number): FetchTerms {
  checkObject(options, fetchNames, 'fetch option');
  const signal = checkSignal(options);
  const set = setTermsOf(options, defaultTtlMs);
  return { signal, set, stale: staleTermsOf(options, set.ttlMs) };
}

/** @param ttlMs Of the value that is fetched. */
function staleTermsOf({ staleWhileRevalidate, staleIfError }: FetchOptions, ttlMs: number): StaleTerms {
  const whileRevalidateMs = wholeNumber('staleWhileRevalidate', staleWhileRevalidate, 0, 0, graceMsMax);
  const ifErrorMs = wholeNumber('staleIfError', staleIfError, 0, 0, graceMsMax);
  if (ttlMs === 0 && (whileRevalidateMs > 0 || ifErrorMs > 0)) {
    const message = 'staleWhileRevalidate and staleIfError have no meaning without a ttl';
    throw new SwapError('ERR_SWAP_OPTION', message);
  }
  return { whileRevalidateMs, ifErrorMs };
}

/** Returns the prefix. */
export function checkIterationOptions(options: IterationOptions): string {
  checkObject(options, iterationNames, 'iteration option');
  const { prefix = '' } = options;
  if (typeof prefix !== 'string') throw refuse('prefix', 'a string', prefix);
  return prefix;
}

export function checkNamespaceOptions(options: NamespaceOptions): NamespaceOptions {
  checkObject(options, namespaceNames, 'namespace option');
  checkTtl('ttl', options.ttl);
  return options;
}

export function checkNamespaceName(given: unknown): void {
  const allowed = `a non-empty string of at most ${namespaceNameBytesMax} bytes without null characters`;
  const isName =
    typeof given === 'string' &&
    given !== '' &&
    !given.includes('\0') &&
    Buffer.byteLength(given) <= namespaceNameBytesMax;
  if (!isName) throw refuse('the name of a namespace', allowed, given);
}

export function checkFunction(name: string, given: unknown): void {
  if (typeof given !== 'function') throw refuse(name, 'a function', given);
}
