/**
 * The one file that values lie in: a block that says what it is, then pages. It owns the descriptor; threads write and
 * read through the same one, so that it must be closed only after all of them have let go.
 *
 * The file is scratch: it is emptied when it is opened and removed when it is closed. An anonymous one is unlinked as
 * soon as it is open where the system can do that, so that not even a SIGKILL leaves it behind; elsewhere (Windows)
 * its directory's name carries the owner's pid, and the next anonymous store sweeps those of the dead.
 *
 * A symbolic link is followed first: lock and index are beside the file that it leads to, as two names of one file must not
 * give it two owners; and close empties a scratch file behind one, and leaves both. One that leads to nothing is refused, as
 * whoever made it may want to have a file made elsewhere.
 *
 * It is sized up front, sparsely, as in the seed (`vmInit`), but for Windows, where truncating to a larger size would
 * really allocate. What has been written is counted apart, so that the figure is not the sparse one.
 */
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Disk } from '../environment.js';
import { asIoError, assert, attempt, SwapError } from '../errors.js';
import { sweepLeftovers } from './leftovers.js';
import { acquireLock, type Lock } from './lock.js';
import { keyCheckOf } from './seal.js';
import {
  type KeyProof,
  makeSuperblock,
  readSuperblock,
  type Superblock,
  superblockBytes,
} from './superblock.js';
import { readWhole, writeWhole } from './whole.js';

const maxSwapDefault = 4 * 1024 ** 3;
const pageCountMax = 2 ** 32;
const fileMode = 0o600;

export interface SwapFileOptions {
  readonly path: string | undefined;
  readonly pageSize: number;
  readonly maxSwap: number | undefined;
  /** The file outlives the store, and what was there before is kept. */
  readonly persistent: boolean;
  /** For a file that is new. */
  readonly seedA: number;
  readonly seedB: number;
  /** What the records of a persistent file are encrypted with. */
  readonly key: FileKey | undefined;
  readonly disk: Disk;
}

/** A key, and a salt for its proof in a file that is new. */
export interface FileKey {
  readonly bytes: Uint8Array;
  readonly salt: Uint8Array;
}

export class SwapFile {
  readonly path: string;
  readonly fd: number;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Of the sums of its records. */
  readonly seedA: number;
  readonly seedB: number;
  /** True when nothing was in it. */
  readonly isNew: boolean;
  readonly #disk: Disk;
  readonly #lock: Lock | undefined;
  /** The private directory of an anonymous file that still has its name. */
  readonly #directory: string | undefined;
  /** True while the file has a name that close must remove. */
  readonly #named: boolean;
  /** True when close empties the file and leaves it, so that the symbolic link that it was opened by leads somewhere. */
  readonly #isEmptied: boolean;
  #writtenBytes = superblockBytes;
  #open = true;

  /** Opens, checks, locks and empties the file. Throws ERR_SWAP_OPTION, _LOCKED, _FORMAT, _IO. */
  constructor(options: SwapFileOptions) {
    const { disk, pageSize, persistent } = options;
    this.#disk = disk;
    this.pageSize = pageSize;
    const given = options.path;
    const place =
      given === undefined ? openAnonymous(disk) : openNamed(disk, disk.followLink(given), options);
    this.path = place.path;
    this.fd = place.fd;
    this.#lock = place.lock;
    this.#directory = place.directory;
    const isLinked = given !== undefined && given !== place.path;
    this.#named = place.named && !persistent && !isLinked;
    this.#isEmptied = isLinked && !persistent;
    const found = place.superblock;
    this.seedA = found?.seedA ?? options.seedA;
    this.seedB = found?.seedB ?? options.seedB;
    try {
      const share = Math.min(maxSwapDefault, Math.floor(freeBytes(disk, this.path) / 2));
      const maxSwap = options.maxSwap ?? Math.max(share, persistent ? disk.stat(this.fd).size : 0);
      this.pageCount = Math.min(
        pageCountMax,
        Math.max(1, Math.floor((maxSwap - superblockBytes) / pageSize)),
      );
      this.isNew = !persistent || found === undefined;
      if (!persistent) disk.truncate(this.fd, 0);
      const { seedA, seedB } = this;
      const keyProof = options.key && proofOf(options.key.bytes, options.key.salt);
      if (this.isNew) {
        const block = makeSuperblock({ persistent, pageSize, seedA, seedB, keyProof });
        writeWhole(disk, this.fd, block, 0, superblockBytes, 0);
      }
      // A persistent file grows and shrinks with what is in it.
      if (persistent) {
        this.#writtenBytes = Math.max(superblockBytes, disk.stat(this.fd).size);
        if (this.isNew) {
          disk.sync(this.fd);
          disk.syncDirectory(dirname(this.path));
        }
      }
      if (!persistent && process.platform !== 'win32')
        disk.truncate(this.fd, superblockBytes + this.pageCount * pageSize);
    } catch (cause) {
      // What a failed sync left of a new one may be gone after a crash, though until then it would pass for one of ours.
      if (persistent && found === undefined) attempt(() => disk.truncate(this.fd, 0));
      this.close();
      throw asIoError('cannot prepare the swap file', this.path, cause);
    }
  }

  /** True when no page of it was ever written. */
  get isEmpty(): boolean {
    return this.#writtenBytes <= superblockBytes;
  }

  /** Gives back what lies behind `pages` pages. Throws as the disk. */
  shrink(pages: number): void {
    const bytes = this.offsetOf(pages);
    if (bytes >= this.#writtenBytes) return;
    this.#disk.truncate(this.fd, bytes);
    this.#writtenBytes = bytes;
  }

  /** How far the file has been written. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** The same in pages, the last of which may have been written in part. */
  get writtenPages(): number {
    return Math.ceil((this.#writtenBytes - superblockBytes) / this.pageSize);
  }

  /** Where a page begins in the file. */
  offsetOf(page: number): number {
    return superblockBytes + page * this.pageSize;
  }

  /** Reads from the start of a page; returns the count, which is short only at the end of the file. Throws as the disk. */
  read(target: Uint8Array, offset: number, length: number, page: number): number {
    assert(this.#open, 'the swap file is open');
    return readWhole(this.#disk, this.fd, target, offset, length, this.offsetOf(page));
  }

  /** Writes all of `length` bytes from the start of a page on. Throws as the disk. */
  write(source: Uint8Array, offset: number, length: number, page: number): void {
    assert(
      this.#open && page >= 0 && page + length / this.pageSize <= this.pageCount,
      'a write lies within the file',
    );
    writeWhole(this.#disk, this.fd, source, offset, length, this.offsetOf(page));
    this.noteWritten(page, Math.ceil(length / this.pageSize));
  }

  /** A thread has written these pages. */
  noteWritten(page: number, pages: number): void {
    this.#writtenBytes = Math.max(this.#writtenBytes, this.offsetOf(page + pages));
  }

  /** Closes and removes the file. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#isEmptied) attempt(() => this.#disk.truncate(this.fd, 0));
    // What had to be durable was synced before.
    attempt(() => this.#disk.close(this.fd));
    if (this.#named) {
      attempt(() => this.#disk.unlink(this.path));
      const directory = this.#directory;
      if (directory !== undefined) attempt(() => this.#disk.removeDirectory(directory));
    }
    this.#lock?.release();
  }
}

interface Place {
  readonly path: string;
  readonly fd: number;
  readonly lock: Lock | undefined;
  readonly directory: string | undefined;
  readonly named: boolean;
  /** Of a persistent file that is there already. */
  readonly superblock: Superblock | undefined;
}

function openAnonymous(disk: Disk): Place {
  const parent = temporaryDirectory(disk);
  if (!disk.unlinksOpenFiles) sweepLeftovers(disk, parent);
  let directory: string;
  let fd: number;
  let path = parent;
  try {
    directory = disk.makePrivateDirectory(join(parent, `swapstore-${process.pid}-`));
    path = join(directory, 'swap');
    fd = disk.open(path, 'wx+', fileMode);
  } catch (cause) {
    throw asIoError('cannot make a temporary swap file', path, cause);
  }
  if (!disk.unlinksOpenFiles)
    return { path, fd, lock: undefined, directory, named: true, superblock: undefined };
  attempt(() => disk.unlink(path));
  attempt(() => disk.removeDirectory(directory));
  return { path, fd, lock: undefined, directory: undefined, named: false, superblock: undefined };
}

/** The system's directory for temporary files, or /var/tmp where that is on a disk and the other is not. */
function temporaryDirectory(disk: Disk): string {
  const usual = tmpdir();
  try {
    if (disk.space(usual).inMemory && !disk.space('/var/tmp').inMemory) return '/var/tmp';
  } catch {
    // Where it cannot be told, or there is no /var/tmp, the usual place has to do.
  }
  return usual;
}

function openNamed(disk: Disk, path: string, options: SwapFileOptions): Place {
  let fd = openExisting(disk, path);
  // The lock is taken before a file is made or changed, and after a directory or a foreign file was refused.
  if (fd !== undefined) checkOurs(disk, fd, path, options);
  let lock: Lock;
  try {
    lock = acquireLock(disk, path);
  } catch (error) {
    const found = fd;
    if (found !== undefined) attempt(() => disk.close(found));
    throw error;
  }
  try {
    fd ??= openExisting(disk, path) ?? disk.open(path, 'wx+', fileMode);
    const superblock = checkOurs(disk, fd, path, options);
    disk.chmod(fd, fileMode);
    return { path, fd, lock, directory: undefined, named: true, superblock };
  } catch (cause) {
    lock.release();
    throw asIoError('cannot open the swap file', path, cause);
  }
}

function openExisting(disk: Disk, path: string): number | undefined {
  try {
    return disk.open(path, 'r+', fileMode);
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code === 'ENOENT') return undefined;
    if (code === 'EISDIR') throw notAFile(path, cause);
    throw asIoError('cannot open the swap file', path, cause);
  }
}

/**
 * Refuses what is not an empty file or a file of ours of the wanted kind; reads only. Returns what a persistent file
 * says of itself. Closes `fd` when it throws.
 */
function checkOurs(disk: Disk, fd: number, path: string, options: SwapFileOptions): Superblock | undefined {
  const { persistent, pageSize } = options;
  try {
    const { size, isFile } = disk.stat(fd);
    if (!isFile) throw notAFile(path);
    if (size === 0) return undefined;
    const block = Buffer.alloc(superblockBytes);
    readWhole(disk, fd, block, 0, superblockBytes, 0);
    // A machine may die after a file was made and before anything in it has reached the disk.
    if (size <= superblockBytes && block.every((byte) => byte === 0)) return undefined;
    const found = readSuperblock(block);
    if (found !== undefined && found.persistent === persistent) {
      if (!persistent) return undefined;
      const mismatch = mismatchOf(found, pageSize, options.key);
      if (mismatch === undefined) return found;
      throw new SwapError('ERR_SWAP_FORMAT', `${path} ${mismatch}; it was left as it is`, { path });
    }
    const kind = persistent ? 'persistent' : 'scratch';
    const message = `${path} is not a ${kind} file of swapstore, and was left as it is; choose another path`;
    throw new SwapError('ERR_SWAP_FORMAT', message, { path });
  } catch (cause) {
    attempt(() => disk.close(fd));
    throw asIoError('cannot read the swap file', path, cause);
  }
}

/** Why a persistent file cannot be opened with these options. */
function mismatchOf(found: Superblock, pageSize: number, key: FileKey | undefined): string | undefined {
  if (found.pageSize !== pageSize)
    return `has pages of ${found.pageSize} bytes, and was opened with pageSize ${pageSize}`;
  if (found.keyProof === undefined) return key && 'is not encrypted, and was opened with a key';
  if (key === undefined) return 'is encrypted, and was opened without its key';
  const { check } = proofOf(key.bytes, found.keyProof.salt);
  return Buffer.compare(check, found.keyProof.check) === 0
    ? undefined
    : 'was encrypted with another key than the one it was opened with';
}

function proofOf(key: Uint8Array, salt: Uint8Array): KeyProof {
  return { salt, check: keyCheckOf(key, salt) };
}

function notAFile(path: string, cause?: unknown): SwapError {
  return new SwapError('ERR_SWAP_OPTION', `path must name a file, but ${path} is a directory or a device`, {
    cause,
    path,
  });
}

function freeBytes(disk: Disk, path: string): number {
  try {
    return disk.space(join(path, '..')).freeBytes;
  } catch {
    // An anonymous file's directory is gone; the same file system is below.
    return attempt(() => disk.space(join(path, '..', '..')).freeBytes) ?? Number.POSITIVE_INFINITY;
  }
}
