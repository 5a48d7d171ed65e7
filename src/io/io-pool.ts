/**
 * The main thread's side of the I/O threads: hands jobs out, takes back what has ended (delivery.ts says when), asks for
 * threads (crew.ts) when there is work for them, and does the work itself when there can be none. The jobs that a thread had
 * in hand when it died end with ERR_SWAP_WORKER.
 */
import { getSystemErrorName } from 'node:util';
import debug from 'debug';
import { RecordBuffer } from '../disk/record.js';
import type { Sealer } from '../disk/seal.js';
import type { Clock, Disk, Threads } from '../environment.js';
import { SwapError } from '../errors.js';
import type { Histogram } from '../latencies.js';
import { Crew, mainThread } from './crew.js';
import { Delivery } from './delivery.js';
import { type Job, JobType } from './job.js';
import { LoadArea } from './load-area.js';
import { controlBytes, Field, jobsMax, Ring, Status, threadNumbers, Word } from './ring.js';
import { takeAndRunIn } from './run-job.js';
import { SlabPool } from './slab-pool.js';
import { sharedUs } from './thread-clock.js';

const jobLine = debug('swapstore:io');

/** A thread that does not answer for so long is not waited for. */
const waitMs = 10_000;

export interface IoPoolOptions<T> {
  readonly threadsMax: number;
  readonly disk: Disk;
  readonly threads: Threads;
  readonly clock: Clock;
  readonly slabBytes: number;
  readonly slabCount: number;
  readonly loadAreaBytes: number;
  readonly workerUrl: URL | undefined;
  /** Encrypts records on their way out; threads make one of their own from its secret. */
  readonly sealer: Sealer | undefined;
  /** A job has ended; its buffers and pages may be let go. */
  onCompleted(job: Job<T>): void;
  /** True when no more completions should be delivered in this turn. */
  mustYield(): boolean;
  /** A slice of completions is over. */
  onSliceEnd(): void;
  onWarning(error: SwapError): void;
}

export class IoPool<T> {
  readonly area: RecordBuffer;
  readonly slabs: SlabPool;
  readonly loadArea: LoadArea;
  readonly #options: IoPoolOptions<T>;
  readonly #control = new SharedArrayBuffer(controlBytes);
  readonly #ring = new Ring(this.#control);

  // A job has a descriptor (it is in #jobs under its number), or waits for one in #queue, or has ended without one.
  readonly #jobs = new Array<Job<T> | undefined>(jobsMax).fill(undefined);
  readonly #freeNumbers = Array.from({ length: jobsMax }, (_, index) => jobsMax - 1 - index);
  readonly #queue: Array<Job<T>> = [];
  readonly #endedEarly: Array<Job<T>> = [];

  /** How long jobs wait for a thread, where somebody wants to know. */
  queueWait: Histogram | undefined = undefined;

  readonly #crew: Crew;
  readonly #delivery: Delivery;
  #onGone: Array<() => void> = [];

  constructor(options: IoPoolOptions<T>) {
    this.#options = options;
    const slabsBytes = options.slabBytes * options.slabCount;
    this.area = new RecordBuffer(new SharedArrayBuffer(slabsBytes + options.loadAreaBytes));
    this.slabs = new SlabPool(options.slabBytes, options.slabCount);
    this.loadArea = new LoadArea(slabsBytes, options.loadAreaBytes);
    this.readersMax = threadNumbers;
    this.#crew = new Crew({
      threadsMax: options.threadsMax,
      threads: options.threads,
      clock: options.clock,
      workerUrl: options.workerUrl,
      control: this.#control,
      area: this.area.bytes.buffer as SharedArrayBuffer,
      ring: this.#ring,
      sealSecret: options.sealer?.secret,
      onDoorbell: () => this.#delivery.rung(),
      onDied: (thread, error) => this.#endJobsOf(thread, error),
      onGivenUp: (warning) => {
        options.onWarning(warning);
        this.#delivery.soon();
      },
    });
    this.#delivery = new Delivery({
      clock: options.clock,
      deliverOne: (onlyWrites) => this.#deliverOne(onlyWrites),
      mustYield: () => options.mustYield(),
      onSliceEnd: (count) => this.#endSlice(count),
      onLook: () => Atomics.store(this.#ring.words, Word.Doorbell, 0),
    });
  }

  /** Most threads alive at once; 0 once they have been given up. */
  get threadsMax(): number {
    return this.#crew.threadsMax;
  }

  /** So many threads at once are of use for loads, 1 or more; other jobs have all threads. */
  set readersMax(count: number) {
    Atomics.store(this.#ring.words, Word.ReadersMax, count);
  }

  // ── The three queues of the seed ──

  get newJobs(): number {
    return this.#queue.length + this.#count(Status.New);
  }

  get processingJobs(): number {
    return this.#count(Status.Processing);
  }

  get processedJobs(): number {
    return this.#count(Status.Processed);
  }

  get activeThreads(): number {
    return this.#crew.activeCount;
  }

  /** True while any job has not been delivered. */
  get busy(): boolean {
    return this.#freeNumbers.length < jobsMax || this.#queue.length > 0 || this.#endedEarly.length > 0;
  }

  submit(job: Job<T>): void {
    if (this.queueWait !== undefined) job.submittedUs = sharedUs();
    const number = this.#freeNumbers.pop();
    if (number === undefined) {
      this.#queue.push(job);
      return;
    }
    this.#start(job, number);
    if (this.threadsMax > 0) this.#crew.spawnIfNeeded();
    else this.#delivery.soon();
  }

  /** Ends a job early if no thread has it yet; else it ends as it would. It is delivered with the mark either way. */
  cancel(job: Job<T>): void {
    if (job.delivered || job.canceled) return;
    job.canceled = true;
    if (job.number !== -1) {
      this.#ring.move(job.number, Status.New, Status.Canceled);
      return;
    }
    this.#queue.splice(this.#queue.indexOf(job), 1);
    this.#endedEarly.push(job);
    this.#delivery.soon();
  }

  /** Delivers what has been written, in the middle of a call. */
  pollWrites(): void {
    this.#delivery.writes();
  }

  #endSlice(count: number): void {
    this.#options.onSliceEnd();
    // Looks again by itself, so that no thread need ring: a message costs both sides more than a turn does.
    if (count > 0 && this.#freeNumbers.length < jobsMax) {
      Atomics.store(this.#ring.words, Word.Doorbell, 1);
      this.#delivery.soon();
    }
    for (const gone of this.#onGone.splice(0)) gone();
  }

  /** Somebody waits: the threads keep the process alive until as many `letGo` have come. */
  hold(): void {
    this.#crew.hold();
  }

  letGo(): void {
    this.#crew.letGo();
  }

  /** Ends all jobs, those that no thread has begun without doing them; resolves when all threads have gone. */
  async close(): Promise<void> {
    this.#stop();
    this.hold();
    this.#delivery.all();
    while (this.busy || this.#crew.isThere) {
      // Idle threads leave by themselves; one that has only just started may take long to see that it should.
      if (!this.busy) this.#crew.terminate();
      if (!this.#crew.isThere && !this.busy) break;
      await new Promise<void>((resolve) => {
        this.#onGone.push(resolve);
        if (!this.#crew.isThere || this.#ring.newCount > 0) this.#delivery.soon();
      });
    }
    this.letGo();
  }

  /** The same at once; false when a thread still has the file after a long wait, or waiting is forbidden. */
  closeSync(): boolean {
    this.#stop();
    if (!this.waitUntil(() => !this.busy)) return false;
    this.#crew.terminate();
    return true;
  }

  /**
   * Delivers jobs on this thread, and waits for more, until `done`. False when waiting is forbidden, when nothing is
   * left to wait for, or when nothing has ended for long: a thread that died is not heard of meanwhile.
   */
  waitUntil(done: () => boolean): boolean {
    if (this.#delivery.isUnderWay) return done();
    const { words } = this.#ring;
    Atomics.store(words, Word.MainWaits, 1);
    try {
      for (let endsMs = performance.now() + waitMs; !done(); ) {
        const seen = Atomics.load(words, Word.Completions);
        if (this.#delivery.one()) endsMs = performance.now() + waitMs;
        else if (!this.busy || !this.#options.threads.canWait || performance.now() > endsMs) return false;
        else Atomics.wait(words, Word.Completions, seen, 100);
      }
      return true;
    } finally {
      Atomics.store(words, Word.MainWaits, 0);
    }
  }

  #stop(): void {
    for (const job of [...this.#queue]) this.cancel(job);
    for (const job of this.#jobs) if (job !== undefined) this.cancel(job);
    this.#crew.stop();
  }

  #count(status: Status): number {
    let count = 0;
    if (this.#freeNumbers.length === jobsMax) return count;
    for (let number = 0; number < jobsMax; number++) {
      if (this.#jobs[number] !== undefined && this.#ring.status(number) === status) count++;
    }
    return count;
  }

  #start(job: Job<T>, number: number): void {
    const ring = this.#ring;
    job.number = number;
    this.#jobs[number] = job;
    ring.set(number, Field.Type, job.type);
    ring.set(number, Field.Fd, job.fd);
    ring.set(number, Field.AreaOffset, job.areaOffset);
    ring.set(number, Field.Length, job.length);
    ring.setPosition(number, job.position);
    ring.set(number, Field.RecordCount, job.recordCount);
    ring.set(number, Field.PageSize, job.pageSize);
    ring.set(number, Field.Compression, job.compression);
    ring.set(number, Field.SubmittedUs, job.submittedUs);
    ring.setStatus(number, Status.New);
    ring.pushNew(number);
  }

  /** Delivers one job that has ended, after doing one here where no thread will; false when there is none. */
  #deliverOne(onlyWrites: boolean): boolean {
    const early = onlyWrites ? undefined : this.#endedEarly.shift();
    if (early !== undefined) {
      early.delivered = true;
      this.#options.onCompleted(early);
      return true;
    }
    let number = this.#ring.takeProcessed();
    if (number === -1 && (this.threadsMax === 0 || this.#crew.isStopped)) {
      const { disk, sealer } = this.#options;
      // Jobs that were cancelled while they were new come out of the queue here, too.
      takeAndRunIn(this.#ring, this.area, disk, mainThread, sealer);
      number = this.#ring.takeProcessed();
    }
    if (number === -1) return false;
    this.#deliver(number, onlyWrites);
    return true;
  }

  #deliver(number: number, onlyWrites: boolean): void {
    const ring = this.#ring;
    const job = this.#jobs[number];
    // A thread died after it had put the job among the processed: it has been delivered already.
    if (job === undefined) return;
    // What a dead thread left behind is among the processed, too, but nobody has done it.
    if (ring.status(number) === Status.Processed && job.error === undefined) this.#crew.worked();
    job.result = ring.get(number, Field.Result);
    job.durationUs = ring.get(number, Field.DurationUs);
    if (job.submittedUs !== 0 && !job.canceled) this.queueWait?.record(ring.get(number, Field.WaitUs) / 1000);
    const error = ring.get(number, Field.Error);
    if (error !== 0 && !job.canceled) job.error ??= jobError(job, error, ring.text(number));
    if (jobLine.enabled) jobLine('job %d: %d bytes, %d us', job.type, job.result, job.durationUs);
    ring.set(number, Field.Error, 0);
    ring.setStatus(number, Status.Free);
    this.#jobs[number] = undefined;
    job.number = -1;
    job.delivered = true;
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#start(next, number);
      this.#crew.spawnIfNeeded();
    } else {
      this.#freeNumbers.push(number);
    }
    if (onlyWrites && job.type === JobType.Load) this.#endedEarly.push(job);
    else this.#options.onCompleted(job);
  }

  /** The jobs that a dead thread had in hand end with an error. */
  #endJobsOf(thread: number, cause: Error): void {
    const ring = this.#ring;
    for (let number = 0; number < jobsMax; number++) {
      const job = this.#jobs[number];
      if (job === undefined) continue;
      if (ring.isWith(number, thread)) {
        job.error = new SwapError('ERR_SWAP_WORKER', `an I/O thread died: ${cause.message}`, { cause });
        ring.setStatus(number, Status.Processed);
        ring.pushProcessed(number);
      } else if (ring.status(number) === Status.New && !ring.isQueued(number)) {
        // It had taken the number out of the queue, and not yet the job. Where another is just as far, the number is there twice, and
        // whoever takes the second finds that somebody has the job.
        ring.pushNew(number);
      }
    }
  }
}

function jobError<T>(job: Job<T>, errno: number, text: string): SwapError {
  const cause = new Error(text);
  if (errno < 0) Object.assign(cause, { errno, code: getSystemErrorName(errno) });
  const doing =
    job.type === JobType.Load ? 'read from' : job.type === JobType.Write ? 'write to' : 'compress for';
  return new SwapError('ERR_SWAP_IO', `cannot ${doing} the swap file: ${text}`, { cause });
}
