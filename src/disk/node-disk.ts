/**
 * The real disk: node:fs, call for call. On Linux it can say whether a file system lives in memory; elsewhere it
 * believes that none does, which costs nothing but the choice of a better place for an anonymous file.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  read,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statfsSync,
  unlinkSync,
  write,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Disk } from '../environment.js';

/** What statfs calls tmpfs and ramfs on Linux. */
const memoryTypes = new Set([0x01021994, 0x858458f6]);

export const nodeDisk: Disk = {
  unlinksOpenFiles: process.platform !== 'win32',
  open: openSync,
  close: closeSync,
  read: readSync,
  write: writeSync,
  readAsync: read,
  writeAsync: write,
  truncate: ftruncateSync,
  sync: fsyncSync,
  syncAsync: fsync,
  syncDirectory(path) {
    if (process.platform === 'win32') return;
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
  rename: renameSync,
  chmod: fchmodSync,
  stat(fd) {
    const stats = fstatSync(fd);
    return { size: stats.size, isFile: stats.isFile() };
  },
  space(path) {
    const { type, bavail, bsize } = statfsSync(path);
    return { freeBytes: bavail * bsize, inMemory: process.platform === 'linux' && memoryTypes.has(type) };
  },
  makePrivateDirectory(prefix) {
    const path = mkdtempSync(prefix);
    chmodSync(path, 0o700);
    return path;
  },
  list: (path) => readdirSync(path),
  unlink: unlinkSync,
  removeDirectory: (path) => rmdirSync(path),
  followLink(path) {
    try {
      return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
    } catch {
      // What is wrong with it shows when it is opened.
      return path;
    }
  },
  link: linkSync,
  readText: (path) => readFileSync(path, 'utf8'),
  writeNew(path, text) {
    const fd = openSync(path, 'wx', 0o600);
    try {
      try {
        writeFileSync(fd, text);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      // What was made here is not left behind half written.
      unlinkSync(path);
      throw error;
    }
  },
};
