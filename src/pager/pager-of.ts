/** The pager behind a store, for tests and tools that look inside. Nothing of this is exported from the package. */
import type { Pager } from './pager.js';

const pagers = new WeakMap<object, Pager>();

export function notePager(store: object, pager: Pager): void {
  pagers.set(store, pager);
}

export function pagerOf(store: object): Pager {
  return pagers.get(store)!;
}
