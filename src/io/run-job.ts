/**
 * What a thread does with a job. The I/O threads run it, and so does the main thread when it must not wait for one, and
 * a test that is the scheduler.
 */
import { compress, type Compression } from '../codec/compression.js';
import { checkHeader, payloadOffset, RecordBuffer, rewriteHeader } from '../disk/record.js';
import type { Disk } from '../environment.js';
import { JobType } from './job.js';
import { Field, Ring, Status, unknownError, Word } from './ring.js';

type ReadWrite = Pick<Disk, 'read' | 'write'>;

/** Takes one new job and does it; false when there was none. */
export function takeAndRun(
  control: SharedArrayBuffer,
  area: SharedArrayBuffer,
  disk: ReadWrite,
  threadIndex: number,
): boolean {
  return takeAndRunIn(new Ring(control), new RecordBuffer(area), disk, threadIndex);
}

/** The same on views that were made before. */
export function takeAndRunIn(ring: Ring, area: RecordBuffer, disk: ReadWrite, threadIndex: number): boolean {
  const job = ring.takeNew();
  if (job === -1) return false;
  ring.set(job, Field.Thread, threadIndex);
  const began = performance.now();
  try {
    ring.set(job, Field.Result, run(ring, area, disk, job));
    ring.set(job, Field.Error, 0);
  } catch (error) {
    noteError(ring, job, error);
  }
  ring.set(job, Field.DurationUs, Math.round((performance.now() - began) * 1000));
  Atomics.store(ring.words, ring.at(job, Field.Status), Status.Processed);
  ring.pushProcessed(job);
  return true;
}

function run(ring: Ring, area: RecordBuffer, disk: ReadWrite, job: number): number {
  const offset = ring.get(job, Field.AreaOffset);
  const length = ring.get(job, Field.Length);
  const type: JobType = ring.get(job, Field.Type);
  if (type === JobType.Prepare) {
    const compression: Compression = ring.get(job, Field.Compression);
    return prepareRecords(area, offset, ring.get(job, Field.RecordCount), ring.get(job, Field.PageSize), compression);
  }
  const call = type === JobType.Load ? disk.read : disk.write;
  return moveAll(call, ring.get(job, Field.Fd), area.bytes, offset, length, ring.position(job), type);
}

/** Reads or writes over short counts: a read ends at the end of the file, a write never. */
function moveAll(
  call: Disk['read'],
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
  type: JobType,
): number {
  let done = 0;
  while (done < length) {
    const count = call(fd, bytes, offset + done, length - done, position + done);
    if (count === 0) {
      if (type === JobType.Load) break;
      throw new Error('write returned 0');
    }
    done += count;
  }
  return done;
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
    const payload = from + payloadOffset(words[(from >>> 2) + 3]!);
    const end = from + recordBytes;
    const packed = compress(compression, bytes.subarray(payload, end));
    const next = from + Math.ceil(recordBytes / pageSize) * pageSize;
    let newBytes = recordBytes;
    bytes.copyWithin(to, from, packed.length < end - payload ? payload : end);
    if (packed.length < end - payload) {
      newBytes = payload - from + packed.length;
      bytes.set(packed, to + payload - from);
      rewriteHeader(buffer, to, newBytes, compression);
    }
    const padded = to + Math.ceil(newBytes / pageSize) * pageSize;
    bytes.fill(0, to + newBytes, padded);
    from = next;
    to = padded;
  }
  return to - offset;
}

function noteError(ring: Ring, job: number, error: unknown): void {
  const { errno, message } = error as { errno?: unknown; message?: unknown };
  ring.set(job, Field.Error, typeof errno === 'number' && errno < 0 ? errno : unknownError);
  ring.setText(job, typeof message === 'string' ? message : String(error));
}

/** Waits for work; false when none came for `idleMs`, or the pool has closed. */
export function waitForWork(ring: Ring, idleMs: number): boolean {
  const { words } = ring;
  Atomics.add(words, Word.Idle, 1);
  // The wake word is read before the queue is looked at: a submission in between changes it, and the wait ends at once.
  const wake = Atomics.load(words, Word.Wake);
  let outcome: string = 'not-equal';
  if (ring.newCount === 0 && Atomics.load(words, Word.Stop) === 0) outcome = Atomics.wait(words, Word.Wake, wake, idleMs);
  Atomics.sub(words, Word.Idle, 1);
  return outcome !== 'timed-out' && Atomics.load(words, Word.Stop) === 0;
}
