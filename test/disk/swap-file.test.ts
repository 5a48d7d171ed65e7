import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSuperblock, superblockBytes } from '../../dist/disk/superblock.js';
import { SwapFile } from '../../dist/disk/swap-file.js';
import { ManualClock } from '../support/clock.js';
import { FaultyDisk } from '../support/faulty-disk.js';

const pageSize = 64;
const pageCount = 1_000;
const maxSwap = superblockBytes + pageCount * pageSize;
const isPosix = process.platform !== 'win32';

const scratch = { persistent: false, seedA: 1, seedB: 2, key: undefined, keyProof: undefined };

describe('the swap file', () => {
  let directory: string;
  let path: string;
  let disk: FaultyDisk;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'swap-file-test-'));
    path = join(directory, 'swap');
    disk = new FaultyDisk(new ManualClock());
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function open(changes: { path?: string | undefined; maxSwap?: number | undefined } = {}): SwapFile {
    return new SwapFile({ path, pageSize, maxSwap, disk, ...scratch, ...changes });
  }

  it('is made with its lock, has the pages that were asked for, and is removed with it', () => {
    const file = open();
    expect(readdirSync(directory)).toEqual(['swap', 'swap.lock']);
    expect([file.pageCount, file.writtenBytes]).toEqual([pageCount, superblockBytes]);
    if (isPosix) expect(statSync(path).size).toBe(maxSwap);
    file.close();
    file.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.runIf(isPosix)('is for its owner only, even if a file was there that was for all', () => {
    const fresh = open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    fresh.close();
    writeFileSync(path, '', { mode: 0o666 });
    const taken = open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    taken.close();
  });

  it('takes over and empties the scratch file of an earlier store, whatever its page size', () => {
    writeFileSync(
      path,
      Buffer.concat([makeSuperblock({ ...scratch, pageSize: 4_096 }), Buffer.alloc(10_000, 'old')]),
    );
    const file = open();
    expect(readFileSync(path).includes('old')).toBe(false);
    file.close();
  });

  it.each([
    ['some text', Buffer.from('the only copy')],
    ['a superblock of another version', Buffer.from(makeSuperblock({ ...scratch, pageSize })).fill(77, 8, 9)],
    ['a truncated superblock', Buffer.from(makeSuperblock({ ...scratch, pageSize })).subarray(0, 24)],
  ])('leaves a file with %s as it is', (_what, content) => {
    writeFileSync(path, content, { mode: 0o644 });
    const before = statSync(path);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'ERR_SWAP_FORMAT', path }));
    const after = statSync(path);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect([after.mode, after.mtimeMs, after.ino]).toEqual([before.mode, before.mtimeMs, before.ino]);
    expect(readdirSync(directory)).toEqual(['swap']);
  });

  it('refuses a directory, and leaves it', () => {
    mkdirSync(path);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'ERR_SWAP_OPTION', path }));
    expect(readdirSync(directory)).toEqual(['swap']);
  });

  it('says which directory is missing', () => {
    const missing = join(directory, 'missing', 'swap');
    expect(() => open({ path: missing })).toThrow(expect.objectContaining({ code: 'ERR_SWAP_IO' }));
  });

  it('leaves the file of a store that is in use', () => {
    const file = open();
    file.write(Buffer.alloc(pageSize, 'x'), 0, pageSize, 0);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'ERR_SWAP_LOCKED' }));
    const back = Buffer.alloc(pageSize);
    file.read(back, 0, pageSize, 0);
    expect(back.equals(Buffer.alloc(pageSize, 'x'))).toBe(true);
    file.close();
  });

  // Windows lets only some users make a symbolic link.
  describe.runIf(isPosix)('behind a symbolic link', () => {
    let link: string;
    beforeEach(() => {
      mkdirSync(join(directory, 'links'));
      link = join(directory, 'links', 'link');
      symlinkSync(path, link);
    });

    it('is the file of the one store that has it, by whichever name', () => {
      const file = open();
      file.write(Buffer.alloc(pageSize, 'x'), 0, pageSize, 0);
      expect(() => open({ path: link })).toThrow(expect.objectContaining({ code: 'ERR_SWAP_LOCKED' }));
      const back = Buffer.alloc(pageSize);
      file.read(back, 0, pageSize, 0);
      expect(back.equals(Buffer.alloc(pageSize, 'x'))).toBe(true);
      file.close();
    });

    it('has its lock beside it, and is emptied and left, so that it can be opened again', () => {
      writeFileSync(path, '');
      for (let times = 0; times < 2; times++) {
        const file = open({ path: link });
        expect(file.path).toBe(path);
        file.write(Buffer.alloc(pageSize, 'x'), 0, pageSize, 0);
        expect(readdirSync(directory)).toEqual(['links', 'swap', 'swap.lock']);
        expect(readdirSync(join(directory, 'links'))).toEqual(['link']);
        file.close();
        expect(readdirSync(directory)).toEqual(['links', 'swap']);
        expect(readdirSync(join(directory, 'links'))).toEqual(['link']);
        expect(statSync(path).size).toBe(0);
      }
    });

    it('is not made where a link leads to nothing', () => {
      expect(() => open({ path: link })).toThrow(expect.objectContaining({ code: 'ERR_SWAP_IO' }));
      expect(readdirSync(directory)).toEqual(['links']);
      expect(readdirSync(join(directory, 'links'))).toEqual(['link']);
    });
  });

  it.runIf(isPosix)('has no name while it is open when it is anonymous', () => {
    const file = open({ path: undefined });
    expect(disk.directories).toHaveLength(1);
    expect(existsSync(disk.directories[0]!)).toBe(false);
    file.write(Buffer.alloc(pageSize, 'x'), 0, pageSize, 3);
    const back = Buffer.alloc(pageSize);
    expect(file.read(back, 0, pageSize, 3)).toBe(pageSize);
    expect(back.toString()).toBe('x'.repeat(pageSize));
    file.close();
  });

  it('is removed with its directory when it is closed, where an open file keeps its name', () => {
    const windows = Object.assign(disk, { unlinksOpenFiles: false });
    const file = new SwapFile({ path: undefined, pageSize, maxSwap, disk: windows, ...scratch });
    const [made] = disk.directories;
    expect(readdirSync(made!)).toEqual(['swap']);
    file.close();
    expect(existsSync(made!)).toBe(false);
  });

  it('reads and writes over short counts, and reads short only at the end', () => {
    const file = open();
    disk.bytesPerCallMax = 50;
    const content = randomBytes(4 * pageSize);
    file.write(content, 0, content.length, pageCount - 4);
    const back = Buffer.alloc(8 * pageSize);
    expect(file.read(back, 0, content.length, pageCount - 4)).toBe(content.length);
    expect(back.subarray(0, content.length).equals(content)).toBe(true);
    expect(file.read(back, 0, back.length, pageCount - 2)).toBe(2 * pageSize);
    expect(file.writtenBytes).toBe(maxSwap);
    file.close();
  });

  it('lets no write leave it', () => {
    const file = open();
    const bytes = Buffer.alloc(2 * pageSize);
    for (const page of [-1, pageCount - 1, pageCount]) {
      expect(() => file.write(bytes, 0, bytes.length, page)).toThrow('a write lies within the file');
    }
    file.close();
    expect(() => file.read(bytes, 0, pageSize, 0)).toThrow('the swap file is open');
  });

  it('passes on what the disk says, and leaves nothing when it cannot be prepared', () => {
    disk.failWrite('ENOSPC');
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'ERR_SWAP_IO', cause: expect.objectContaining({ code: 'ENOSPC' }) }),
    );
    expect(readdirSync(directory)).toEqual([]);
    const file = open();
    disk.failRead('EIO');
    expect(() => file.read(Buffer.alloc(pageSize), 0, pageSize, 0)).toThrow('EIO');
    file.close();
  });

  it('takes half of the free space when it is not told how much it may, and no more than 4 GiB', () => {
    disk.freeBytes = 2 * maxSwap;
    const small = open({ maxSwap: undefined });
    expect(small.pageCount).toBe(pageCount);
    small.close();
    disk.freeBytes = 2 ** 50;
    const large = open({ maxSwap: undefined });
    expect(large.offsetOf(large.pageCount)).toBe(4 * 1024 ** 3);
    large.close();
  });
});
