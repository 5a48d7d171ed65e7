/**
 * The one error type of the library. Every error that a user can meet carries a code, and the key, page or path
 * it is about where that is known, so that a program can act on it without parsing the message.
 */

import { partsOf } from './key-prefix.js';

export type SwapErrorCode =
  | 'ERR_SWAP_OPTION'
  | 'ERR_SWAP_LOCKED'
  | 'ERR_SWAP_FORMAT'
  | 'ERR_SWAP_IO'
  | 'ERR_SWAP_FULL'
  | 'ERR_SWAP_CORRUPT'
  | 'ERR_SWAP_CLOSED'
  | 'ERR_SWAP_UNSERIALIZABLE'
  | 'ERR_SWAP_KEY'
  | 'ERR_SWAP_WORKER'
  | 'ERR_SWAP_COMPUTE';

/** What an error is about, where it is known. */
export interface SwapErrorContext {
  readonly cause?: unknown;
  readonly key?: string;
  /** The key as the table of keys has it, in place of `key`. */
  readonly storedKey?: string;
  readonly page?: number;
  readonly path?: string;
}

/** A failure of the store, or of what it was asked to do. */
export class SwapError extends Error {
  override readonly name = 'SwapError';
  /** What went wrong, for programs. */
  readonly code: SwapErrorCode;
  /** The entry it happened to. */
  declare readonly key?: string;
  /** The namespace of that entry, where it is in one. */
  declare readonly namespace?: string;
  /** The first page of the record it happened to. */
  declare readonly page?: number;
  /** The file it happened to. */
  declare readonly path?: string;

  constructor(code: SwapErrorCode, message: string, context: SwapErrorContext = {}) {
    super(message, 'cause' in context ? { cause: context.cause } : undefined);
    this.code = code;
    if (context.key !== undefined) this.key = context.key;
    if (context.storedKey !== undefined) {
      const { key, namespace } = partsOf(context.storedKey);
      this.key = key;
      if (namespace !== undefined) this.namespace = namespace;
    }
    if (context.page !== undefined) this.page = context.page;
    if (context.path !== undefined) this.path = context.path;
  }
}

/** A broken invariant: a bug of this library and never of its user. Thrown before the damage can spread. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`swapstore: broken invariant: ${message}`);
}

/** What an error says; anything may have been thrown. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** For clean-up that may find nothing to do, and whose failure changes nothing; undefined when it failed. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** A failed call on the file at `path`, in the words of the store; an error that is in them already stays what it is. */
export function asIoError(doing: string, path: string, cause: unknown): SwapError {
  if (cause instanceof SwapError) return cause;
  return new SwapError('ERR_SWAP_IO', `${doing} ${path}: ${reasonOf(cause)}`, { cause, path });
}
