/**
 * One piece of work for a thread, as the main thread sees it. Its life: new (queued) -> processing (a thread has it)
 * -> processed (it has ended, and waits for the event loop) -> delivered. A job that is cancelled is removed while it
 * is new; later it ends as it would, and is delivered with the mark, so that its buffers and pages are let go only then.
 */
import type { SwapError } from '../errors.js';

export const enum JobType {
  /** Read a record into the landing area. */
  Load = 1,
  /** Compress the records of a slab in place; the seed's PREPARE_SWAP. */
  Prepare = 2,
  /** Write a part of a slab; the seed's DO_SWAP. */
  Write = 3,
}

export class Job<T> {
  readonly type: JobType;
  readonly owner: T;
  readonly fd: number;
  /** Where in the shared area, bytes. */
  readonly areaOffset: number;
  readonly length: number;
  /** Where in the file, bytes. */
  readonly position: number;

  // For PREPARE.
  recordCount = 0;
  pageSize = 0;
  compression = 0;

  /** Its number among the descriptors while it has one, else -1. */
  number = -1;
  canceled = false;
  delivered = false;
  /** Bytes read or written; for PREPARE the new length. */
  result = 0;
  error: SwapError | undefined = undefined;
  /** When it was submitted, by the threads' shared clock; 0 where nobody wants to know. */
  submittedUs = 0;
  /** What the call took at the device, us. */
  durationUs = 0;

  constructor(type: JobType, owner: T, fd: number, areaOffset: number, length: number, position: number) {
    this.type = type;
    this.owner = owner;
    this.fd = fd;
    this.areaOffset = areaOffset;
    this.length = length;
    this.position = position;
  }
}
