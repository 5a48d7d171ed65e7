/**
 * The index of a persistent store on the disk: the log beside the swap file, `<path>.index`. It is made under another
 * name, synced, and renamed into place, so that there is always one that is whole.
 */
import { dirname } from 'node:path';
import type { Disk, Environment } from '../environment.js';
import { asIoError, SwapError } from '../errors.js';
import {
  type LogIdentity,
  type LogVisitor,
  LogWriter,
  logHeaderBytes,
  makeLogHeader,
  readLog,
  readLogHeader,
} from './index-log.js';
import { readWhole, writeWhole } from './whole.js';

const fileMode = 0o600;
const windowBytes = 1024 * 1024;
/** The log is written anew when it is so many times as long as it was when it was last written. */
const rewriteGrowth = 3;

/** One that is being made, to take the place of the other. */
export interface FreshIndex {
  readonly fd: number;
  readonly writer: LogWriter;
  end: number;
  sequence: number;
}

export class IndexFile {
  readonly path: string;
  readonly #identity: LogIdentity;
  readonly #disk: Disk;
  /** Up to this it is not too long. */
  readonly #bytesMin: number;
  readonly #blockBytes: number;
  #fd: number;
  #end = logHeaderBytes;
  #sequence = 1;
  #rewrittenBytes = 0;
  /** What has changed since the last cut. */
  readonly writer: LogWriter;

  /**
   * Opens the index beside a swap file, and tells `visitor` what it says; makes one where the swap file holds nothing
   * (`isEmpty`). Where the swap file was made just now (`isNew`), an index that says anything is another's. Throws
   * ERR_SWAP_FORMAT and ERR_SWAP_IO.
   */
  constructor(
    disk: Disk,
    swapFile: { readonly path: string; readonly isNew: boolean; readonly isEmpty: boolean },
    identity: LogIdentity,
    sizes: Pick<Environment, 'indexBytesMin' | 'indexBlockBytes'>,
    visitor: LogVisitor,
  ) {
    this.#bytesMin = sizes.indexBytesMin;
    this.#blockBytes = sizes.indexBlockBytes;
    this.#disk = disk;
    this.path = `${swapFile.path}.index`;
    this.#identity = identity;
    this.writer = new LogWriter(identity, sizes.indexBlockBytes);
    try {
      const found = this.#openExisting();
      if (found === undefined && !swapFile.isEmpty) throw this.#foreign('is missing');
      if (found === undefined) this.#install(this.begin());
      this.#fd = found ?? disk.open(this.path, 'r+', fileMode);
    } catch (cause) {
      throw asIoError('cannot open the index', this.path, cause);
    }
    try {
      this.#read(visitor);
      if (swapFile.isNew && this.#end > logHeaderBytes) throw this.#foreign('has lost its swap file');
    } catch (cause) {
      disk.close(this.#fd);
      throw asIoError('cannot read the index', this.path, cause);
    }
  }

  get fd(): number {
    return this.#fd;
  }

  /** Where the next block goes. */
  get end(): number {
    return this.#end;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** True when so much has been added that it should be written anew. */
  get isLong(): boolean {
    return this.#end - logHeaderBytes > Math.max(this.#bytesMin, rewriteGrowth * this.#rewrittenBytes);
  }

  /** Blocks have been written and synced. */
  advance(bytes: number, blocks: number): void {
    this.#end += bytes;
    this.#sequence += blocks;
  }

  /** Begins another index, under another name. Throws as the disk. */
  begin(): FreshIndex {
    const path = this.#freshPath;
    try {
      this.#disk.unlink(path);
    } catch {
      // There is seldom one.
    }
    const fd = this.#disk.open(path, 'wx+', fileMode);
    const header = makeLogHeader(this.#identity);
    writeWhole(this.#disk, fd, header, 0, header.length, 0);
    return { fd, writer: new LogWriter(this.#identity, this.#blockBytes), end: header.length, sequence: 1 };
  }

  /** All of `fresh` has been written and synced: it is the index from now on. Throws as the disk. */
  replaceBy(fresh: FreshIndex): void {
    this.#name();
    const old = this.#fd;
    this.#fd = fresh.fd;
    this.#end = fresh.end;
    this.#sequence = fresh.sequence;
    this.#rewrittenBytes = fresh.end - logHeaderBytes;
    this.#disk.close(old);
  }

  /** What was begun will not be used. */
  giveUp(fresh: FreshIndex): void {
    try {
      this.#disk.close(fresh.fd);
      this.#disk.unlink(this.#freshPath);
    } catch {
      // The next one removes it.
    }
  }

  close(): void {
    this.#disk.close(this.#fd);
  }

  get #freshPath(): string {
    return `${this.path}.new`;
  }

  #openExisting(): number | undefined {
    try {
      return this.#disk.open(this.path, 'r+', fileMode);
    } catch (cause) {
      if ((cause as { code?: unknown }).code === 'ENOENT') return undefined;
      throw cause;
    }
  }

  #install(fresh: FreshIndex): void {
    this.#disk.sync(fresh.fd);
    this.#disk.close(fresh.fd);
    this.#name();
  }

  /** What was made under the other name is the index, and stays so. */
  #name(): void {
    this.#disk.rename(this.#freshPath, this.path);
    this.#disk.syncDirectory(dirname(this.path));
  }

  #read(visitor: LogVisitor): void {
    const { size } = this.#disk.stat(this.#fd);
    let window: Buffer = Buffer.alloc(0);
    let windowFrom = 0;
    const read = (offset: number, bytes: number): Buffer => {
      if (offset < windowFrom || offset + bytes > windowFrom + window.length) {
        window = this.#readAt(offset, Math.min(Math.max(bytes, windowBytes), Math.max(0, size - offset)));
        windowFrom = offset;
      }
      return window.subarray(offset - windowFrom, offset - windowFrom + bytes);
    };
    this.#checkHeader(read(0, logHeaderBytes));
    const end = readLog(this.#identity, size, read, visitor);
    this.#end = end.bytes;
    this.#sequence = end.sequence;
    this.#rewrittenBytes = end.bytes - logHeaderBytes;
    // A torn flush must not lie behind the next one, which could make it look whole.
    if (size > end.bytes) {
      this.#disk.truncate(this.#fd, end.bytes);
      this.#disk.sync(this.#fd);
    }
  }

  #readAt(offset: number, bytes: number): Buffer {
    const target = Buffer.alloc(bytes);
    return target.subarray(0, readWhole(this.#disk, this.#fd, target, 0, bytes, offset));
  }

  #checkHeader(header: Buffer): void {
    const found = readLogHeader(header);
    const identity = this.#identity;
    if (found === undefined) throw this.#foreign('is not an index of this version of swapstore, or damaged');
    if (found.serializer !== identity.serializer) {
      const names = [found.serializer, identity.serializer].map((name) =>
        name === '' ? 'the built-in codec' : name,
      );
      throw this.#foreign(`was written with ${names[0]}, and opened with ${names[1]}`);
    }
    const belongs = found.seedA === identity.seedA && found.seedB === identity.seedB;
    if (!belongs || found.pageSize !== identity.pageSize) throw this.#foreign('belongs to another swap file');
  }

  #foreign(what: string): SwapError {
    return new SwapError('ERR_SWAP_FORMAT', `the index ${this.path} ${what}; it was left as it is`, {
      path: this.path,
    });
  }
}
