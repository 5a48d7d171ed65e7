/**
 * Copies a persistent store as it is at one instant, while it goes on: the index up to its last commit, and the swap file
 * as far as it has been written. Who calls holds back the pages that the commit points to, so that they stay what they
 * are; what is written to others meanwhile is copied or not, and nobody will look at it.
 */
import { dirname } from 'node:path';
import type { Steps } from '../disk/file-steps.js';
import type { Disk } from '../environment.js';
import { asIoError, attempt, SwapError } from '../errors.js';

const chunkBytes = 1024 * 1024;
const fileMode = 0o600;

/** The beginning of a file. */
interface Part {
  readonly fd: number;
  readonly bytes: number;
}

/** The same of one that is to be opened. */
interface NamedPart {
  readonly path: string;
  readonly bytes: number;
}

/** Makes `path` and `<path>.index` from the two. Throws ERR_SWAP_OPTION when there is a file of that name, ERR_SWAP_IO. */
export function* copyStore(swap: Part, index: NamedPart, path: string, disk: Disk): Steps {
  const indexPath = `${path}.index`;
  const fresh = `${indexPath}.new`;
  const made: string[] = [];
  let fd: number | undefined;
  try {
    // Its own descriptor, at once: the index may be written anew, and the one there is closed, meanwhile.
    fd = disk.open(index.path, 'r', fileMode);
    refuseExisting(indexPath, disk);
    yield* copyPart(swap, path, made, disk);
    yield* copyPart({ fd, bytes: index.bytes }, fresh, made, disk);
    // The swap file alone is no store: the copy is there when its index has its name.
    disk.rename(fresh, indexPath);
    made.push(indexPath);
    disk.syncDirectory(dirname(path));
  } catch (cause) {
    // One of these names is none any more where the index has its last one.
    for (const one of made) attempt(() => disk.unlink(one));
    throw asIoError('cannot make a snapshot at', path, cause);
  } finally {
    closeQuietly(fd, disk);
  }
}

function* copyPart(part: Part, path: string, made: string[], disk: Disk): Steps {
  const fd = openNew(path, disk);
  made.push(path);
  try {
    const buffer = Buffer.alloc(Math.min(chunkBytes, part.bytes));
    for (let at = 0; at < part.bytes; at += buffer.length) {
      const wanted = Math.min(buffer.length, part.bytes - at);
      const length = yield { kind: 'read', fd: part.fd, bytes: buffer, length: wanted, position: at };
      yield { kind: 'write', fd, bytes: buffer, length, position: at };
    }
    yield { kind: 'sync', fd };
  } finally {
    closeQuietly(fd, disk);
  }
}

function refuseExisting(path: string, disk: Disk): void {
  let fd: number;
  try {
    fd = disk.open(path, 'r', fileMode);
  } catch {
    return;
  }
  closeQuietly(fd, disk);
  throw taken(path);
}

/** What was written through it has been synced, so that nothing is lost where this fails. */
function closeQuietly(fd: number | undefined, disk: Disk): void {
  if (fd !== undefined) attempt(() => disk.close(fd));
}

function openNew(path: string, disk: Disk): number {
  try {
    return disk.open(path, 'wx+', fileMode);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'EEXIST') throw taken(path, cause);
    throw cause;
  }
}

function taken(path: string, cause?: unknown): SwapError {
  return new SwapError('ERR_SWAP_OPTION', `a snapshot needs a path where no file is, but ${path} exists`, {
    cause,
    path,
  });
}
