/**
 * Writes a list of all keys: the beginning of a new index, which takes the place of one that has grown long, or that a
 * failed call has left in doubt. It takes many turns, and the store changes meanwhile: what a key is written with here is
 * what it has when its turn comes, and what has changed is in the log that follows the list.
 */
import type { Shapes } from '../codec/shapes.js';
import { type Steps, writeBlocks } from '../disk/file-steps.js';
import type { FreshIndex } from '../disk/index-file.js';
import type { Location } from '../disk/index-format.js';
import type { Core } from './core.js';

/**
 * Fills and syncs `fresh`, and syncs the swap file before. False when a `clear` in the middle has made it worthless; the
 * next one is short then.
 *
 * @param locate Where the value of a slot lies; undefined when there is nothing of it that could be durable.
 */
export function* writeList(
  { table, file }: Core,
  shapes: Shapes,
  fresh: FreshIndex,
  locate: (slot: number) => Location | undefined,
): Steps<boolean> {
  const { clears } = table;
  const { writer } = fresh;
  writer.expect(table.size);
  // Twice, as nearly all values need them: at the beginning and, with those made meanwhile, at the end.
  writer.expectShapes(shapes.nextNumber);
  for (const shape of shapes.all()) writer.shape(shape);
  const list = (slot: number): void => {
    const location = locate(slot);
    if (location !== undefined) writer.set(table.storedKey(slot), location);
  };
  // In the order of the hashes, which is the order that whoever opens the store wants them in.
  for (let hash: number | undefined = 0; hash !== undefined; ) {
    hash = table.visitSegment(hash, list);
    yield* append(fresh, writer.takeListed(fresh.sequence));
    yield { kind: 'turn' };
    if (table.clears !== clears) return false;
  }
  // All that records may need, those included that were made meanwhile; only what reads values asks for them.
  for (const shape of shapes.all()) writer.shape(shape);
  yield { kind: 'sync', fd: file.fd };
  yield* append(fresh, writer.takeAll(fresh.sequence));
  yield { kind: 'sync', fd: fresh.fd };
  return true;
}

function* append(fresh: FreshIndex, blocks: readonly Buffer[]): Steps {
  fresh.end = yield* writeBlocks(fresh.fd, blocks, fresh.end);
  fresh.sequence += blocks.length;
}
