/**
 * The index of a persistent store on the disk: the log beside the swap file, `<path>.index`. It is made under another
 * name, synced, and renamed into place, so that there is always one that is whole.
 */
import { dirname } from 'node:path';
import type { Disk, Environment } from '../environment.js';
import { asIoError, attempt, SwapError } from '../errors.js';
import type { Steps } from './file-steps.js';
import {
  type BlockSeal,
  type LogHeader,
  type LogIdentity,
  logHeaderBytes,
  makeLogHeader,
  readLogHeader,
} from './index-format.js';
import { type LogEnd, type LogVisitor, readLog, Window } from './index-reader.js';
import { LogWriter } from './index-writer.js';
import { saltBytes } from './record.js';
import { writeWhole } from './whole.js';

const fileMode = 0o600;
/** The log is written anew when it is so many times as long as it was when it was last written. */
const rewriteGrowth = 3;
/** When the store closes, when what was added is more than this share of that: opening is then as fast as it can be. */
const closeGrowth = 1 / 4;

/** One that is being made, to take the place of the other. */
export interface FreshIndex {
  readonly fd: number;
  readonly header: LogHeader;
  readonly writer: LogWriter;
  end: number;
  sequence: number;
}

/** What an index is opened with. */
export interface IndexTerms {
  readonly disk: Disk;
  /** The file that it belongs to. */
  readonly swapFile: {
    readonly path: string;
    readonly fd: number;
    readonly isNew: boolean;
    readonly isEmpty: boolean;
  };
  readonly identity: LogIdentity;
  readonly seal: BlockSeal | undefined;
  readonly sizes: Pick<Environment, 'indexBytesMin' | 'indexBlockBytes'>;
}

export class IndexFile {
  readonly path: string;
  readonly #terms: IndexTerms;
  #fd = -1;
  #end = logHeaderBytes;
  #sequence = 1;
  #listBytes = 0;
  /** True when it could not be cut back. */
  #isDoubtful = false;
  #isMarked = false;
  /** What has changed since the last cut. */
  readonly writer: LogWriter;

  private constructor(terms: IndexTerms) {
    this.#terms = terms;
    this.path = `${terms.swapFile.path}.index`;
    this.writer = this.#writerFor(this.#newHeader());
  }

  /**
   * Opens the index beside a swap file, and tells `visitor` what it says; makes one where the swap file holds nothing
   * (`isEmpty`). Where the swap file was made just now (`isNew`), an index that says anything is another's. Throws
   * ERR_SWAP_FORMAT and ERR_SWAP_IO.
   */
  static *open(terms: IndexTerms, visitor: LogVisitor): Steps<IndexFile> {
    const { disk, swapFile } = terms;
    const index = new IndexFile(terms);
    let found: boolean;
    try {
      found = index.#openOrMake();
    } catch (cause) {
      throw asIoError('cannot open the index', index.path, cause);
    }
    try {
      if (found) yield { kind: 'sync', fd: swapFile.fd };
      yield* index.#read(visitor);
      // What was read may have been written by who did not live to sync it: it must not be lost again.
      if (found) yield { kind: 'sync', fd: index.#fd };
      if (swapFile.isNew && index.#end > logHeaderBytes) throw index.#foreign('has lost its swap file');
    } catch (cause) {
      attempt(() => disk.close(index.#fd));
      throw asIoError('cannot read the index', index.path, cause);
    }
    return index;
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
    return this.#added > Math.max(this.#terms.sizes.indexBytesMin, (rewriteGrowth - 1) * this.#listBytes);
  }

  /** True when so much has been added that it should be written anew before the store closes. */
  get isUnsorted(): boolean {
    return this.#added > Math.max(this.#terms.sizes.indexBytesMin, closeGrowth * this.#listBytes);
  }

  get #added(): number {
    return this.#end - logHeaderBytes - this.#listBytes;
  }

  /** True when nothing has been added since the last mark, so that damage to any block can be told from a torn flush. */
  get isMarked(): boolean {
    return this.#isMarked || this.#end === logHeaderBytes;
  }

  /** Blocks have been written and synced; `isMark` when they say nothing. */
  advance(bytes: number, blocks: number, isMark = false): void {
    this.#isMarked = isMark;
    this.#end += bytes;
    this.#sequence += blocks;
  }

  /**
   * What was written behind the end may not have reached the disk, and never will if a sync has failed: nobody may take
   * it for durable. The next flush writes all anew; this is for who opens the file before that.
   */
  cutBack(): void {
    const { disk } = this.#terms;
    this.#isDoubtful = true;
    attempt(() => {
      disk.truncate(this.#fd, this.#end);
      this.#isDoubtful = false;
    });
  }

  /** Begins another index, under another name. Throws ERR_SWAP_IO. */
  begin(): FreshIndex {
    const { disk } = this.#terms;
    const path = this.#freshPath;
    // There is seldom one.
    attempt(() => disk.unlink(path));
    const header = this.#newHeader();
    const bytes = makeLogHeader(header);
    let fd = -1;
    try {
      fd = disk.open(path, 'wx+', fileMode);
      writeWhole(disk, fd, bytes, 0, bytes.length, 0);
    } catch (cause) {
      if (fd !== -1) attempt(() => disk.close(fd));
      throw asIoError('cannot write the index', path, cause);
    }
    return { fd, header, writer: this.#writerFor(header), end: bytes.length, sequence: 1 };
  }

  /** All of `fresh` has been written and synced: it is the index from now on. Throws ERR_SWAP_IO. */
  replaceBy(fresh: FreshIndex): void {
    try {
      this.#name();
    } catch (cause) {
      throw asIoError('cannot replace the index', this.path, cause);
    }
    const old = this.#fd;
    this.#fd = fresh.fd;
    this.#end = fresh.end;
    this.#sequence = fresh.sequence;
    this.#listBytes = fresh.end - logHeaderBytes;
    this.#isMarked = false;
    this.writer.writeTo(fresh.header, fresh.writer.before);
    this.#isDoubtful = false;
    attempt(() => this.#terms.disk.close(old));
  }

  /** What was begun will not be used. */
  giveUp(fresh: FreshIndex): void {
    attempt(() => this.#terms.disk.close(fresh.fd));
    // One that cannot be removed is in the next one's way, who removes it.
    attempt(() => this.#terms.disk.unlink(this.#freshPath));
  }

  close(): void {
    if (this.#isDoubtful) this.cutBack();
    attempt(() => this.#terms.disk.close(this.#fd));
  }

  get #freshPath(): string {
    return `${this.path}.new`;
  }

  #newHeader(): LogHeader {
    const { identity, seal } = this.#terms;
    return { ...identity, salt: seal?.newSalt() ?? new Uint8Array(saltBytes) };
  }

  #writerFor(header: LogHeader): LogWriter {
    return new LogWriter(header, this.#terms.sizes.indexBlockBytes, this.#terms.seal);
  }

  /** True when it was there. */
  #openOrMake(): boolean {
    const { disk, swapFile } = this.#terms;
    const found = this.#openExisting();
    if (found === undefined && !swapFile.isEmpty) throw this.#foreign('is missing');
    if (found === undefined) this.#install(this.begin());
    this.#fd = found ?? disk.open(this.path, 'r+', fileMode);
    // Whoever gave it its name may not have lived to make that durable; what is written into it would go with the name.
    if (found !== undefined) disk.syncDirectory(dirname(this.path));
    return found !== undefined;
  }

  #openExisting(): number | undefined {
    try {
      return this.#terms.disk.open(this.path, 'r+', fileMode);
    } catch (cause) {
      if ((cause as { code?: unknown }).code === 'ENOENT') return undefined;
      throw cause;
    }
  }

  #install(fresh: FreshIndex): void {
    this.#terms.disk.sync(fresh.fd);
    attempt(() => this.#terms.disk.close(fresh.fd));
    this.#name();
  }

  /** What was made under the other name is the index, and stays so. */
  #name(): void {
    this.#terms.disk.rename(this.#freshPath, this.path);
    this.#terms.disk.syncDirectory(dirname(this.path));
  }

  *#read(visitor: LogVisitor): Steps {
    const { disk, seal } = this.#terms;
    const { size } = disk.stat(this.#fd);
    const window = new Window(this.#fd, size);
    const header = this.#checkHeader(yield* window.at(0, logHeaderBytes));
    const end: LogEnd = yield* readLog(header, window, seal, visitor);
    this.writer.writeTo(header, end.before);
    this.writer.expectShapes(end.shapeNumber);
    this.#end = end.bytes;
    this.#sequence = end.sequence;
    this.#listBytes = end.listBytes;
    this.#isMarked = end.isMarked;
    // A torn flush must not lie behind the next one, which could make it look whole.
    if (size > end.bytes) disk.truncate(this.#fd, end.bytes);
  }

  #checkHeader(block: Buffer): LogHeader {
    const found = readLogHeader(block);
    const { identity } = this.#terms;
    if (found === undefined) throw this.#foreign('is not an index of this version of swapstore, or damaged');
    if (found.serializer !== identity.serializer) {
      const names = [found.serializer, identity.serializer].map((name) =>
        name === '' ? 'the built-in codec' : name,
      );
      throw this.#foreign(`was written with ${names[0]}, and opened with ${names[1]}`);
    }
    const belongs = found.seedA === identity.seedA && found.seedB === identity.seedB;
    if (!belongs || found.pageSize !== identity.pageSize) throw this.#foreign('belongs to another swap file');
    return found;
  }

  #foreign(what: string): SwapError {
    return new SwapError('ERR_SWAP_FORMAT', `the index ${this.path} ${what}; it was left as it is`, {
      path: this.path,
    });
  }
}
