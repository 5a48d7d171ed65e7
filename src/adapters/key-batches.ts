/**
 * Walks over the keys of a keyspace and lets the event loop turn after each batch. What awaits values that are in memory
 * awaits nothing: without this a walk over a million of them would be one turn.
 *
 * It cannot part the search for the next key: a keyspace that has few keys in a large store is looked for in one turn.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Keyspace } from '../keyspace.js';

/** So few that their values can be in memory at once. */
const batchLength = 64;

/** The keys that begin with `prefix`, at most 64 at a time, never none. */
export async function* keyBatches(space: Keyspace, prefix = ''): AsyncGenerator<string[], void> {
  let batch: string[] = [];
  for (const key of space.keys({ prefix })) {
    batch.push(key);
    if (batch.length < batchLength) continue;
    yield batch;
    batch = [];
    await turn();
  }
  if (batch.length > 0) yield batch;
}
