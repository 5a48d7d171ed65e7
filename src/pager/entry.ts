/**
 * An entry whose value is in memory, and the states that every entry moves through.
 *
 *     absent   -> resident              set
 *     resident -> swapping              chosen as a victim (encoded into a buffer; PREPARE, then WRITE)
 *     resident -> swapped               chosen, and clean; or written on the caller's thread
 *     swapping -> resident              touched, overwritten, no space, write failed
 *     swapping -> swapped               bytes confirmed in the file; only now is the value let go
 *     swapped  -> loading -> resident   awaiting side
 *     swapped  -> resident              blocking side
 *     loading  -> swapped               the last waiter went away, the read failed, or there was no room
 *     any      -> absent                delete, clear, expiry, eviction
 *
 * An entry is resident or swapping exactly if the resident set has an Entry for its key; else it is loading if the
 * pager has a flight for its slot, and swapped if not. The key's slot in the pointer table stays the same through
 * all of this.
 */
import { hasPrefix } from '../key-prefix.js';
import { Resident } from '../memory/resident.js';
import type { WriteBatch } from './write-batch.js';

/** In whose hands a value has been, who might have changed it in place. */
export const enum Custody {
  /** Of whoever set it, or awaited it. */
  Fresh,
  /** Of somebody who was given it since. */
  HandedOut,
  /** Of the caller of `get` that read it, and of nobody else: it is compared with what it was at the next read. */
  Lent,
  /** Of nobody since it was compared, and was as its copy is. */
  Clean,
}

export class Entry extends Resident {
  /** The key's slot in the pointer table, for life. */
  declare readonly slot: number;
  /**
   * 1 where its key has a prefix (key-prefix.ts), else 0. A hit looks a key up as it is given, and sees by this whether it has
   * found a key of another keyspace; to look at the key itself would take an eighth of a hit, and a boolean half of that.
   */
  readonly prefixed: 0 | 1 = 0;
  /** When the entry ends, ms since the epoch; 0 = never. The table has the same figure. */
  expiresAtMs = 0;

  // In flight exactly while `batch` is there; it is then record number `batchIndex` of that batch. A batch that has
  // the entry in its list, without the entry pointing back, carries a dead record.
  batch: WriteBatch | undefined = undefined;
  batchIndex = -1;

  // `copyIndex` is the entry's place in the pager's list of clean copies, or -1 when the file has no copy of it. With
  // a copy, `copyBytes` and the fingerprint are those of its payload before compression; without, `copyBytes` is 0.
  copyIndex = -1;
  copyFingerprintA = 0;
  copyFingerprintB = 0;

  custody: Custody = Custody.Fresh;

  /** Stays by `pin`. */
  pinned = false;
  /** Stays for so many running `run` calls. */
  holds = 0;
  /** Cannot be encoded, so that it stays until it is overwritten. */
  stuck = false;
  /** The turn of the event loop during which it was handed to someone who awaits, and must not be encoded. */
  guardTurn = 0;
  /** Pages that its record took when it was last encoded and found no space; 0 = unknown. */
  pagesWanted = 0;

  constructor(key: string, value: unknown, hash: number, size: number, slot: number) {
    super(key, value, hash, size);
    this.slot = slot;
    if (hasPrefix(key)) this.prefixed = 1;
  }

  /** What its value costs in memory as far as that is known for its record, bytes; 0 where it may have grown since. */
  get recordedSize(): number {
    return this.custody === Custody.Fresh && this.copyIndex === -1 ? this.size : 0;
  }

  /** True for what must not be a candidate. */
  get mustStay(): boolean {
    return this.pinned || this.holds > 0 || this.stuck;
  }
}
