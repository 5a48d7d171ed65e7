// Finds the files of a directory tree, one at a time, so that a tree of any size costs the memory of one directory
// handle and the list of directories still to visit. No recursion: a deep tree cannot overflow the stack. Links are
// not followed, so the walk ends; what is not a plain file is counted and left alone. What cannot be read is counted
// too, and the walk goes on: a tree that changes underneath is the normal case.
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** What a walk met and could not, or would not, take. */
export class Tally {
  /** Files and directories that could not be read. */
  unreadableCount = 0;
  /** The first reason for it, in the system's words. */
  firstReason = '';
  /** Links, sockets, pipes and devices. */
  specialCount = 0;

  /** @param {unknown} error */
  unreadable(error) {
    this.unreadableCount++;
    this.firstReason ||= error instanceof Error ? error.message : String(error);
  }
}

/**
 * The paths of the plain files under `root`, relative to it, with `/` between the names on every system.
 *
 * @param {string} root
 * @param {Tally} tally
 * @returns {AsyncGenerator<string, void, void>}
 */
export async function* walk(root, tally) {
  const pending = [''];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    try {
      for await (const entry of await opendir(join(root, directory))) {
        const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
        if (entry.isDirectory()) pending.push(path);
        else if (entry.isFile()) yield path;
        else tally.specialCount++;
      }
    } catch (error) {
      tally.unreadable(error);
    }
  }
}

/**
 * How many bytes lie in the files of a tree: a progress bar needs to know where it ends. Files come and go, so it is
 * close and not exact; what cannot be read is left for the walk that counts.
 *
 * @param {string} root
 */
export async function measureTree(root) {
  let byteCount = 0;
  for await (const path of walk(root, new Tally())) {
    const found = await lstat(join(root, path)).catch(() => undefined);
    byteCount += found?.size ?? 0;
  }
  return byteCount;
}
