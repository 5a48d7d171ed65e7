/**
 * `preload`: brings keys in, some at a time, and holds them meanwhile, so that a later one cannot push out an earlier one.
 * It stops where they take what memory can hold without anything leaving again, and goes one by one when that comes near.
 */
import { none } from '../memory/pointer-table.js';
import type { Entry } from './entry.js';
import type { Pager } from './pager.js';

/** Keys that are read at once. */
const atOnceMax = 16;

/** Brings some keys in and calls `hold` for each that is in memory; false when one found no room. */
type Bring = (keys: readonly string[], hold: (entry: Entry) => void) => Promise<boolean>;

export async function preload(pager: Pager, keys: readonly string[], bring: Bring): Promise<void> {
  const { staying, reclaim } = pager;
  const held = new Set<Entry>();
  let heldBytes = 0;
  let largestBytes = 0;
  const hold = (entry: Entry): void => {
    if (held.has(entry)) return;
    staying.hold(entry);
    held.add(entry);
    heldBytes += entry.size;
    largestBytes = Math.max(largestBytes, entry.size);
  };
  const { restfulBytes } = reclaim;
  try {
    for (let from = 0; from < keys.length; ) {
      // What it will cost is a guess, and a bad one of what is compressed: no less than the largest so far.
      const nextBytes = Math.max(costOf(pager, keys[from]!), largestBytes);
      if (heldBytes + nextBytes > restfulBytes) return;
      const fitMore = largestBytes > 0 && heldBytes + atOnceMax * nextBytes < restfulBytes;
      const to = from + (fitMore ? atOnceMax : 1);
      if (!(await bring(keys.slice(from, to), hold))) return;
      from = to;
    }
  } finally {
    for (const entry of held) staying.letGo(entry);
  }
}

/** About what a key will cost in memory once it is there. */
function costOf({ core, lookUp }: Pager, key: string): number {
  const { table, residents } = core;
  const slot = lookUp.slot(key);
  if (slot === none) return 0;
  return residents.get(key)?.size ?? (table.ownSize(slot) || 2 * table.recordBytes(slot));
}
