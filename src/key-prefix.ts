/**
 * How the keys of one keyspace are told from those of another: by what stands before them in the table of keys, in
 * every record and in the index.
 *
 *     key                              a key of the store itself; they have no prefix, and pay nothing
 *     NUL name NUL generation NUL key  a key of a namespace, or one of the store itself (it has the empty name) that
 *                                      begins with NUL, or that was set after a `clear` which had to leave others
 *
 * The generation, in base 36, goes up with each `clear`: what was set before has another prefix from then on, so that
 * nothing finds it, however many keys there are to take out. The name stands in each key, which costs its bytes, so that
 * nothing else need be kept safe for a namespace to be there after a restart.
 */

const nul = '\0';

export interface KeyspaceId {
  readonly name: string;
  readonly generation: number;
}

export function prefixOf({ name, generation }: KeyspaceId): string {
  return `${nul}${name}${nul}${generation.toString(36)}${nul}`;
}

/** True for a key as it is stored that has a prefix. */
export function hasPrefix(stored: string): boolean {
  return stored.charCodeAt(0) === 0;
}

/** The prefix of a key as it is stored; empty where there is none. */
export function prefixIn(stored: string): string {
  return hasPrefix(stored) ? stored.slice(0, endOfPrefix(stored)) : '';
}

/** Whose keys have that prefix. */
export function keyspaceOf(prefix: string): KeyspaceId {
  const [, name = '', generation = ''] = prefix.split(nul);
  return { name, generation: Number.parseInt(generation, 36) || 0 };
}

/** The key as its user knows it. */
export function keyIn(stored: string): string {
  return hasPrefix(stored) ? stored.slice(endOfPrefix(stored)) : stored;
}

/** A key and its namespace as their user knows them. */
export function partsOf(stored: string): { readonly key: string; readonly namespace: string | undefined } {
  return { key: keyIn(stored), namespace: keyspaceOf(prefixIn(stored)).name || undefined };
}

/** A key in a message, cut short where it is long. */
export function quoteKey(stored: string): string {
  const { key, namespace } = partsOf(stored);
  const quoted = JSON.stringify(key.slice(0, 100));
  return namespace === undefined ? quoted : `${quoted} in namespace ${JSON.stringify(namespace)}`;
}

function endOfPrefix(stored: string): number {
  const name = stored.indexOf(nul, 1);
  return name === -1 ? 0 : stored.indexOf(nul, name + 1) + 1;
}
