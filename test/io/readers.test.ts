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
import { takeAndRun } from '../../dist/io/run-job.js';
import { ReadCost } from '../../dist/pager/read-cost.js';
import { ManualClock } from '../support/clock.js';
import { FaultyDisk } from '../support/faulty-disk.js';
import { ManualThreads } from '../support/threads.js';

// The numbers of the layout and of the kinds of jobs: the compiler leaves nothing of an enum behind.
const Word = { NewHead: 0, NewTail: 1, Sleepers: 7, Awake: 9, ReadersMax: 10, Threads: 16 } as const;
const Field = { Type: 1, Length: 4 } as const;
const [working, idle, woken] = [2, 3, 4];
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
    ring.words[Word.Threads] = idle;
    ring.words[Word.Awake] = awake;
    ring.words[Word.ReadersMax] = 2;
    const notify = vi.spyOn(Atomics, 'notify');
    ring.set(5, Field.Type, type);
    ring.setStatus(5, statusNew);
    ring.pushNew(5);
    expect(notify).toHaveBeenCalledTimes(wakes);
  });

  it('wakes the thread with the lowest number of those that wait, and counts it among those awake at once', () => {
    const ring = new Ring(new SharedArrayBuffer(controlBytes));
    for (const thread of [1, 2, 3]) ring.words[Word.Threads + thread] = idle;
    ring.words[Word.Threads] = working;
    ring.words[Word.Sleepers] = 3;
    ring.words[Word.Awake] = 1;
    ring.words[Word.ReadersMax] = 3;
    ring.set(0, Field.Type, loadType);
    const states = () => [...ring.words.subarray(Word.Threads, Word.Threads + 4)];
    ring.wakeOne();
    expect(states()).toEqual([working, woken, idle, idle]);
    ring.wakeOne();
    ring.wakeOne();
    expect(states()).toEqual([working, woken, woken, idle]);
    expect([ring.words[Word.Sleepers], ring.words[Word.Awake]]).toEqual([1, 3]);
    ring.wakeAll();
    expect(states()).toEqual([working, woken, woken, woken]);
    for (const thread of [0, 1, 2, 3]) ring.bury(thread);
    expect([...states(), ring.words[Word.Sleepers], ring.words[Word.Awake]]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('wakes another for a load that comes behind a write', () => {
    const ring = new Ring(new SharedArrayBuffer(controlBytes));
    ring.words[Word.ReadersMax] = 1;
    ring.begin(0);
    for (const [job, type] of [
      [5, writeType],
      [6, loadType],
    ] as const) {
      ring.set(job, Field.Type, type);
      ring.set(job, Field.Length, 8);
      ring.setStatus(job, statusNew);
      ring.pushNew(job);
    }
    ring.words[Word.Threads + 1] = idle;
    ring.words[Word.Sleepers] = 1;
    let stateInWrite = 0;
    const write = () => {
      stateInWrite = ring.words[Word.Threads + 1]!;
      return 8;
    };
    const { buffer } = ring.words;
    takeAndRun(buffer as SharedArrayBuffer, new SharedArrayBuffer(8), { read: write, write }, 0, undefined);
    expect(stateInWrite).toBe(woken);
  });

  describe.each([loadType, writeType])(
    'where one thread is all there is, and a job of type %i comes',
    (type) => {
      /** A ring whose only thread is awake. */
      function ringOfOne(): Ring {
        const ring = new Ring(new SharedArrayBuffer(controlBytes));
        ring.words[Word.ReadersMax] = 1;
        ring.set(5, Field.Type, type);
        ring.setStatus(5, statusNew);
        ring.begin(0);
        return ring;
      }

      /** Runs `first`, and in it, before its access number `at` to what is shared, all of `second`; false when there is none. */
      function interleave(at: number, first: () => void, second: () => void): boolean {
        let accesses = 0;
        const access = () => {
          if (accesses++ === at) second();
        };
        for (const name of ['load', 'store', 'add', 'sub', 'compareExchange', 'notify', 'wait'] as const) {
          const real = Atomics[name] as (...given: unknown[]) => unknown;
          vi.spyOn(Atomics, name).mockImplementation(((...given: unknown[]) => {
            access();
            return name === 'wait' ? over(given as [Int32Array, number, number]) : real(...given);
          }) as never);
        }
        try {
          first();
        } finally {
          vi.restoreAllMocks();
        }
        return accesses > at;
      }

      /** As Atomics.wait, but nobody else runs meanwhile: it is over at once. */
      function over([words, word, expected]: [Int32Array, number, number]): 'not-equal' | 'timed-out' {
        isLeft = words[word] === expected && words[Word.NewTail] !== words[Word.NewHead];
        return words[word] === expected ? 'timed-out' : 'not-equal';
      }
      /** It waits, a job is in the queue, and nobody has woken it. */
      let isLeft = false;

      it('sees it or is woken for it, whenever that comes while it goes to sleep', () => {
        let moments = 0;
        for (let at = 0; ; at++) {
          const ring = ringOfOne();
          let slept = false;
          const goesOn = interleave(
            at,
            () => {
              slept = !ring.sleep(0, 1000);
            },
            () => ring.pushNew(5),
          );
          if (!goesOn) break;
          moments++;
          expect(isLeft, `at access ${at}`).toBe(false);
          // Once it has found that nobody woke it, it looks a last time before it goes.
          const isOver = ring.words[Word.Threads] === working && ring.words[Word.Sleepers] === 0;
          expect(isOver, `at access ${at}`).toBe(true);
          expect(ring.words[Word.Awake], `at access ${at}`).toBe(1);
          if (slept) expect(ring.newCount, `at access ${at}`).toBe(1);
        }
        expect(moments).toBeGreaterThan(8);
      });

      it('does not take a call that was meant for its last sleep for the end of its wait', () => {
        const ring = ringOfOne();
        const wait = vi.spyOn(Atomics, 'wait').mockReturnValue('ok');
        expect(ring.sleep(0, 1000)).toBe(true);
        wait.mockReturnValue('timed-out');
        expect(ring.sleep(0, 1000)).toBe(false);
        expect([ring.words[Word.Sleepers], ring.words[Word.Awake]]).toEqual([0, 1]);
      });

      it('sees it or is woken for it, whenever it goes to sleep while that comes', () => {
        let moments = 0;
        for (let at = 0; ; at++) {
          const ring = ringOfOne();
          let waits = false;
          const goesOn = interleave(
            at,
            () => ring.pushNew(5),
            () => {
              // As far as the wait itself, which it does not reach where it sees the job.
              const wait = vi.spyOn(Atomics, 'wait').mockImplementation(() => {
                throw waiting;
              });
              try {
                ring.sleep(0, 1000);
              } catch (error) {
                if (error !== waiting) throw error;
                waits = true;
              } finally {
                wait.mockRestore();
              }
            },
          );
          if (!goesOn) break;
          moments++;
          expect(ring.words[Word.Threads], `at access ${at}`).toBe(waits ? woken : working);
          expect([ring.words[Word.Sleepers], ring.words[Word.Awake]], `at access ${at}`).toEqual([0, 1]);
        }
        expect(moments).toBeGreaterThan(2);
      });
    },
  );
});

const waiting = new Error('it waits');

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
