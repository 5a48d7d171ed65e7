/**
 * What a thread does with a job. The I/O threads run it, and so does the main thread when it must not wait for one, and
 * a test that is the scheduler.
 */
import { type Compression, compress } from '../codec/compression.js';
import { copyBytes } from '../codec/copy-bytes.js';
import {
  checkHeader,
  counterBytes,
  paddedBytes,
  padRecord,
  payloadEnd,
  payloadOffset,
  RecordBuffer,
  rewriteHeader,
} from '../disk/record.js';
import type { Sealer } from '../disk/seal.js';
import { superblockBytes } from '../disk/superblock.js';
import { readWhole, writeWhole } from '../disk/whole.js';
import type { Disk } from '../environment.js';
import { JobType } from './job.js';
import { canceledJob, Field, noJob, Ring, Status, unknownError, Word } from './ring.js';
import { sharedUsSince } from './thread-clock.js';

type ReadWrite = Pick<Disk, 'read' | 'write'>;

/** Takes one new job and does it, or passes on a cancelled one; false when there was none. */
export function takeAndRun(
  control: SharedArrayBuffer,
  area: SharedArrayBuffer,
  disk: ReadWrite,
  threadIndex: number,
  sealer: Sealer | undefined,
): boolean {
  return takeAndRunIn(new Ring(control), new RecordBuffer(area), disk, threadIndex, sealer);
}

/** The same on views that were made before. */
export function takeAndRunIn(
  ring: Ring,
  area: RecordBuffer,
  disk: ReadWrite,
  threadIndex: number,
  sealer: Sealer | undefined,
): boolean {
  const job = ring.takeNew(threadIndex);
  if (job === noJob) return false;
  if (job === canceledJob) return true;
  const submittedUs = ring.get(job, Field.SubmittedUs);
  if (submittedUs !== 0) ring.set(job, Field.WaitUs, sharedUsSince(submittedUs));
  // Who compresses or writes takes no load meanwhile, so that another may be woken for those.
  const takesLoads = ring.get(job, Field.Type) === JobType.Load;
  if (!takesLoads) {
    Atomics.sub(ring.words, Word.Awake, 1);
    if (ring.newCount > 0) ring.wakeOne();
  }
  const began = performance.now();
  try {
    ring.set(job, Field.Result, run(ring, area, disk, job, sealer));
    ring.set(job, Field.Error, 0);
  } catch (error) {
    noteError(ring, job, error);
  }
  if (!takesLoads) Atomics.add(ring.words, Word.Awake, 1);
  ring.set(job, Field.DurationUs, Math.round((performance.now() - began) * 1000));
  ring.setStatus(job, Status.Processed);
  ring.pushProcessed(job);
  return true;
}

function run(
  ring: Ring,
  area: RecordBuffer,
  disk: ReadWrite,
  job: number,
  sealer: Sealer | undefined,
): number {
  const offset = ring.get(job, Field.AreaOffset);
  const length = ring.get(job, Field.Length);
  const type: JobType = ring.get(job, Field.Type);
  if (type === JobType.Prepare) {
    const compression: Compression = ring.get(job, Field.Compression);
    return prepareRecords(
      area,
      offset,
      ring.get(job, Field.RecordCount),
      ring.get(job, Field.PageSize),
      compression,
    );
  }
  const fd = ring.get(job, Field.Fd);
  const position = ring.position(job);
  if (type === JobType.Load) return readWhole(disk, fd, area.bytes, offset, length, position);
  if (sealer !== undefined) {
    const pageSize = ring.get(job, Field.PageSize);
    sealRecords(area, offset, length, (position - superblockBytes) / pageSize, pageSize, sealer);
  }
  writeWhole(disk, fd, area.bytes, offset, length, position);
  return length;
}

/**
 * Compresses records that lie one after another from `offset` on, each at a whole page, and packs them towards the
 * front; one that does not become smaller stays as it is. Returns the bytes that they take now.
 */
export function prepareRecords(
  buffer: RecordBuffer,
  offset: number,
  recordCount: number,
  pageSize: number,
  compression: Compression,
): number {
  const { bytes, words } = buffer;
  let from = offset;
  let to = offset;
  for (let record = 0; record < recordCount; record++) {
    const recordBytes = words[(from >>> 2) + 1]!;
    if (!checkHeader(buffer, from, Math.min(recordBytes, bytes.length - from))) {
      throw new Error('a record changed while it was on its way');
    }
    const keyWord = words[(from >>> 2) + 3]!;
    const payload = from + payloadOffset(keyWord);
    const end = from + payloadEnd(recordBytes, keyWord);
    const trailer = from + recordBytes - end;
    const counter = trailer === 0 ? undefined : Buffer.from(bytes.subarray(end, end + counterBytes));
    const packed = compress(compression, bytes.subarray(payload, end));
    const next = from + paddedBytes(recordBytes, pageSize);
    let newBytes = recordBytes;
    bytes.copyWithin(to, from, packed.length < end - payload ? payload : end);
    if (packed.length < end - payload) {
      newBytes = payload - from + packed.length + trailer;
      copyBytes(packed, bytes, to + payload - from);
      rewriteHeader(buffer, to, newBytes, compression);
    }
    if (counter !== undefined) bytes.set(counter, to + newBytes - trailer);
    padRecord(buffer, to, newBytes, pageSize);
    from = next;
    to += paddedBytes(newBytes, pageSize);
  }
  return to - offset;
}

/** Seals the records that lie one after another in `length` bytes from `offset` on, for the pages that they go to. */
export function sealRecords(
  buffer: RecordBuffer,
  offset: number,
  length: number,
  firstPage: number,
  pageSize: number,
  sealer: Sealer,
): void {
  for (let at = offset; at < offset + length; ) {
    const recordBytes = buffer.words[(at >>> 2) + 1]!;
    sealer.seal(buffer.bytes, at, recordBytes, firstPage + (at - offset) / pageSize);
    at += paddedBytes(recordBytes, pageSize);
  }
}

function noteError(ring: Ring, job: number, error: unknown): void {
  const { errno, message } = error as { errno?: unknown; message?: unknown };
  ring.set(job, Field.Error, typeof errno === 'number' && errno < 0 ? errno : unknownError);
  ring.setText(job, typeof message === 'string' ? message : String(error));
}
