import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CompressionName, compressionKinds, decompress } from '../../dist/codec/compression.js';
import { nodeDisk } from '../../dist/disk/node-disk.js';
import {
  checkHeader,
  compressionOf,
  payloadOffset,
  readKey,
  writeHeader,
  writeKey,
} from '../../dist/disk/record.js';
import type { Disk, Threads } from '../../dist/environment.js';
import type { SwapError } from '../../dist/errors.js';
import { IoPool } from '../../dist/io/io-pool.js';
import { Job } from '../../dist/io/job.js';
import { nodeThreads } from '../../dist/io/node-threads.js';
import { ManualClock, microtasks } from '../support/clock.js';
import { FaultyDisk } from '../support/faulty-disk.js';
import { ManualThreads } from '../support/threads.js';

/** The numbers of the formats that a job and a record have. */
const loadType = 1;
const prepareType = 2;
const writeType = 3;
const codecEncoding = 0;

const slabBytes = 65_536;
const jobBytes = 512;
const ringModule = new URL('../../dist/io/ring.js', import.meta.url).href;

/** A pool on a file of its own, with a note of everything that it tells. */
class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), 'io-pool-test-'));
  readonly path = join(this.directory, 'file');
  readonly fd = openSync(this.path, 'wx+');
  readonly delivered: Array<Job<string>> = [];
  readonly warnings: SwapError[] = [];
  readonly pool: IoPool<string>;
  onEach: () => void = () => {};
  mustYield = false;
  #onDelivered: () => void = () => {};

  constructor(threads: Threads, disk: Disk, clock: ManualClock, threadsMax = 2, workerUrl?: URL) {
    this.pool = new IoPool<string>({
      threadsMax,
      disk,
      threads,
      clock,
      slabBytes,
      slabCount: 2,
      loadAreaBytes: 65_536,
      workerUrl,
      sealer: undefined,
      onCompleted: (job) => {
        this.delivered.push(job);
        this.onEach();
        this.#onDelivered();
      },
      mustYield: () => this.mustYield,
      onSliceEnd: () => {},
      onWarning: (error) => this.warnings.push(error),
    });
  }

  write(owner: string, areaOffset = 0, position = 0, length = jobBytes): Job<string> {
    return this.#submit(new Job(writeType, owner, this.fd, areaOffset, length, position));
  }

  load(owner: string, areaOffset: number, position = 0, length = jobBytes): Job<string> {
    return this.#submit(new Job(loadType, owner, this.fd, areaOffset, length, position));
  }

  prepare(length: number, recordCount: number, pageSize: number, compression: CompressionName): Job<string> {
    const job = new Job(prepareType, 'prepare', this.fd, 0, length, 0);
    return this.#submit(
      Object.assign(job, { recordCount, pageSize, compression: compressionKinds[compression] }),
    );
  }

  #submit(job: Job<string>): Job<string> {
    this.pool.submit(job);
    return job;
  }

  /** Resolves once so many jobs have been delivered. */
  async until(count: number): Promise<void> {
    while (this.delivered.length < count) {
      await new Promise<void>((resolve) => {
        this.#onDelivered = resolve;
      });
    }
  }

  owners(): string[] {
    return this.delivered.map((job) => job.owner);
  }

  remove(): void {
    closeSync(this.fd);
    rmSync(this.directory, { recursive: true });
  }
}

function realClock(): ManualClock {
  const clock = new ManualClock();
  clock.passThrough = true;
  return clock;
}

async function turns(clock: ManualClock): Promise<void> {
  while (await clock.turn());
}

/** Lays one record at `offset` and returns the bytes it takes. */
function layRecord(pool: IoPool<string>, offset: number, key: string, payload: Buffer): number {
  const keyWord = writeKey(pool.area, offset, key, codecEncoding);
  const recordBytes = payloadOffset(keyWord) + payload.length;
  pool.area.bytes.set(payload, offset + payloadOffset(keyWord));
  writeHeader(pool.area, offset, recordBytes, 7, keyWord, payload.length, 1, 2);
  return recordBytes;
}

describe('the I/O pool on real threads', () => {
  let bench: Bench;
  afterEach(async () => {
    await bench.pool.close();
    expect(bench.pool.activeThreads).toBe(0);
    bench.remove();
  });

  function open(threadsMax = 2, workerUrl?: URL): Bench {
    bench = new Bench(nodeThreads, nodeDisk, realClock(), threadsMax, workerUrl);
    return bench;
  }

  it('closes with many threads, and the runtime finds nothing to warn of', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warning.name === 'MaxListenersExceededWarning' && warnings.push(warning);
    process.on('warning', note);
    const { pool } = open(14);
    for (let index = 0; index < 64; index++) bench.write(`w${index}`, 0, index * jobBytes);
    await bench.until(64);
    expect(pool.activeThreads).toBeGreaterThan(11);
    await pool.close();
    await new Promise(setImmediate);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('writes and loads more jobs than it has descriptors, each to its place', async () => {
    const { pool } = open();
    const count = 1_500;
    const content = randomBytes(slabBytes);
    pool.area.bytes.set(content, 0);
    const offsetOf = (index: number): number => (index * jobBytes) % slabBytes;
    for (let index = 0; index < count; index++) bench.write(`${index}`, offsetOf(index), index * jobBytes);
    expect(pool.busy).toBe(true);
    await bench.until(count);
    expect(new Set(bench.owners()).size).toBe(count);
    expect(bench.delivered.every((job) => job.error === undefined && job.result === jobBytes)).toBe(true);
    const file = readFileSync(bench.path);
    for (let index = 0; index < count; index++) {
      const part = file.subarray(index * jobBytes, (index + 1) * jobBytes);
      expect(part.equals(content.subarray(offsetOf(index), offsetOf(index) + jobBytes))).toBe(true);
    }
    const landing = pool.loadArea.reserve(slabBytes / 4);
    bench.load('back', landing, slabBytes, slabBytes / 4);
    await bench.until(count + 1);
    const landed = pool.area.bytes.subarray(landing, landing + slabBytes / 4);
    expect(landed.equals(content.subarray(0, slabBytes / 4))).toBe(true);
    expect(pool.busy).toBe(false);
  });

  it('reads short at the end of the file', async () => {
    open();
    writeFileSync(bench.path, 'abc');
    const job = bench.load('short', 0);
    await bench.until(1);
    expect([job.error, job.result]).toEqual([undefined, 3]);
  });

  it('ends the job of a thread that died with ERR_SWAP_WORKER, and does the rest without threads', async () => {
    const source = `
      import { workerData } from 'node:worker_threads';
      import { Ring } from '${ringModule}';
      throw new Error('died with job ' + new Ring(workerData.control).takeNew(workerData.index));`;
    open(1, new URL(`data:text/javascript,${encodeURIComponent(source)}`));
    const jobs = ['a', 'b', 'c', 'd', 'e'].map((owner) => bench.write(owner));
    await bench.until(jobs.length);
    const codes = jobs.map((job) => job.error?.code);
    expect(codes.filter((code) => code === 'ERR_SWAP_WORKER')).toHaveLength(3);
    expect(codes.filter((code) => code === undefined)).toHaveLength(2);
    expect(bench.warnings.map((warning) => warning.code)).toEqual(['ERR_SWAP_WORKER']);
    expect(bench.pool.threadsMax).toBe(0);
  });

  it('warns once about a worker file that is not there, and works without threads', async () => {
    open(2, new URL('./no-such-worker.js', import.meta.url));
    const jobs = ['a', 'b', 'c'].map((owner) => bench.write(owner));
    await bench.until(jobs.length);
    expect(jobs.map((job) => job.error)).toEqual([undefined, undefined, undefined]);
    expect(bench.warnings.map((warning) => warning.code)).toEqual(['ERR_SWAP_WORKER']);
    expect(bench.pool.threadsMax).toBe(0);
  });
});

describe('the I/O pool on threads that the test runs', () => {
  let clock: ManualClock;
  let disk: FaultyDisk;
  let threads: ManualThreads;
  let bench: Bench;
  beforeEach(() => {
    clock = new ManualClock();
    disk = new FaultyDisk(clock);
    threads = new ManualThreads(disk);
    bench = new Bench(threads, disk, clock);
  });
  afterEach(() => bench.remove());

  it('ends a job that is cancelled while it is new without doing it', () => {
    const job = bench.write('a');
    bench.pool.cancel(job);
    while (threads.step());
    expect([job.delivered, job.canceled, job.error, disk.writes]).toEqual([true, true, undefined, 0]);
    expect(bench.delivered).toEqual([job]);
  });

  it('lets a job that is cancelled while it is processed end, and delivers it with the mark', () => {
    const job = bench.write('a');
    disk.during = () => {
      expect(bench.pool.processingJobs).toBe(1);
      bench.pool.cancel(job);
      expect(job.delivered).toBe(false);
    };
    threads.step();
    expect([job.delivered, job.canceled, job.result]).toEqual([true, true, jobBytes]);
    expect(bench.delivered).toEqual([job]);
  });

  it('delivers a job that is cancelled after it was processed with the mark, and a delivered one not again', () => {
    const job = bench.write('a');
    threads.stepWithoutBell();
    expect([bench.pool.processedJobs, job.delivered]).toEqual([1, false]);
    bench.pool.cancel(job);
    threads.ring();
    expect([job.canceled, job.delivered]).toEqual([true, true]);
    const other = bench.write('b');
    threads.step();
    bench.pool.cancel(other);
    expect([other.canceled, bench.owners()]).toEqual([false, ['a', 'b']]);
  });

  it('lets who awaits a job run before the next is delivered', async () => {
    const order: string[] = [];
    bench.write('a');
    bench.write('b');
    bench.write('c');
    const awaited = new Promise<void>((resolve) => {
      bench.onEach = resolve;
    }).then(() => {
      order.push(`after ${bench.owners().join()}`);
      bench.write('d');
    });
    while (threads.stepWithoutBell());
    threads.ring();
    await awaited;
    await turns(clock);
    expect(order).toEqual(['after a']);
    expect(bench.owners()).toEqual(['a', 'b', 'c']);
    while (threads.step());
    expect(bench.owners()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('asks again whether there is room for the next after who awaited the last has run', async () => {
    bench.write('a');
    bench.write('b');
    while (threads.stepWithoutBell());
    const awaited = new Promise<void>((resolve) => {
      bench.onEach = resolve;
    }).then(() => {
      bench.mustYield = true;
    });
    threads.ring();
    await awaited;
    await microtasks();
    expect(bench.owners()).toEqual(['a']);
    bench.mustYield = false;
    await turns(clock);
    expect(bench.owners()).toEqual(['a', 'b']);
  });

  it('delivers no more in one turn than there is time for', async () => {
    for (let index = 0; index < 10; index++) bench.write(`${index}`);
    while (threads.stepWithoutBell());
    bench.onEach = () => clock.spend(0.4);
    threads.ring();
    await microtasks();
    expect(bench.delivered).toHaveLength(3);
    await clock.turn();
    expect(bench.delivered).toHaveLength(6);
    await turns(clock);
    expect(bench.delivered).toHaveLength(10);
  });

  it('queues what has no descriptor, in order, and cancels it there', async () => {
    const jobs = Array.from({ length: 1_100 }, (_, index) => bench.write(`${index}`));
    expect(bench.pool.newJobs).toBe(1_100);
    bench.pool.cancel(jobs[1_050]!);
    expect(bench.pool.newJobs).toBe(1_099);
    while (threads.step());
    await turns(clock);
    expect(disk.writes).toBe(1_099);
    expect(jobs.every((job) => job.delivered && job.canceled === (job === jobs[1_050]))).toBe(true);
    expect(bench.delivered).toHaveLength(1_100);
    expect(bench.pool.busy).toBe(false);
  });

  it.each(['EIO', 'ENOSPC'])('ends a job with %s as the cause, and the next as if nothing were', (code) => {
    disk.failWrite(code);
    disk.failRead(code);
    const failed = [bench.write('a'), bench.load('b', slabBytes)];
    const good = bench.write('c');
    while (threads.step());
    for (const { error } of failed) expect(error).toMatchObject({ code: 'ERR_SWAP_IO', cause: { code } });
    expect([good.error, good.result]).toEqual([undefined, jobBytes]);
  });

  it('goes over short counts', () => {
    disk.bytesPerCallMax = 100;
    const content = randomBytes(jobBytes);
    bench.pool.area.bytes.set(content, 0);
    bench.write('a', 0, 4_096);
    bench.load('b', slabBytes, 4_096);
    while (threads.step());
    expect(bench.delivered.map((job) => job.result)).toEqual([jobBytes, jobBytes]);
    expect(bench.pool.area.bytes.subarray(slabBytes, slabBytes + jobBytes).equals(content)).toBe(true);
    expect([disk.writes, disk.reads]).toEqual([6, 6]);
  });

  it('goes on with another thread after one died with a job in hand', async () => {
    const job = bench.write('a');
    disk.during = () => threads.kill();
    threads.step();
    disk.during = undefined;
    expect(job.error).toMatchObject({ code: 'ERR_SWAP_WORKER', cause: { message: 'killed' } });
    await turns(clock);
    const next = bench.write('b');
    while (threads.step());
    expect([next.delivered, next.error]).toEqual([true, undefined]);
    expect([bench.owners(), bench.warnings]).toEqual([['a', 'b'], []]);
  });

  it('does the job whose number a thread had taken that died, though others are queued', async () => {
    const jobs = ['a', 'b', 'c'].map((owner) => bench.write(owner));
    threads.killTaking();
    await turns(clock);
    while (threads.step());
    await turns(clock);
    expect(jobs.map((job) => [job.delivered, job.error])).toEqual(jobs.map(() => [true, undefined]));
    expect(bench.pool.busy).toBe(false);
  });

  it('gives threads up after three deaths with nothing done, says so once, and ends every job', async () => {
    const jobs = ['a', 'b', 'c'].map((owner) => bench.write(owner));
    for (let round = 0; round < 5; round++) {
      threads.kill();
      await turns(clock);
    }
    expect(bench.warnings.map((warning) => warning.code)).toEqual(['ERR_SWAP_WORKER']);
    expect(bench.pool.threadsMax).toBe(0);
    while (threads.aliveCount > 0) threads.kill();
    await turns(clock);
    expect(jobs.map((job) => [job.delivered, job.error])).toEqual(jobs.map(() => [true, undefined]));
    expect(bench.warnings).toHaveLength(1);
  });

  it('looks again by itself after a delivery while jobs are under way, so that nobody need ring', async () => {
    for (const owner of ['a', 'b', 'c']) bench.write(owner);
    threads.step();
    expect(bench.owners()).toEqual(['a']);
    threads.stepWithoutBell();
    await clock.turn();
    expect(bench.owners()).toEqual(['a', 'b']);
    threads.stepWithoutBell();
    await clock.turn();
    expect(bench.owners()).toEqual(['a', 'b', 'c']);
  });

  it('counts deaths anew once a thread has done something', async () => {
    for (let round = 0; round < 10; round++) {
      bench.write('a');
      while (threads.step());
      threads.kill();
      await turns(clock);
    }
    expect([bench.warnings, bench.delivered.length]).toEqual([[], 10]);
  });

  it('works by itself where no thread can be had, and where none is wanted', async () => {
    threads.refusal = Object.assign(new Error('no'), { code: 'ERR_ACCESS_DENIED' });
    const refused = bench.write('a');
    await turns(clock);
    expect([refused.delivered, refused.error, bench.warnings.length]).toEqual([true, undefined, 1]);
    const alone = new Bench(threads, disk, clock, 0);
    const job = alone.write('b');
    await turns(clock);
    expect([job.delivered, job.error, alone.warnings]).toEqual([true, undefined, []]);
    alone.remove();
  });

  it('closes after every job has ended, those that no thread has begun undone', async () => {
    const jobs = ['a', 'b'].map((owner) => bench.write(owner));
    const closed = bench.pool.close();
    await turns(clock);
    await closed;
    await microtasks();
    expect(jobs.map((job) => [job.delivered, job.canceled])).toEqual(jobs.map(() => [true, true]));
    expect([disk.writes, threads.aliveCount, bench.pool.busy]).toEqual([0, 0, false]);
  });

  it.each<CompressionName>(['deflate', 'brotli'])(
    'packs records with %s, and leaves what would grow',
    (name) => {
      const pageSize = 512;
      const { pool } = bench;
      const payloads = [
        Buffer.alloc(3_000, 'ab'),
        randomBytes(700),
        Buffer.alloc(5_001, 'xyz'),
        Buffer.alloc(0),
      ];
      let length = 0;
      for (const [index, payload] of payloads.entries()) {
        const bytes = layRecord(pool, length, `key ${index} é`, payload);
        length += Math.ceil(bytes / pageSize) * pageSize;
      }
      const job = bench.prepare(length, payloads.length, pageSize, name);
      threads.step();
      expect(job.error).toBeUndefined();
      expect(job.result).toBe(2_560);
      let at = 0;
      for (const [index, payload] of payloads.entries()) {
        expect(checkHeader(pool.area, at, job.result - at)).toBe(true);
        expect(readKey(pool.area, at)).toBe(`key ${index} é`);
        const [, recordBytes, , keyWord, rawBytes] = pool.area.words.subarray(at / 4);
        const stored = pool.area.bytes.subarray(at + payloadOffset(keyWord!), at + recordBytes!);
        const kind = compressionOf(keyWord!);
        expect(kind).toBe(index % 2 === 0 ? compressionKinds[name] : compressionKinds.none);
        const plain = index % 2 === 0 ? decompress(kind, stored, rawBytes!) : stored;
        expect(payload.equals(plain)).toBe(true);
        at += Math.ceil(recordBytes! / pageSize) * pageSize;
      }
      expect(at).toBe(job.result);
    },
  );

  it('refuses to pack a record whose header has changed', () => {
    layRecord(bench.pool, 0, 'key', Buffer.alloc(600));
    bench.pool.area.bytes[8]! ^= 1;
    const job = bench.prepare(1_024, 1, 512, 'deflate');
    threads.step();
    expect(job.error).toMatchObject({ code: 'ERR_SWAP_IO' });
  });
});
