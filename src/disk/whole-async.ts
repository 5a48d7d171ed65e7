/**
 * Reads and writes of records that are larger than the buffers shared with the I/O threads. They run on the
 * runtime's own threads, straight from and to a private buffer, and loop over short counts.
 */
import type { Disk } from '../environment.js';

/** One call moves at most this much, as some systems refuse more than 2 GiB. */
const callBytesMax = 1 << 30;

/** Writes the first `length` bytes of `source` at `position`; `done` gets the error, or undefined. */
export function writeAll(
  disk: Disk,
  fd: number,
  source: Uint8Array,
  length: number,
  position: number,
  done: (error: Error | undefined) => void,
): void {
  const step = (written: number): void => {
    const count = Math.min(length - written, callBytesMax);
    disk.writeAsync(fd, source, written, count, position + written, (error, bytes) => {
      if (error !== null) done(error);
      else if (bytes === 0) done(new Error('write returned 0'));
      else if (written + bytes >= length) done(undefined);
      else step(written + bytes);
    });
  };
  step(0);
}

/** Reads up to `length` bytes at `position` into `target`; `done` gets the count, short only at the end of the file. */
export function readAll(
  disk: Disk,
  fd: number,
  target: Uint8Array,
  length: number,
  position: number,
  done: (error: Error | undefined, bytes: number) => void,
): void {
  const step = (read: number): void => {
    const count = Math.min(length - read, callBytesMax);
    disk.readAsync(fd, target, read, count, position + read, (error, bytes) => {
      if (error !== null) done(error, read);
      else if (bytes === 0 || read + bytes >= length) done(undefined, read + bytes);
      else step(read + bytes);
    });
  };
  step(0);
}
