/** What 'full' means, in one place: no run of pages, or a disk that has none. */
import { SwapError } from '../errors.js';
import type { Core } from './core.js';
import type { Space } from './space.js';

/** True for the error that says that there was no space. */
export function isFull(error: Error | undefined): boolean {
  return error instanceof SwapError && error.code === 'ERR_SWAP_FULL';
}

export function fullError(core: Core, key: string, pages: number): SwapError {
  const message =
    `the store is full: no ${pages} contiguous pages of ${core.options.pageSize} bytes are free in the swap file ` +
    `(${core.pages.pageCount} pages, ${core.pages.usedPages} in use)`;
  return new SwapError('ERR_SWAP_FULL', message, { storedKey: key, path: core.file.path });
}

/** A write that met a full disk is a full swap file; any other error stays what it is. */
export function diskFullAsFull(core: Core, space: Space, error: SwapError, key: string): SwapError {
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return error;
  space.diskIsFull();
  const message = 'the store is full: the disk of the swap file is';
  return new SwapError('ERR_SWAP_FULL', message, { storedKey: key, cause: error, path: core.file.path });
}
