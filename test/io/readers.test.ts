/** How many threads are kept busy with loads: no more than are of use, and never so few that a job is left to nobody. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeDisk } from '../../dist/disk/node-disk.js';
import type { Threads } from '../../dist/environment.js';
import { IoPool } from '../../dist/io/io-pool.js';
import { Job } from '../../dist/io/job.js';
import { nodeThreads } from '../../dist/io/node-threads.js';
import { controlBytes, Ring } from '../../dist/io/ring.js';
import { ReadCost } from '../../dist/pager/read-cost.js';
import { ManualClock } from '../support/clock.js';
import { FaultyDisk } from '../support/faulty-disk.js';
import { ManualThreads } from '../support/threads.js';

// The numbers of the layout and of the kinds of jobs: the compiler leaves nothing of an enum behind.
const Word = { Sleepers: 8, Awake: 10, ReadersMax: 11 } as const;
const Field = { Type: 1 } as const;
const statusNew = 1;
const loadType = 1;
const writeType = 3;
const jobBytes = 512;

describe('the ring', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ['a load while too few read', loadType, 1, 1],
    ['a load while enough read', loadType, 2, 0],
    ['a write whoever reads', writeType, 2, 1],
  ])('wakes a thread for %s', (_title, type, awake, wakes) => {
    const ring = new Ring(new SharedArrayBuffer(controlBytes));
    ring.words[Word.Sleepers] = 1;
    ring.words[Word.Awake] = awake;
    ring.words[Word.ReadersMax] = 2;
    const notify = vi.spyOn(Atomics, 'notify');
    ring.set(5, Field.Type, type);
    ring.setStatus(5, statusNew);
    ring.pushNew(5);
    expect(notify).toHaveBeenCalledTimes(wakes);
  });
});

describe('the pool', () => {
  let directory: string;
  let fd: number;
  let pool: IoPool<string>;
  let delivered: Array<Job<string>>;
  let onDelivered: () => void;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'readers-test-'));
    const path = join(directory, 'file');
    writeFileSync(path, Buffer.alloc(64 * jobBytes, 7));
    fd = openSync(path, 'r+');
    delivered = [];
    onDelivered = () => {};
  });

  afterEach(async () => {
    await pool.close();
    closeSync(fd);
    rmSync(directory, { recursive: true });
  });

  function open(threads: Threads, threadsMax: number): ManualClock {
    const clock = new ManualClock();
    clock.passThrough = true;
    pool = new IoPool<string>({
      threadsMax,
      disk: nodeDisk,
      threads,
      clock,
      slabBytes: 65_536,
      slabCount: 2,
      loadAreaBytes: 65_536,
      workerUrl: undefined,
      sealer: undefined,
      onCompleted: (job) => {
        delivered.push(job);
        onDelivered();
      },
      mustYield: () => false,
      onSliceEnd: () => {},
      onWarning: () => {},
    });
    return clock;
  }

  function submit(type: number): void {
    pool.submit(new Job(type, '', fd, 0, jobBytes, 0));
  }

  it('starts as many threads for loads as are of use, and as many as there may be for the rest', () => {
    const threads = new ManualThreads(new FaultyDisk(new ManualClock(), nodeDisk));
    open(threads, 4);
    pool.readersMax = 2;
    for (let count = 0; count < 4; count++) submit(loadType);
    expect(pool.activeThreads).toBe(2);
    for (let count = 0; count < 4; count++) while (threads.step());
    for (let count = 0; count < 4; count++) submit(writeType);
    expect(pool.activeThreads).toBe(4);
  });

  it('leaves no job to nobody while one reader has to do, through many sleeps', async () => {
    open(nodeThreads, 4);
    for (let count = 0; count < 4; count++) submit(writeType);
    for (let round = 1; round <= 300; round++) {
      pool.readersMax = 1 + (round % 2);
      for (let count = 0; count < 8; count++) submit(loadType);
      while (pool.busy) {
        await new Promise<void>((resolve) => {
          onDelivered = resolve;
        });
      }
    }
    expect(delivered).toHaveLength(4 + 300 * 8);
    expect(delivered.every((job) => job.error === undefined && job.result === jobBytes)).toBe(true);
  });
});

describe('the cost of reads', () => {
  const after = (count: number, durationUs: number, cost = new ReadCost(new ManualClock())): ReadCost => {
    for (let read = 0; read < count; read++) cost.learnOfThread(durationUs);
    return cost;
  };

  it('has few threads read while reads are fast, and all while they are slow', () => {
    expect(after(1_000, 2).readersOfUse).toBe(4);
    expect(after(1_000, 120).readersOfUse).toBe(10);
    expect(after(1_000, 5_000).readersOfUse).toBeGreaterThan(64);
  });

  it('asks for no more threads where a few reads have waited for a core', () => {
    const cost = after(1_000, 80);
    const before = cost.readersOfUse;
    after(3, 50_000, cost);
    expect(cost.readersOfUse).toBeLessThanOrEqual(before + 1);
    expect(after(100, 2, cost).readersOfUse).toBe(4);
  });
});
