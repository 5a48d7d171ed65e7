/**
 * Threads that run a job only when the test says so, on the test's own thread: the test is the scheduler. A job runs
 * whole, but the disk's `during` hook is called while it is being processed, so that every moment of a job can be met.
 */

import { Sealer } from '../../dist/disk/seal.js';
import type { Disk, Thread, ThreadEvents, ThreadStart, Threads } from '../../dist/environment.js';
import { takeAndRun } from '../../dist/io/run-job.js';

class ManualThread implements Thread {
  readonly start: ThreadStart;
  readonly events: ThreadEvents;
  alive = true;

  constructor(start: ThreadStart, events: ThreadEvents) {
    this.start = start;
    this.events = events;
  }

  ref(): void {}

  unref(): void {}

  terminate(): Promise<void> {
    this.end(undefined);
    return Promise.resolve();
  }

  end(error: Error | undefined): void {
    if (!this.alive) return;
    this.alive = false;
    this.events.exited(error);
  }
}

export class ManualThreads implements Threads {
  /** A wait on this thread for a job that this thread must run would never end. */
  readonly canWait = false;
  /** When set, no thread can be had: spawning throws this. */
  refusal: Error | undefined;
  readonly #disk: Pick<Disk, 'read' | 'write'>;
  readonly #spawned: ManualThread[] = [];
  #next = 0;

  constructor(disk: Pick<Disk, 'read' | 'write'>) {
    this.#disk = disk;
  }

  spawn(start: ThreadStart, events: ThreadEvents): Thread {
    if (this.refusal !== undefined) throw this.refusal;
    const thread = new ManualThread(start, events);
    this.#spawned.push(thread);
    return thread;
  }

  /** How many were ever spawned. */
  get spawnedCount(): number {
    return this.#spawned.length;
  }

  get aliveCount(): number {
    return this.#alive().length;
  }

  /** One thread takes one job, runs it and rings; false when nothing was queued. Threads take turns. */
  step(): boolean {
    const thread = this.#take();
    thread?.events.doorbell();
    return thread !== undefined;
  }

  /** Like `step`, but nobody is told: the job stands completed and unprocessed until `ring`. */
  stepWithoutBell(): boolean {
    return this.#take() !== undefined;
  }

  ring(): void {
    this.#alive()[0]?.events.doorbell();
  }

  /** The oldest thread that lives leaves because it has nothing to do. */
  leave(): void {
    this.#alive()[0]?.end(undefined);
  }

  /** The oldest thread that lives dies. */
  kill(): void {
    this.#alive()[0]?.end(new Error('killed'));
  }

  /** The same after it has taken a number out of the queue, and before it has the job. */
  killTaking(): void {
    const thread = this.#alive()[0]!;
    // The first word of the control block is where the queue of the new begins.
    Atomics.add(new Int32Array(thread.start.control), 0, 1);
    thread.end(new Error('killed'));
  }

  #alive(): ManualThread[] {
    return this.#spawned.filter((thread) => thread.alive);
  }

  /** The thread that ran a job, if one was queued for any. */
  #take(): ManualThread | undefined {
    const alive = this.#alive();
    for (let tried = 0; tried < alive.length; tried++) {
      const thread = alive[this.#next++ % alive.length]!;
      const { control, area, index, sealSecret } = thread.start;
      const sealer = sealSecret === undefined ? undefined : new Sealer(sealSecret);
      if (takeAndRun(control, area, this.#disk, index, sealer)) return thread;
    }
    return undefined;
  }
}
