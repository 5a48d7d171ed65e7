/**
 * Persistence: what of a store survives a crash, and when. The index, a log beside the swap file, says where the latest
 * durable value of each key lies; a flush brings it up to date:
 *
 *     1. values that were set since and are only in memory are written to the swap file (they stay in memory)
 *     2. the log is cut: all that has changed so far belongs to this flush
 *     3. the swap file is synced
 *     4. the log's blocks are written and synced; the last of them is the commit
 *     5. pages that the log spoke of before, and now no longer does, are free
 *
 * Feared most: a page that is used again while the durable index still points to it. So the pages of a value that was in
 * the log are not freed when the value is overwritten or deleted, but when a commit is durable that says so. Until the
 * new value of a key has been logged, its old pages are its `orphan`; then they wait in `#releasing` for that commit.
 *
 * The steps are written once, and driven by two (flushes.ts): one awaits each call on a file, the other makes it at once.
 * When one fails, nothing since the last good flush is taken for durable: what was written since is written again elsewhere, and
 * the next flush writes the whole index anew.
 */

import type { Shape, Shapes } from '../codec/shapes.js';
import { drive, type Steps, writeBlocks } from '../disk/file-steps.js';
import type { IndexFile } from '../disk/index-file.js';
import type { Location } from '../disk/index-format.js';
import { assert, SwapError } from '../errors.js';
import { quoteKey } from '../key-prefix.js';
import { none } from '../memory/pointer-table.js';
import { Checkpoint } from './checkpoint.js';
import type { ClearedSweep } from './cleared-sweep.js';
import type { Core } from './core.js';
import type { Entry } from './entry.js';
import { Flushes } from './flushes.js';
import { isFull } from './full.js';
import { writeList } from './index-list.js';
import type { RecordWriter } from './record-writer.js';
import { copyStore } from './snapshot.js';
import type { Space } from './space.js';
import { Suspects } from './suspects.js';

/** Blocks of the log that wait in memory before a flush begins by itself: 16 MiB. */
const fullBlocksMax = 256;

export class Durability {
  readonly #core: Core;
  readonly #checkpoint: Checkpoint;
  readonly #space: Space;
  readonly #index: IndexFile;
  /** Writes a swapped value to other pages; false when it is damaged. Throws ERR_SWAP_IO and ERR_SWAP_FULL. */
  readonly #writeAgain: (slot: number) => boolean;
  readonly #cleared: ClearedSweep;
  readonly #shapes: Shapes;

  /** Per slot, where the log says that its value lies, while the slot points elsewhere or nowhere. */
  readonly #orphans = new Map<number, Location>();
  // First page and count of runs that become free with the next commit, and with the one that is under way.
  #releasing: number[] = [];
  #releasingNow: number[] = [];
  /** Snapshots under way: what a commit has freed meanwhile is theirs until the last of them is done. */
  #snapshots = 0;
  #heldBack: number[] = [];
  readonly #suspects = new Suspects();
  /** True when it is not known what the index on the disk says, or that is not so. */
  #mustRewrite = false;

  readonly #flushes: Flushes;
  #isClosing = false;

  constructor(
    core: Core,
    writer: RecordWriter,
    space: Space,
    index: IndexFile,
    cancel: (entry: Entry) => void,
    writeAgain: (slot: number) => boolean,
    shapes: Shapes,
    cleared: ClearedSweep,
  ) {
    this.#core = core;
    this.#index = index;
    this.#space = space;
    this.#checkpoint = new Checkpoint(core, writer, space, cancel, (slot, entry) =>
      this.located(slot, entry),
    );
    this.#writeAgain = writeAgain;
    this.#shapes = shapes;
    this.#cleared = cleared;
    this.#flushes = new Flushes({
      core,
      steps: () => this.#sweepAndSteps(),
      isTooMuch: () => index.writer.fullBlocks > fullBlocksMax,
    });
  }

  // ── What the pager tells ──

  /** A value was set that is only in memory. */
  dirtied(entry: Entry): void {
    this.#checkpoint.add(entry);
    this.#flushes.schedule();
  }

  /** A value is on its way out, and the log will be told when it has been written. */
  left(entry: Entry): void {
    this.#checkpoint.remove(entry);
  }

  /** A slot has a new pointer, whose record has been written, and its extras. */
  located(slot: number, entry: Entry | undefined): void {
    const { table } = this.#core;
    if (entry !== undefined) this.#checkpoint.remove(entry);
    this.#index.writer.set(table.storedKey(slot), this.#locationOf(slot));
    this.#suspects.logged(slot);
    this.#supersede(slot);
    this.#flushes.schedule();
  }

  /** How often a flush has failed. */
  get flushesFailed(): number {
    return this.#suspects.failures;
  }

  /** A slot gives up its pointer; the log still has it. */
  retired(slot: number): void {
    assert(!this.#orphans.has(slot), 'the log knows one place for a slot');
    this.#orphans.set(slot, this.#locationOf(slot));
  }

  /** A key is about to be removed; its pointer was given up before. */
  deleted(slot: number, entry: Entry | undefined): void {
    if (entry !== undefined) this.#checkpoint.remove(entry);
    if (!this.#orphans.has(slot)) return;
    this.#index.writer.delete(this.#core.table.storedKey(slot));
    this.#supersede(slot);
    this.#flushes.schedule();
  }

  /** All keys are about to be removed; their pages are given up with the next commit. */
  cleared(): void {
    const { table } = this.#core;
    for (let slot = table.next(none); slot !== none; slot = table.next(slot)) {
      if (!this.#isWritten(slot)) continue;
      this.#releasing.push(table.page(slot), this.#core.pagesOf(table.recordBytes(slot)));
    }
    for (const slot of this.#orphans.keys()) this.#supersede(slot);
    this.#checkpoint.clear();
    this.#suspects.clear();
    this.#index.writer.clear();
    this.#flushes.schedule();
  }

  /** The index says what is not so: the next flush writes it anew. */
  distrustIndex(): void {
    this.#mustRewrite = true;
  }

  /** A record of a new shape may be written from now on. */
  shaped(shape: Shape): void {
    this.#index.writer.shape(shape);
  }

  /** Calls `visit` for each run of pages that only the log still points to. */
  forEachHeld(visit: (first: number, count: number) => void): void {
    for (const { page, recordBytes } of this.#orphans.values()) visit(page, this.#core.pagesOf(recordBytes));
    for (const runs of [this.#releasing, this.#releasingNow, this.#heldBack, this.#checkpoint.writing])
      for (let at = 0; at < runs.length; at += 2) visit(runs[at]!, runs[at + 1]!);
  }

  // ── Flushing ──

  /** Resolves once all that was set before the call is durable. */
  async flush(): Promise<void> {
    await this.#flushes.soon();
    this.#refuseUnencodable();
  }

  #refuseUnencodable(): void {
    for (const entry of this.#checkpoint.unencodable) {
      const message = `the value of ${quoteKey(entry.key)} cannot be encoded, so that it is not durable`;
      throw new SwapError('ERR_SWAP_UNSERIALIZABLE', message, { storedKey: entry.key });
    }
  }

  /** The same at once, if no flush is under way; true when it was done. Throws as a flush rejects. */
  flushNow(): boolean {
    return this.#flushes.now(this.#sweepAndSteps());
  }

  /** Copies the store as it is now to another path; when `signal` is aborted, nothing is there. */
  async snapshot(path: string, signal: AbortSignal | undefined): Promise<void> {
    // Where none is under way the instant is that of the call; and one that waits for another may have begun by now.
    while (this.isFlushing) await this.#flushes.ended();
    signal?.throwIfAborted();
    // In one go, so that what is committed is the store of one instant.
    this.flushNow();
    this.#refuseUnencodable();
    this.#snapshots++;
    const { environment, file } = this.#core;
    const index = { path: this.#index.path, bytes: this.#index.end };
    const swap = { fd: file.fd, bytes: file.writtenBytes };
    try {
      const steps = copyStore(swap, index, path, environment.disk);
      await drive(steps, environment, (cause) => cause, signal);
    } finally {
      if (--this.#snapshots === 0) this.#free(this.#heldBack.splice(0));
      this.#core.progressed();
    }
  }

  get isCopying(): boolean {
    return this.#snapshots > 0;
  }

  /** For a caller who finds no space: true when pages that waited for a flush are free now. */
  release(): boolean {
    if (this.isFlushing || (this.#releasing.length === 0 && this.#orphans.size === 0)) return false;
    // Writing those again takes the buffers that the caller is in the middle of using.
    if (!this.#suspects.isEmpty) return false;
    try {
      // What is in memory of a cleared keyspace stays there: the caller is in the middle of a move.
      return this.#flushes.now(this.#steps());
    } catch (error) {
      this.#core.notices.warn(error as SwapError);
      return false;
    }
  }

  /** True when `release` could free what is given up now: no flush has it, no snapshot holds it, no sync has failed. */
  get mayRelease(): boolean {
    return !this.isFlushing && this.#snapshots === 0 && this.#suspects.isEmpty;
  }

  get isFlushing(): boolean {
    return this.#flushes.isUnderWay;
  }

  /** The next flush is the last: it leaves the index so that it opens fast. */
  willClose(): void {
    this.#isClosing = true;
  }

  /** No flush begins by itself any more. */
  stop(): void {
    this.#flushes.stop();
  }

  close(): void {
    this.stop();
    this.#index.close();
  }

  /** What was cleared before the flush is gone for good after it. */
  *#sweepAndSteps(): Steps {
    for (; this.#cleared.isPending; yield { kind: 'turn' }) this.#cleared.some();
    yield* this.#steps();
  }

  *#steps(): Steps {
    // One that cannot be written again now stays in doubt, and the flush fails.
    this.#suspects.clearUp((slot) => this.#doubt(slot));
    // Nothing goes that way until the flush is done: a value that died in the buffer meanwhile would be in no log.
    const failure = this.#core.behind?.write();
    if (failure !== undefined) throw failure;
    while (!(yield* this.#writeValues())) yield* this.#commit(false);
    const isLast = this.#isClosing && this.#index.isUnsorted;
    const isNeeded = !this.#index.writer.isEmpty || this.#releasing.length > 0 || this.#mustRewrite || isLast;
    if (isNeeded) yield* this.#commit(isLast);
    if (this.#isClosing && !this.#index.isMarked) yield* this.#mark();
  }

  /** False when there is no space for all of them, and a commit of what has been written so far makes some. */
  *#writeValues(): Steps<boolean> {
    try {
      yield* this.#checkpoint.write();
    } catch (error) {
      // While something is in doubt, what waits to be free may be the only copy of it that is on the disk.
      const makesSpace = this.#releasing.length > 0 && !this.#suspects.areAbout;
      if (makesSpace && isFull(error as Error)) return false;
      throw error;
    }
    this.#suspects.written();
    return true;
  }

  *#commit(isLast: boolean): Steps {
    const { file } = this.#core;
    const releasing = this.#releasing;
    this.#releasing = [];
    this.#releasingNow = releasing;
    this.#suspects.syncs();
    const { sequence, end } = this.#index;
    const isAnew = this.#mustRewrite || this.#index.isLong || isLast;
    const blocks = isAnew ? this.#index.writer.drop() : this.#index.writer.takeAll(sequence);
    try {
      yield { kind: 'sync', fd: file.fd };
      this.#suspects.synced();
      if (isAnew) {
        yield* this.#rewrite();
      } else {
        const bytes = yield* this.#append(blocks, end);
        this.#index.advance(bytes, blocks.length);
      }
    } catch (error) {
      this.#mustRewrite = true;
      this.#index.cutBack();
      this.#suspects.failed();
      this.#releasing = releasing.concat(this.#releasing);
      this.#core.counters.ioErrors++;
      throw error;
    } finally {
      this.#releasingNow = [];
    }
    if (this.#snapshots > 0) this.#heldBack.push(...releasing);
    else this.#free(releasing);
  }

  /** Writes blocks behind the end of the index, and syncs it; returns how many bytes they have. */
  *#append(blocks: readonly Buffer[], end: number): Steps<number> {
    const position = yield* writeBlocks(this.#index.fd, blocks, end);
    yield { kind: 'sync', fd: this.#index.fd };
    return position - end;
  }

  /** Says that the last flush was one. All it could tell is durable already, so that it may fail. */
  *#mark(): Steps {
    const { sequence, end, writer } = this.#index;
    if (!writer.isEmpty) return;
    const blocks = writer.takeAll(sequence);
    try {
      this.#index.advance(yield* this.#append(blocks, end), blocks.length, true);
    } catch {
      this.#core.counters.ioErrors++;
      this.#index.cutBack();
    }
  }

  /** Writes the whole index under another name and puts it in the place of the one there is. */
  *#rewrite(): Steps {
    for (let isDone = false; !isDone; ) {
      const fresh = this.#index.begin();
      try {
        isDone = yield* writeList(this.#core, this.#shapes, fresh, this.#loggedLocation);
        if (isDone) this.#index.replaceBy(fresh);
        else this.#index.giveUp(fresh);
      } catch (error) {
        this.#index.giveUp(fresh);
        throw error;
      }
    }
    this.#mustRewrite = false;
  }

  /** Where the value of a slot lies that is durable, or will be with the swap file's next sync. */
  #loggedLocation = (slot: number): Location | undefined =>
    this.#isWritten(slot) ? this.#locationOf(slot) : this.#orphans.get(slot);

  /** True for a slot that points to a record in the file. */
  #isWritten(slot: number): boolean {
    return this.#core.table.recordBytes(slot) > 0 && !this.#core.isUnwritten(slot);
  }

  /** The record of a slot may not have reached the disk: its value is written again. */
  #doubt(slot: number): void {
    const { table, residents } = this.#core;
    if (!table.isLive(slot)) return;
    const entry = table.isResident(slot) ? residents.get(table.keyAt(slot)) : undefined;
    if (!this.#isWritten(slot)) {
      // It gave up its record to leave with another, and may have been called back since: the log still has the first.
      if (entry !== undefined && this.#orphans.has(slot)) this.#checkpoint.add(entry);
    } else if (entry !== undefined) {
      this.#core.freeCopy(entry);
      this.#checkpoint.add(entry);
    } else if (!this.#writeAgain(slot)) {
      this.#core.counters.corruptRecords++;
    }
  }

  #free(runs: readonly number[]): void {
    for (let at = 0; at < runs.length; at += 2) this.#core.freePages(runs[at]!, runs[at + 1]!);
    this.#space.giveBackEnd();
  }

  /** The log has a newer word on a slot: what it said before is free with the next commit. */
  #supersede(slot: number): void {
    const orphan = this.#orphans.get(slot);
    if (orphan === undefined) return;
    this.#orphans.delete(slot);
    this.#releasing.push(orphan.page, this.#core.pagesOf(orphan.recordBytes));
  }

  #locationOf(slot: number): Location {
    const { table } = this.#core;
    return {
      page: table.page(slot),
      recordBytes: table.recordBytes(slot),
      generation: table.generation(slot),
      expiresAtMs: table.expiresAtMs(slot),
      graceMs: table.graceMs(slot),
      ownSize: table.ownSize(slot),
    };
  }
}
