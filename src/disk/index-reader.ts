/**
 * Reads the index of a persistent store back (the format is in index-format.ts): first all blocks, to find those that
 * are sound and where the last commit is; then what they say, in their order. It yields each read, and a turn of the
 * event loop for each few blocks, so that the same steps serve who waits and who does not.
 */
import { fingerprint } from '../codec/fingerprint.js';
import { StoredKey } from '../memory/stored-key.js';
import type { Steps } from './file-steps.js';
import {
  allKeys,
  authenticatedOf,
  BlockKind,
  type BlockSeal,
  blockAlignment,
  blockBytesMax,
  blockHeaderBytes,
  blockMagic,
  extrasFlag,
  type Location,
  type LogHeader,
  logHeaderBytes,
  Operation,
  operationMask,
  repeated,
  sumOfBlock,
  type Touched,
  twoByteFlag,
} from './index-format.js';

const windowBytes = 1024 * 1024;
/** A key of one character takes so much. */
const setBytesMin = 20;
/** Of the last blocks, and of all in so many bytes, the keys are kept, for what the next block repeats. */
const collectedBlocks = 2;
const collectedBytes = 256 * 1024;
/**
 * Bytes, beside a few times the whole log, that are summed for what looks like blocks and is none. Damage makes as much
 * as it damages; who chooses keys that look like headers, of which each seems to be of a long block, makes any amount.
 */
const falseBytesMax = 256 * 1024 * 1024;
const falseReadsMax = 4;
/** Blocks that are read, or applied, in one turn. */
const blocksPerTurn = 4;

/** What a log says, in its order. Keys and locations are good until the next call. */
export interface LogVisitor {
  set(key: StoredKey, location: Location): void;
  delete(key: StoredKey): void;
  clear(): void;
  shape(number: number, keys: string[]): void;
  /** Shapes below this number may be in records. */
  expectShapes(nextNumber: number): void;
  /** About so many keys will come. */
  expect(keys: number): void;
  /** A block is damaged: keys with one of these hashes are not what the log says so far; all keys if undefined. */
  damaged(hashes: ReadonlySet<number> | undefined): void;
}

/** Where a log ends, and what its next block is numbered. */
export interface LogEnd {
  readonly bytes: number;
  readonly sequence: number;
  /** Bytes of the list that it begins with; 0 when it begins with what was added. */
  readonly listBytes: number;
  /** The last blocks. */
  readonly before: readonly Touched[];
  /** Number of the next new shape. */
  readonly shapeNumber: number;
  /** True when the last block says nothing but that the one before it was written. */
  readonly isMarked: boolean;
}

/** A file's bytes by pieces. */
export class Window {
  readonly #fd: number;
  readonly size: number;
  #buffer = Buffer.alloc(0);
  #from = 0;
  #length = 0;

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  /** Up to `count` bytes from `offset` on, fewer only at the end of the file; good until the next call. */
  *at(offset: number, count: number): Steps<Buffer> {
    const wanted = Math.min(count, Math.max(0, this.size - offset));
    if (offset < this.#from || offset + wanted > this.#from + this.#length) {
      const length = Math.min(Math.max(wanted, windowBytes), Math.max(0, this.size - offset));
      if (this.#buffer.length < length) this.#buffer = Buffer.alloc(length);
      this.#length = 0;
      this.#from = offset;
      this.#length = yield { kind: 'read', fd: this.#fd, bytes: this.#buffer, length, position: offset };
    }
    const from = offset - this.#from;
    return this.#buffer.subarray(from, Math.min(from + wanted, this.#length));
  }

  /** Writes what `at` has just given to where it is. */
  *writeAgain(bytes: Buffer, offset: number): Steps {
    yield { kind: 'write', fd: this.#fd, bytes, length: bytes.length, position: offset };
  }
}

interface Block {
  readonly offset: number;
  readonly bytes: number;
  readonly sequence: number;
  readonly kind: number;
  /** Of the first block of its flush. */
  readonly first: number;
  /** Blocks that are missing before it. */
  missing: number;
}

/** What has been looked at for nothing. */
interface Effort {
  falseBytes: number;
}

/**
 * Reads a log and tells `visitor` all that was committed. Where nobody has closed it, all that was added to it is written
 * to its place again, so that a sync makes it durable: one that failed for who wrote it, or for who read it before us, may
 * have left it to be read, and forgotten that it is not on the disk.
 */
export function* readLog(
  header: LogHeader,
  window: Window,
  seal: BlockSeal | undefined,
  visitor: LogVisitor,
): Steps<LogEnd> {
  const blocks: Block[] = [];
  let committed = 0;
  let end = { bytes: logHeaderBytes, sequence: 1, listBytes: 0 };
  let expected = 1;
  // Blocks from this sequence number on follow each other without a gap.
  let wholeFrom = 1;
  const effort: Effort = { falseBytes: 0 };
  const effortMax = falseBytesMax + falseReadsMax * window.size;
  for (let offset = logHeaderBytes; offset + blockHeaderBytes <= window.size; ) {
    const block = yield* readBlock(header, offset, window, seal, effort);
    if (effort.falseBytes > effortMax) break;
    if (block === undefined || block.sequence < expected) {
      // Torn, or damaged: what comes behind it, if anything does, will tell.
      offset += blockAlignment;
      continue;
    }
    block.missing = block.sequence - expected;
    if (block.missing > 0) wholeFrom = block.sequence;
    blocks.push(block);
    expected = block.sequence + 1;
    offset += block.bytes;
    if (blocks.length % blocksPerTurn === 0) yield { kind: 'turn' };
    const isListed = block.kind === BlockKind.Listed;
    if (!isListed && (block.kind !== BlockKind.Commit || block.first < wholeFrom)) continue;
    // What came before was on the disk when this flush began: if some of it is missing now, it was damaged since.
    committed = blocks.length;
    end = {
      bytes: offset,
      sequence: expected,
      listBytes: isListed ? offset - logHeaderBytes : end.listBytes,
    };
  }
  const application = new Application(visitor, Math.floor(window.size / setBytesMin));
  for (let index = 0; index < committed; index++) {
    const block = blocks[index]!;
    const payload = yield* payloadOf(header, block, window, seal);
    if (payload === undefined) throw new Error('the file has changed while it was read');
    const isCollected = committed - index <= collectedBlocks || end.bytes - block.offset <= collectedBytes;
    application.apply(payload, block, isCollected);
    if (index % blocksPerTurn === 0) yield { kind: 'turn' };
  }
  // What would have been found behind it is lost, if there is anything.
  if (effort.falseBytes > effortMax) visitor.damaged(new Set());
  if (!application.saidNothing) {
    const added = blocks.slice(0, committed).filter(({ kind }) => kind !== BlockKind.Listed);
    for (const block of added) {
      if ((yield* readBlock(header, block.offset, window, seal, effort)) === undefined) continue;
      yield* window.writeAgain(yield* window.at(block.offset, block.bytes), block.offset);
    }
  }
  return {
    ...end,
    before: application.before,
    shapeNumber: application.shapeNumber,
    isMarked: application.saidNothing,
  };
}

function* readBlock(
  header: LogHeader,
  offset: number,
  window: Window,
  seal: BlockSeal | undefined,
  effort: Effort,
): Steps<Block | undefined> {
  const head = yield* window.at(offset, blockHeaderBytes);
  if (head.length < blockHeaderBytes || head.readUInt32LE(0) !== blockMagic) return undefined;
  const payloadBytes = head.readUInt32LE(4);
  const bytes = Math.ceil((blockHeaderBytes + payloadBytes) / blockAlignment) * blockAlignment;
  if (bytes > blockBytesMax || offset + bytes > window.size) return undefined;
  const whole = yield* window.at(offset, bytes);
  if (whole.length < bytes) return undefined;
  sumOfBlock(whole, payloadBytes, header.seedA, header.seedB);
  if (whole.readInt32LE(16) !== fingerprint.a || whole.readInt32LE(20) !== fingerprint.b) {
    effort.falseBytes += bytes;
    return undefined;
  }
  const block = {
    offset,
    bytes,
    sequence: whole.readUInt32LE(8),
    kind: whole.readUInt32LE(12),
    first: whole.readUInt32LE(24),
    missing: 0,
  };
  if (seal !== undefined && openPayload(header, block, whole, seal) === undefined) return undefined;
  return block;
}

function* payloadOf(
  header: LogHeader,
  block: Block,
  window: Window,
  seal: BlockSeal | undefined,
): Steps<Buffer | undefined> {
  const whole = yield* window.at(block.offset, block.bytes);
  if (whole.length < block.bytes) return undefined;
  if (seal !== undefined) return openPayload(header, block, whole, seal);
  return whole.subarray(blockHeaderBytes, blockHeaderBytes + whole.readUInt32LE(4));
}

function openPayload(header: LogHeader, block: Block, whole: Buffer, seal: BlockSeal): Buffer | undefined {
  const sealed = whole.subarray(blockHeaderBytes, blockHeaderBytes + whole.readUInt32LE(4));
  return seal.open(sealed, authenticatedOf(header.salt, block.sequence, block.first, block.kind));
}

/** Tells a visitor what payloads say. Their sums have been checked, so that they are what a writer has made. */
class Application {
  readonly #visitor: LogVisitor;
  /** No more can be in the file, whatever it says. */
  readonly #keysMax: number;
  #view: DataView = new DataView(new ArrayBuffer(0));
  readonly #key = new StoredKey();
  readonly #location: Location = {
    page: 0,
    recordBytes: 0,
    generation: 0,
    expiresAtMs: 0,
    graceMs: 0,
    ownSize: 0,
  };

  shapeNumber = 0;
  /** True when the last block had no operation. */
  saidNothing = false;
  /** The last of the blocks whose keys were to be collected. */
  before: readonly Touched[] = [];
  #hashes: number[] = [];
  #shapes: Buffer[] = [];
  #shapeNumberBefore = 0;
  #hasClear = false;
  #isCollected = false;

  constructor(visitor: LogVisitor, keysMax: number) {
    this.#visitor = visitor;
    this.#keysMax = keysMax;
  }

  /** @param isCollected The hashes of its keys are to be kept. */
  apply(bytes: Buffer, block: Block, isCollected: boolean): void {
    // Millions of numbers are read, for which a view is much faster than a Buffer's own methods.
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#isCollected = isCollected;
    this.#hashes = [];
    this.#shapes = [];
    this.#hasClear = false;
    this.#operations(bytes, this.#gap(block));
    if (!isCollected) return;
    const hashes = this.#hasClear ? undefined : this.#hashes;
    this.before = repeated({ hashes, shapes: this.#shapes, bytes: block.bytes }, this.before);
  }

  /** Reads which keys the blocks before had, and reports those of the blocks that are missing; returns where it ends. */
  #gap({ missing, kind }: Block): number {
    const view = this.#view;
    this.#shapeNumberBefore = this.shapeNumber;
    this.shapeNumber = view.getUint32(0, true);
    this.#visitor.expectShapes(this.shapeNumber);
    const blockCount = view.getUint32(4, true);
    let hashAt = 8 + 4 * blockCount;
    // A list has each key once: what is missing of it has no older word that could come back.
    let isKnown = missing <= blockCount || kind === BlockKind.Listed;
    const touched = new Set<number>();
    for (let index = 0; index < blockCount; index++) {
      const count = view.getUint32(8 + 4 * index, true);
      const end = count === allKeys ? hashAt : hashAt + 4 * count;
      if (index < missing) {
        if (count === allKeys) isKnown = false;
        for (let at = hashAt; at < end; at += 4) touched.add(view.getInt32(at, true));
      }
      hashAt = end;
    }
    if (missing > 0) this.#visitor.damaged(isKnown ? touched : undefined);
    return hashAt;
  }

  #operations(bytes: Buffer, from: number): void {
    const visitor = this.#visitor;
    let at = from;
    this.saidNothing = at === bytes.length;
    while (at < bytes.length) {
      const operation: Operation = bytes[at]! & operationMask;
      if (operation === Operation.Set) {
        at = this.#set(bytes, at);
      } else if (operation === Operation.Delete) {
        at = this.#keyAt(bytes, at);
        visitor.delete(this.#key);
      } else if (operation === Operation.Clear) {
        at++;
        this.#hasClear = true;
        visitor.clear();
      } else if (operation === Operation.Expect) {
        visitor.expect(Math.min(this.#view.getUint32(at + 1, true), this.#keysMax));
        at += 5;
      } else {
        at = this.#shape(bytes, at);
      }
    }
  }

  #set(bytes: Buffer, from: number): number {
    const hasExtras = (bytes[from]! & extrasFlag) !== 0;
    const at = this.#keyAt(bytes, from);
    const location = this.#location;
    const view = this.#view;
    location.page = view.getUint32(at, true);
    location.recordBytes = view.getInt32(at + 4, true);
    location.generation = view.getInt32(at + 8, true);
    location.expiresAtMs = hasExtras ? view.getFloat64(at + 12, true) : 0;
    location.ownSize = hasExtras ? view.getUint32(at + 20, true) : 0;
    location.graceMs = hasExtras ? view.getUint32(at + 24, true) : 0;
    this.#visitor.set(this.#key, location);
    return at + (hasExtras ? 28 : 12);
  }

  /** Finds the key of an operation; returns where it ends. */
  #keyAt(bytes: Buffer, at: number): number {
    const key = this.#key;
    key.bytes = bytes;
    key.twoByte = (bytes[at]! & twoByteFlag) !== 0;
    key.length = this.#view.getUint16(at + 1, true);
    key.hash = this.#view.getInt32(at + 3, true);
    key.from = at + 7;
    if (this.#isCollected) this.#hashes.push(key.hash);
    return key.from + key.byteLength;
  }

  #shape(bytes: Buffer, from: number): number {
    const keys: string[] = [];
    const number = bytes.readUInt16LE(from + 1);
    const count = bytes.readUInt16LE(from + 3);
    let at = from + 5;
    for (let index = 0; index < count; index++) {
      const word = bytes.readUInt16LE(at);
      const length = word & 0x7fff;
      const end = at + 2 + (word === length ? length : 2 * length);
      keys.push(word === length ? bytes.latin1Slice(at + 2, end) : bytes.ucs2Slice(at + 2, end));
      at = end;
    }
    // Others are repeated in this block, or older than what was read.
    if (this.#isCollected && number >= this.#shapeNumberBefore)
      this.#shapes.push(Buffer.from(bytes.subarray(from, at)));
    this.#visitor.shape(number, keys);
    return at;
  }
}
