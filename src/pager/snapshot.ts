/**
 * Copies a persistent store as it is at one instant, while it goes on: the index up to its last commit, and the swap file
 * as far as it has been written. Who calls holds back the pages that the commit points to, so that they stay what they
 * are; what is written to others meanwhile is copied or not, and nobody will look at it.
 */
import { dirname } from 'node:path';
import { readAll, writeAll } from '../disk/whole-async.js';
import type { Environment } from '../environment.js';
import { asIoError, SwapError } from '../errors.js';

const chunkBytes = 1024 * 1024;
const fileMode = 0o600;

/** A file, or the beginning of one. */
export interface Part {
  readonly fd: number;
  readonly bytes: number;
}

/** Makes `path` and `<path>.index` from the two. Throws ERR_SWAP_OPTION when there is a file of that name, ERR_SWAP_IO. */
export async function copyStore(
  swap: Part,
  index: Part,
  path: string,
  environment: Environment,
): Promise<void> {
  const { disk } = environment;
  const indexPath = `${path}.index`;
  const fresh = `${indexPath}.new`;
  const made: string[] = [];
  try {
    refuseExisting(indexPath, environment);
    await copyPart(swap, path, made, environment);
    await copyPart(index, fresh, made, environment);
    // The swap file alone is no store: the copy is there when its index has its name.
    disk.rename(fresh, indexPath);
    disk.syncDirectory(dirname(path));
  } catch (cause) {
    for (const one of made) {
      try {
        disk.unlink(one);
      } catch {
        // It may have its last name already.
      }
    }
    throw asIoError('cannot make a snapshot at', path, cause);
  }
}

async function copyPart(part: Part, path: string, made: string[], environment: Environment): Promise<void> {
  const { disk } = environment;
  const fd = openNew(path, environment);
  made.push(path);
  try {
    const buffer = Buffer.alloc(Math.min(chunkBytes, part.bytes));
    for (let at = 0; at < part.bytes; at += buffer.length) {
      const wanted = Math.min(buffer.length, part.bytes - at);
      const bytes = await called<number>((done) => readAll(disk, part.fd, buffer, wanted, at, done));
      await called<void>((done) => writeAll(disk, fd, buffer, bytes, at, done));
    }
    await called<void>((done) => disk.syncAsync(fd, (error) => done(error ?? undefined)));
  } finally {
    disk.close(fd);
  }
}

function refuseExisting(path: string, { disk }: Environment): void {
  let fd: number;
  try {
    fd = disk.open(path, 'r', fileMode);
  } catch {
    return;
  }
  disk.close(fd);
  throw taken(path);
}

function openNew(path: string, { disk }: Environment): number {
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

/** A call with a callback as a promise. */
function called<T>(call: (done: (error: Error | undefined, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === undefined) resolve(value);
      else reject(error);
    });
  });
}
