// Turns a file into the records that the store keeps, and says what the digest of a record must be. A record is at
// most PART_BYTES of content: a larger file becomes several, so that a tree with one huge file needs no more memory
// than one with many small files, and so that the most popular of them cannot make 200,000 checked reads last for ever.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

export const PART_BYTES = 128 * 1024;

/**
 * @typedef {object} FileRecord
 * @property {string} path relative to the directory that was loaded
 * @property {number} size of the whole file, in bytes
 * @property {number} offset of this record's content in the file
 * @property {{ modified: Date, changed: Date, created: Date }} times
 * @property {unknown} content a Buffer, or the parsed value of a JSON file
 * @property {string} digest of all the above
 */

// A file can turn into a link or a pipe between the listing and the opening: neither is followed, nor waited for.
// Systems that lack a flag lack the danger.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The key of a record. The parts of a large file end in `/#0`, `/#1`...: no other file can have such a path, since a
 * file has no children.
 *
 * @param {Pick<FileRecord, 'path' | 'size' | 'offset'>} record
 */
export function keyOf({ path, size, offset }) {
  return size > PART_BYTES ? `${path}/#${offset / PART_BYTES}` : path;
}

/**
 * The digest of everything else in a record. A JSON value counts as its text, so that the order of its keys does too.
 *
 * @param {Omit<FileRecord, 'digest'>} record
 */
export function digestOf({ path, size, offset, times, content }) {
  // Only a Buffer counts as one: a Uint8Array with the same bytes, or the object JSON makes of it, is a wrong value.
  const isBytes = Buffer.isBuffer(content);
  const head = [path, size, offset, times.modified, times.changed, times.created, isBytes ? 'bytes' : 'json'];
  return createHash('sha1')
    .update(JSON.stringify(head))
    .update(isBytes ? content : JSON.stringify(content))
    .digest('hex');
}

/**
 * The records of one file, read as they are asked for. A file that cannot be read, or only in part, is tallied.
 *
 * @param {string} root
 * @param {string} path
 * @param {import('./walk.mjs').Tally} tally
 * @returns {AsyncGenerator<{ record: FileRecord, byteCount: number }, void, void>}
 */
export async function* readRecords(root, path, tally) {
  try {
    const file = await open(join(root, path), OPEN_FLAGS);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) {
        tally.specialCount++;
        return;
      }
      yield* recordsOf(file, path, stat);
    } finally {
      await file.close();
    }
  } catch (error) {
    tally.unreadable(error);
  }
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {string} path
 * @param {import('node:fs').Stats} stat
 * @returns {AsyncGenerator<{ record: FileRecord, byteCount: number }, void, void>}
 */
async function* recordsOf(file, path, { size, mtime, ctime, birthtime }) {
  const times = { modified: mtime, changed: ctime, created: birthtime };
  const isWhole = size <= PART_BYTES;
  let offset = 0;
  // What is appended meanwhile is not read: a log that grows as fast as it is read would never end.
  do {
    const bytes = await readPart(file, offset, Math.min(PART_BYTES, size - offset));
    if (bytes.length === 0 && offset > 0) return; // cut short meanwhile
    const content = isWhole && path.endsWith('.json') ? parsedOrBytes(bytes) : bytes;
    const unsigned = { path, size, offset, times, content };
    yield { record: { ...unsigned, digest: digestOf(unsigned) }, byteCount: bytes.length };
    offset += PART_BYTES;
  } while (offset < size);
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} offset
 * @param {number} byteCount
 */
async function readPart(file, offset, byteCount) {
  // Not from the Buffer pool: a small value that is kept would keep its whole neighbourhood in memory.
  const bytes = Buffer.allocUnsafeSlow(byteCount);
  let filled = 0;
  while (filled < byteCount) {
    const { bytesRead } = await file.read(bytes, filled, byteCount - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/**
 * Not everything named .json is JSON: comments, byte-order marks, fixtures broken on purpose. Those are kept as bytes.
 *
 * @param {Buffer} bytes
 */
function parsedOrBytes(bytes) {
  try {
    const value = JSON.parse(bytes.toString('utf8'));
    JSON.stringify(value); // what nests too deeply to be written again could not be checked
    return value;
  } catch {
    return bytes;
  }
}
