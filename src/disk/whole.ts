/** Reads and writes that go on after short counts, as every call on a file may move less than it was asked to. */
import type { Disk } from '../environment.js';

/** Reads `length` bytes; returns the count, which is short only at the end of the file. Throws as the disk. */
export function readWhole(
  disk: Pick<Disk, 'read'>,
  fd: number,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  for (let done = 0; done < length; ) {
    const count = disk.read(fd, target, offset + done, length - done, position + done);
    if (count === 0) return done;
    done += count;
  }
  return length;
}

/** Writes all of `length` bytes. Throws as the disk. */
export function writeWhole(
  disk: Pick<Disk, 'write'>,
  fd: number,
  source: Uint8Array,
  offset: number,
  length: number,
  position: number,
): void {
  for (let done = 0; done < length; ) {
    const count = disk.write(fd, source, offset + done, length - done, position + done);
    if (count === 0) throw new Error('write returned 0');
    done += count;
  }
}
