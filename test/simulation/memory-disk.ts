/**
 * A disk in memory that forgets what was not synced when the power fails: each write since the last sync is there, or
 * not, or in part (torn at 512 bytes), whatever became of the others; names are as they were when the directory was
 * last synced, or some of what was done to them since, in order.
 */
import type { Disk, DiskCallback } from '../../dist/environment.js';

const sectorBytes = 512;
/** Up to so many writes that were not synced, every set of them is tried. */
const pendingMax = 5;

export type Call =
  | 'open'
  | 'close'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'syncDirectory'
  | 'rename'
  | 'unlink'
  | 'link'
  | 'chmod'
  | 'stat';

/** What goes wrong with a call: it fails, moves fewer bytes than it was asked to, or to another place, or changes one. */
export type Trouble =
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'short'; readonly bytes: number }
  | { readonly kind: 'misdirected'; readonly by: number }
  | { readonly kind: 'flipped'; readonly bit: number };

interface Pending {
  readonly position: number;
  /** undefined: the file was cut off at `position`. */
  readonly bytes: Buffer | undefined;
}

class Inode {
  content: Buffer = Buffer.alloc(0);
  synced: Buffer = Buffer.alloc(0);
  pending: Pending[] = [];

  write(position: number, bytes: Buffer): void {
    this.content = written(this.content, position, bytes);
    this.pending.push({ position, bytes });
  }

  truncate(length: number): void {
    this.content = cut(this.content, length);
    this.pending.push({ position: length, bytes: undefined });
  }

  /** What a sync that failed has forgotten stays forgotten, though it can be read: only what came since is kept. */
  sync(): void {
    this.synced = this.pending.reduce(changed, Buffer.from(this.synced));
    this.pending = [];
  }

  /** All of it is this, and on the disk. */
  replace(content: Buffer): void {
    this.content = content;
    this.synced = Buffer.from(content);
    this.pending = [];
  }
}

function changed(content: Buffer, { position, bytes }: Pending): Buffer {
  return bytes === undefined ? cut(content, position) : written(content, position, bytes);
}

function written(content: Buffer, position: number, bytes: Buffer): Buffer {
  const end = position + bytes.length;
  const target =
    end > content.length ? Buffer.concat([content, Buffer.alloc(end - content.length)]) : content;
  bytes.copy(target, position);
  return target;
}

function cut(content: Buffer, length: number): Buffer {
  return length <= content.length
    ? Buffer.from(content.subarray(0, length))
    : Buffer.concat([content, Buffer.alloc(length - content.length)]);
}

export class MemoryDisk implements Disk {
  readonly unlinksOpenFiles = true;
  #names = new Map<string, Inode>();
  #syncedNames = new Map<string, Inode>();
  #nameChanges: Array<[string, Inode | undefined]> = [];
  readonly #open = new Map<number, Inode>();
  /** Asked at each call, before it does anything; what it throws, the call throws. */
  onCall: ((call: Call, path: string | undefined) => Trouble | undefined) | undefined = undefined;
  #nextFd = 1000;

  /** The disk as it is found after the power has failed; `random` is from 0 up to 1. */
  afterCrash(random: () => number): MemoryDisk {
    const next = new MemoryDisk();
    const names = new Map(this.#syncedNames);
    const kept = Math.floor(random() * (this.#nameChanges.length + 1));
    for (const [name, inode] of this.#nameChanges.slice(0, kept)) {
      if (inode === undefined) names.delete(name);
      else names.set(name, inode);
    }
    const survivors = new Map<Inode, Inode>();
    for (const [name, inode] of names) {
      // Its owner died with the machine, which this process cannot know of itself.
      if (name.includes('.lock')) continue;
      const survivor = survivors.get(inode) ?? survivorOf(inode, random);
      survivors.set(inode, survivor);
      next.#names.set(name, survivor);
      next.#syncedNames.set(name, survivor);
    }
    return next;
  }

  /** The disk as it is found after its process has died and the machine has not: nothing is lost, or synced. */
  afterKill(): MemoryDisk {
    const next = new MemoryDisk();
    for (const [name, inode] of this.#names) if (!name.includes('.lock')) next.#names.set(name, inode);
    next.#syncedNames = this.#syncedNames;
    next.#nameChanges = this.#nameChanges.filter(([name]) => !name.includes('.lock'));
    return next;
  }

  /**
   * All disks that may be found after a crash at this moment, or the most different of them where those are too many:
   * each set of writes lost, each number of names kept.
   */
  *crashes(): Generator<MemoryDisk> {
    const pending = [...new Set(this.#names.values())].reduce((sum, inode) => sum + inode.pending.length, 0);
    const fates: boolean[][] = [];
    if (pending <= pendingMax) {
      for (let set = 0; set < 2 ** pending; set++)
        fates.push(Array.from({ length: pending }, (_, at) => ((set >> at) & 1) === 1));
    } else {
      fates.push(new Array<boolean>(pending).fill(false), new Array<boolean>(pending).fill(true));
      for (let one = 0; one < pending; one++)
        for (const kept of [false, true])
          fates.push(Array.from({ length: pending }, (_, at) => (at === one) === kept));
    }
    for (let names = 0; names <= this.#nameChanges.length; names++) {
      for (const fate of fates) {
        const draws = [names / (this.#nameChanges.length + 1), ...fate.map((kept) => (kept ? 0.5 : 0))];
        let at = 0;
        yield this.afterCrash(() => draws[at++] ?? 0.5);
      }
    }
  }

  /** The content of a file, to be looked at or damaged. */
  contentOf(path: string): Buffer {
    return this.#inode(path).content;
  }

  replaceContent(path: string, content: Buffer): void {
    this.#inode(path).replace(content);
  }

  open(path: string, flags: string, _mode: number): number {
    this.#called('open', path);
    const found = this.#names.get(path);
    if (found !== undefined && flags.includes('x')) throw errno('EEXIST', path);
    if (found === undefined && flags.startsWith('r')) throw errno('ENOENT', path);
    const inode = found ?? new Inode();
    if (found === undefined) this.#name(path, inode);
    this.#open.set(this.#nextFd, inode);
    return this.#nextFd++;
  }

  close(fd: number): void {
    if (!this.#open.delete(fd)) throw errno('EBADF', String(fd));
    // As with close(2): whatever it says, the descriptor is gone.
    this.#called('close', undefined);
  }

  read(fd: number, target: Uint8Array, offset: number, length: number, position: number): number {
    const trouble = this.#called('read', this.#pathOf(fd));
    const { content } = this.#file(fd);
    const wanted = trouble?.kind === 'short' ? Math.min(length, trouble.bytes) : length;
    const bytes = content.subarray(position, position + wanted);
    target.set(bytes, offset);
    if (trouble?.kind === 'flipped' && bytes.length > 0)
      target[offset + ((trouble.bit >> 3) % bytes.length)]! ^= 1 << (trouble.bit & 7);
    return bytes.length;
  }

  write(fd: number, source: Uint8Array, offset: number, length: number, position: number): number {
    const trouble = this.#called('write', this.#pathOf(fd));
    const count = trouble?.kind === 'short' ? Math.min(length, trouble.bytes) : length;
    const bytes = Buffer.from(source.slice(offset, offset + count));
    if (trouble?.kind === 'flipped') bytes[(trouble.bit >> 3) % count]! ^= 1 << (trouble.bit & 7);
    this.#file(fd).write(position + (trouble?.kind === 'misdirected' ? trouble.by : 0), bytes);
    return count;
  }

  readAsync(): void {
    throw new Error('the disk around this one does that');
  }

  writeAsync(
    _fd: number,
    _source: Uint8Array,
    _at: number,
    _length: number,
    _position: number,
    _done: DiskCallback,
  ): void {
    throw new Error('the disk around this one does that');
  }

  truncate(fd: number, bytes: number): void {
    this.#called('truncate', this.#pathOf(fd));
    this.#file(fd).truncate(bytes);
  }

  sync(fd: number): void {
    try {
      this.#called('sync', this.#pathOf(fd));
    } catch (error) {
      // Many systems forget what they could not write: it can be read until the crash, and no later sync brings it.
      this.#file(fd).pending = [];
      throw error;
    }
    this.#file(fd).sync();
  }

  syncAsync(): void {
    throw new Error('the disk around this one does that');
  }

  syncDirectory(): void {
    this.#called('syncDirectory', undefined);
    this.#syncedNames = new Map(this.#names);
    this.#nameChanges = [];
  }

  rename(path: string, newPath: string): void {
    this.#called('rename', path);
    const inode = this.#inode(path);
    this.#name(newPath, inode);
    this.#name(path, undefined);
  }

  chmod(): void {
    this.#called('chmod', undefined);
  }

  stat(fd: number): { size: number; isFile: boolean } {
    this.#called('stat', this.#pathOf(fd));
    return { size: this.#file(fd).content.length, isFile: true };
  }

  space(): { freeBytes: number; inMemory: boolean } {
    return { freeBytes: 2 ** 40, inMemory: false };
  }

  makePrivateDirectory(prefix: string): string {
    return `${prefix}x`;
  }

  list(): string[] {
    return [];
  }

  unlink(path: string): void {
    this.#called('unlink', path);
    this.#inode(path);
    this.#name(path, undefined);
  }

  removeDirectory(): void {}

  followLink(path: string): string {
    return path;
  }

  link(path: string, newPath: string): void {
    this.#called('link', path);
    if (this.#names.has(newPath)) throw errno('EEXIST', newPath);
    this.#name(newPath, this.#inode(path));
  }

  readText(path: string): string {
    return this.#inode(path).content.toString();
  }

  writeNew(path: string, text: string): void {
    const fd = this.open(path, 'wx', 0o600);
    this.#file(fd).write(0, Buffer.from(text));
    try {
      this.close(fd);
    } catch (error) {
      this.#name(path, undefined);
      throw error;
    }
  }

  #called(call: Call, path: string | undefined): Trouble | undefined {
    const trouble = this.onCall?.(call, path);
    if (trouble?.kind === 'error') throw errno(trouble.code, `simulated ${call}`);
    return trouble;
  }

  #pathOf(fd: number): string | undefined {
    const inode = this.#open.get(fd);
    for (const [name, one] of this.#names) if (one === inode) return name;
    return undefined;
  }

  #name(path: string, inode: Inode | undefined): void {
    if (inode === undefined) this.#names.delete(path);
    else this.#names.set(path, inode);
    this.#nameChanges.push([path, inode]);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw errno('ENOENT', path);
    return inode;
  }

  #file(fd: number): Inode {
    const inode = this.#open.get(fd);
    if (inode === undefined) throw errno('EBADF', String(fd));
    return inode;
  }
}

function survivorOf(inode: Inode, random: () => number): Inode {
  const survivor = new Inode();
  let content: Buffer = Buffer.from(inode.synced);
  for (const { position, bytes } of inode.pending) {
    const fate = random();
    if (fate < 0.4) continue;
    if (bytes === undefined || fate < 0.8) {
      content = changed(content, { position, bytes });
    } else {
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + sectorBytes - ((position + at) % sectorBytes));
        if (random() < 0.5) content = written(content, position + at, bytes.subarray(at, end));
        at = end;
      }
    }
  }
  survivor.replace(content);
  return survivor;
}

const errnos: Record<string, number> = { EIO: -5, ENOSPC: -28 };

function errno(code: string, about: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${about}`), { code, errno: errnos[code] ?? -2 });
}
