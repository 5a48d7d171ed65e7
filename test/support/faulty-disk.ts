/**
 * The real disk with faults put into it: a call can fail with a given errno, be short, or read other bytes than lie in
 * the file. It counts calls, tells a hook about each while it happens, and can take (manual) time for a read.
 */

import { nodeDisk } from '../../dist/disk/node-disk.js';
import type { Disk, DiskCallback } from '../../dist/environment.js';
import type { ManualClock } from './clock.js';

const errnos: Record<string, number> = { EIO: -5, EACCES: -13, ENOSPC: -28, EDQUOT: -122 };

/** An error as node:fs throws it. */
export function errnoError(code: string, syscall: string): NodeJS.ErrnoException {
  const errno = errnos[code] ?? -5;
  return Object.assign(new Error(`${code}: injected fault, ${syscall}`), { code, errno, syscall });
}

export type Operation = 'read' | 'write';
type Corruption = (bytes: Uint8Array) => void;

export class FaultyDisk implements Disk {
  readonly unlinksOpenFiles = nodeDisk.unlinksOpenFiles;
  reads = 0;
  writes = 0;
  syncs = 0;
  readonly opened: string[] = [];
  readonly directories: string[] = [];
  readonly truncations: number[] = [];
  /** What each read costs on the manual clock, ms. Far above what a read from the page cache costs: "slow". */
  readCostMs = 0;
  /** What each write takes on the clock, ms. */
  writeCostMs = 0;
  /** Most bytes that one call transfers. */
  bytesPerCallMax = Number.MAX_SAFE_INTEGER;
  /** What `space` answers in place of the truth. */
  freeBytes: number | undefined;
  /** Paths that are said to lie in memory begin with this. */
  memoryPrefix: string | undefined;
  /** Called in the middle of each read and write, while the job that asked for it is being processed. */
  during: ((operation: Operation, position: number) => void) | undefined;
  #readFaults: Array<string | undefined> = [];
  #writeFaults: Array<string | undefined> = [];
  #syncFaults: Array<string | undefined> = [];
  #everyRead: string | undefined;
  #everyWrite: string | undefined;
  #corruptions: Corruption[] = [];
  #asynchronous: Array<() => void> = [];
  readonly #clock: ManualClock;
  readonly #base: Disk;

  constructor(clock: ManualClock, base: Disk = nodeDisk) {
    this.#clock = clock;
    this.#base = base;
  }

  /** The k-th read from now on (1 is the next) fails once. */
  failRead(code: string, k = 1): void {
    this.#readFaults[k - 1] = code;
  }

  failWrite(code: string, k = 1): void {
    this.#writeFaults[k - 1] = code;
  }

  /** Every read fails until this is called with undefined. */
  failReads(code: string | undefined): void {
    this.#everyRead = code;
  }

  failWrites(code: string | undefined): void {
    this.#everyWrite = code;
  }

  /** What the next read brings is changed by `corruption`. */
  corruptNextRead(corruption: Corruption): void {
    this.#corruptions.push(corruption);
  }

  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number {
    this.reads++;
    if (this.readCostMs > 0) this.#clock.spend(this.readCostMs);
    this.during?.('read', position);
    const fault = this.#readFaults.shift() ?? this.#everyRead;
    if (fault !== undefined) throw errnoError(fault, 'read');
    const count = this.#base.read(fd, target, offset, Math.min(length, this.bytesPerCallMax), position);
    this.#corruptions.shift()?.(target.subarray(offset, offset + count));
    return count;
  }

  write(fd: number, source: Uint8Array, offset: number, length: number, position: number): number {
    this.writes++;
    if (this.writeCostMs > 0) this.#clock.spend(this.writeCostMs);
    this.during?.('write', position);
    const fault = this.#writeFaults.shift() ?? this.#everyWrite;
    if (fault !== undefined) throw errnoError(fault, 'write');
    return this.#base.write(fd, source, offset, Math.min(length, this.bytesPerCallMax), position);
  }

  readAsync(
    fd: number,
    target: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DiskCallback,
  ): void {
    this.#asynchronous.push(() => complete(() => this.read(fd, target, offset, length, position), done));
  }

  writeAsync(
    fd: number,
    source: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DiskCallback,
  ): void {
    this.#asynchronous.push(() => complete(() => this.write(fd, source, offset, length, position), done));
  }

  /** Which of so many calls off the event loop runs next; the oldest, unless a test wants another order. */
  pickAsynchronous: (count: number) => number = () => 0;

  /** Runs a call that was asked for off the event loop; false when there is none. */
  stepAsynchronous(): boolean {
    const { length } = this.#asynchronous;
    if (length === 0) return false;
    const [call] = this.#asynchronous.splice(this.pickAsynchronous(length), 1);
    call!();
    return true;
  }

  open(path: string, flags: string, mode: number): number {
    this.opened.push(path);
    return this.#base.open(path, flags, mode);
  }

  close(fd: number): void {
    this.#base.close(fd);
  }

  /** The k-th sync from now on fails once. */
  failSync(code: string, k = 1): void {
    this.#syncFaults[k - 1] = code;
  }

  /** The real disk is not synced: the machine will not lose its power during a test. */
  sync(fd: number): void {
    this.syncs++;
    const fault = this.#syncFaults.shift();
    if (fault !== undefined) throw errnoError(fault, 'fsync');
    if (this.#base !== nodeDisk) this.#base.sync(fd);
  }

  syncAsync(fd: number, done: (error: Error | null) => void): void {
    this.#asynchronous.push(() => {
      try {
        this.sync(fd);
      } catch (error) {
        done(error as Error);
        return;
      }
      done(null);
    });
  }

  syncDirectory(path: string): void {
    if (this.#base !== nodeDisk) this.#base.syncDirectory(path);
  }

  rename(path: string, newPath: string): void {
    this.#base.rename(path, newPath);
  }

  truncate(fd: number, bytes: number): void {
    this.truncations.push(bytes);
    this.#base.truncate(fd, bytes);
  }

  chmod(fd: number, mode: number): void {
    this.#base.chmod(fd, mode);
  }

  stat(fd: number): { readonly size: number; readonly isFile: boolean } {
    return this.#base.stat(fd);
  }

  space(path: string): { readonly freeBytes: number; readonly inMemory: boolean } {
    const { freeBytes, inMemory } = this.#base.space(path);
    return {
      freeBytes: this.freeBytes ?? freeBytes,
      inMemory: this.memoryPrefix === undefined ? inMemory : path.startsWith(this.memoryPrefix),
    };
  }

  makePrivateDirectory(prefix: string): string {
    const path = this.#base.makePrivateDirectory(prefix);
    this.directories.push(path);
    return path;
  }

  list(path: string): string[] {
    return this.#base.list(path);
  }

  unlink(path: string): void {
    this.#base.unlink(path);
  }

  removeDirectory(path: string): void {
    this.#base.removeDirectory(path);
  }

  followLink(path: string): string {
    return this.#base.followLink(path);
  }

  link(path: string, newPath: string): void {
    this.#base.link(path, newPath);
  }

  readText(path: string): string {
    return this.#base.readText(path);
  }

  writeNew(path: string, text: string): void {
    this.#base.writeNew(path, text);
  }
}

function complete(call: () => number, done: DiskCallback): void {
  let count: number;
  try {
    count = call();
  } catch (error) {
    done(error as Error, 0);
    return;
  }
  done(null, count);
}
