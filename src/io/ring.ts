/**
 * The memory that the main thread and the I/O threads share: job descriptors, the queue of new jobs, the queue of
 * processed ones, and a few words to wait on.
 *
 *     main:    fill a descriptor, status = New  ->  put its number into `new`  ->  wake a thread
 *     thread:  take a number from `new`  ->  New to Processing, or skip it  ->  work  ->  Processed
 *              ->  put its number into `processed`  ->  ring the doorbell if it is not ringing
 *     main:    stop the doorbell  ->  take the numbers from `processed`  ->  status = Free
 *
 * Both queues have as many places as there are descriptors, so that neither can overflow. `new` has one producer and
 * many consumers, who agree by exchanging its head; `processed` many producers, who each reserve a place and then fill
 * it, and one consumer, who stops at a place that is not filled yet: its producer rings after filling.
 */

import { JobType } from './job.js';

export const jobsMax = 1024;
const jobMask = jobsMax - 1;

/**
 * Where a job stands. New to Processing and New to Canceled are exchanges: exactly one of them happens. With Processing
 * goes the number of the thread, in the bits above, so that the jobs of a thread that dies are known.
 */
export const enum Status {
  Free,
  New,
  Processing,
  Processed,
  Canceled,
}

/** The words of the control block that are no queue and no descriptor. */
export const enum Word {
  NewHead,
  NewTail,
  ProcessedHead,
  ProcessedTail,
  /** 1 while a message is on its way to the main thread. */
  Doorbell,
  /** 1 once the pool closes. */
  Stop,
  /** Changes with every completion; the main thread may wait on it. */
  Completions,
  /** Threads that wait, or are about to look a last time before they do: without one nobody need be woken. */
  Sleepers,
  /** 1 once the main thread may wait for completions. */
  MainWaits,
  /**
   * Threads that take jobs, and look at the queue once more before they wait. Never more than there are: a job may be left
   * to them.
   */
  Awake,
  /** With so many threads awake no other is woken for a load: it would cost more than it brings. At least 1. */
  ReadersMax,
  /** The first of the threads' states, one word each. */
  Threads = 16,
}

/** More than there may be threads: one that leaves keeps its number until its exit is known. */
export const threadNumbers = 128;

/**
 * What a thread is doing; set by itself, but for Starting, Woken, and Gone when it has died. It waits on this word while it is
 * Idle. Idle to Woken and Idle to Working are exchanges: exactly one of them happens.
 */
export const enum ThreadState {
  Gone,
  Starting,
  Working,
  Idle,
  Woken,
}

/** The words of a descriptor. */
export const enum Field {
  Status,
  Type,
  Fd,
  AreaOffset,
  Length,
  PositionLow,
  PositionHigh,
  RecordCount,
  PageSize,
  Compression,
  Result,
  /** 0, a negative errno, or `unknownError` with its words in the text. */
  Error,
  DurationUs,
  TextLength,
  /** When it was given to the threads, by their shared clock; 0 where nobody wants to know. */
  SubmittedUs,
  /** How long it waited for one. */
  WaitUs,
  Count = 16,
}

export const unknownError = 1;
const textBytes = 128;

const newQueue = Word.Threads + threadNumbers;
const processedQueue = newQueue + jobsMax;
const descriptors = processedQueue + jobsMax;
const texts = (descriptors + jobsMax * Field.Count) * 4;
export const controlBytes = texts + jobsMax * textBytes;

/** What `takeNew` answers in place of a job: the queue is empty, or what was taken had been cancelled. */
export const noJob = -1;
export const canceledJob = -2;

const statusMask = 0xff;

function processingBy(thread: number): number {
  return Status.Processing | (thread << 8);
}

export class Ring {
  readonly words: Int32Array;
  readonly #texts: Buffer;

  constructor(control: SharedArrayBuffer) {
    this.words = new Int32Array(control, 0, texts / 4);
    this.#texts = Buffer.from(control, texts);
  }

  /** The index of a word of a descriptor. */
  at(job: number, field: Field): number {
    return descriptors + job * Field.Count + field;
  }

  get(job: number, field: Field): number {
    return this.words[this.at(job, field)]!;
  }

  set(job: number, field: Field, value: number): void {
    this.words[this.at(job, field)] = value;
  }

  status(job: number): Status {
    return Atomics.load(this.words, this.at(job, Field.Status)) & statusMask;
  }

  setStatus(job: number, status: Status): void {
    Atomics.store(this.words, this.at(job, Field.Status), status);
  }

  /** True when this thread works on the job. */
  isWith(job: number, thread: number): boolean {
    return Atomics.load(this.words, this.at(job, Field.Status)) === processingBy(thread);
  }

  /** Moves a job from one status to another; false when it was not in the first. */
  move(job: number, from: Status, to: number): boolean {
    return Atomics.compareExchange(this.words, this.at(job, Field.Status), from, to) === from;
  }

  /** The file position has 53 bits. */
  position(job: number): number {
    return (this.get(job, Field.PositionLow) >>> 0) + this.get(job, Field.PositionHigh) * 2 ** 32;
  }

  setPosition(job: number, position: number): void {
    this.set(job, Field.PositionLow, (position % 2 ** 32) | 0);
    this.set(job, Field.PositionHigh, Math.floor(position / 2 ** 32));
  }

  setText(job: number, text: string): void {
    this.set(job, Field.TextLength, this.#texts.write(text, job * textBytes, textBytes, 'utf8'));
  }

  text(job: number): string {
    const from = job * textBytes;
    return this.#texts.toString('utf8', from, from + this.get(job, Field.TextLength));
  }

  /**
   * Main thread only: queues a new job, and wakes a thread if there was none in the queue. To wake one takes longer than
   * anything else here, so the threads do the rest: each that takes a job wakes another while there are more.
   */
  pushNew(job: number): void {
    const { words } = this;
    const tail = words[Word.NewTail]!;
    words[newQueue + (tail & jobMask)] = job;
    Atomics.store(words, Word.NewTail, (tail + 1) | 0);
    if (tail === Atomics.load(words, Word.NewHead)) this.wakeOne();
  }

  /**
   * Wakes a thread that waits, if one more is of use: that with the lowest number, so that few threads do all that few can
   * do, and the rest sleep until they leave. Were it that which has slept longest, all would take turns, each with cold caches and
   * code that it has hardly compiled. A thread counts itself among those that wait, and no more among those that are awake,
   * before it looks at the queue: who is not woken here sees the job.
   */
  wakeOne(): void {
    const { words } = this;
    if (Atomics.load(words, Word.Sleepers) <= 0) return;
    if (Atomics.load(words, Word.Awake) >= this.threadsOfUse) return;
    for (let thread = 0; thread < threadNumbers; thread++) if (this.#wake(thread)) return;
  }

  /** Wakes all that wait. */
  wakeAll(): void {
    for (let thread = 0; thread < threadNumbers; thread++) this.#wake(thread);
  }

  /** False when it does not wait. It is awake from now on, however long it takes to notice. */
  #wake(thread: number): boolean {
    const { words } = this;
    const state = Word.Threads + thread;
    if (Atomics.load(words, state) !== ThreadState.Idle) return false;
    if (Atomics.compareExchange(words, state, ThreadState.Idle, ThreadState.Woken) !== ThreadState.Idle)
      return false;
    Atomics.sub(words, Word.Sleepers, 1);
    Atomics.add(words, Word.Awake, 1);
    Atomics.notify(words, state, 1);
    return true;
  }

  /** The thread itself, before anything else: it takes jobs from now on. */
  begin(thread: number): void {
    Atomics.store(this.words, Word.Threads + thread, ThreadState.Working);
    Atomics.add(this.words, Word.Awake, 1);
  }

  /** The thread itself: takes no jobs from now on. It must look a last time, and `begin` again where there is one. */
  end(thread: number): void {
    Atomics.store(this.words, Word.Threads + thread, ThreadState.Gone);
    Atomics.sub(this.words, Word.Awake, 1);
  }

  /** Main thread only: a thread is no more, and may have ended in the middle of anything. */
  bury(thread: number): void {
    const state: ThreadState = Atomics.exchange(this.words, Word.Threads + thread, ThreadState.Gone);
    // One that was writing was not among those awake. Then one more than is of use will be woken from now on, and no job is
    // left to nobody.
    if (state === ThreadState.Working || state === ThreadState.Woken) Atomics.sub(this.words, Word.Awake, 1);
    if (state === ThreadState.Idle) Atomics.sub(this.words, Word.Sleepers, 1);
  }

  /** The thread itself: waits until there may be work, for `idleMs` at most; false when that was over first. */
  sleep(thread: number, idleMs: number): boolean {
    const { words } = this;
    const state = Word.Threads + thread;
    Atomics.store(words, state, ThreadState.Idle);
    Atomics.add(words, Word.Sleepers, 1);
    Atomics.sub(words, Word.Awake, 1);
    let outcome: string = 'not-equal';
    if (this.newCount === 0 && Atomics.load(words, Word.Stop) === 0)
      outcome = Atomics.wait(words, state, ThreadState.Idle, idleMs);
    if (Atomics.compareExchange(words, state, ThreadState.Idle, ThreadState.Working) !== ThreadState.Idle) {
      Atomics.store(words, state, ThreadState.Working);
      return true;
    }
    // Nobody has woken it, or somebody for the time before, who was slow to say so.
    Atomics.sub(words, Word.Sleepers, 1);
    Atomics.add(words, Word.Awake, 1);
    return outcome !== 'timed-out';
  }

  /** How many threads may be awake for the oldest new job. It may have gone meanwhile: then the answer is that for another. */
  get threadsOfUse(): number {
    const { words } = this;
    const job = Atomics.load(words, newQueue + (Atomics.load(words, Word.NewHead) & jobMask));
    return this.get(job, Field.Type) === JobType.Load ? Atomics.load(words, Word.ReadersMax) : threadNumbers;
  }

  /** Takes the oldest new job into processing by `thread`; `noJob` when there is none. */
  takeNew(thread: number): number {
    const { words } = this;
    for (;;) {
      const head = Atomics.load(words, Word.NewHead);
      if (head === Atomics.load(words, Word.NewTail)) return noJob;
      const job = Atomics.load(words, newQueue + (head & jobMask));
      // Between the load and the exchange others may have gone round; then the exchange fails.
      if (Atomics.compareExchange(words, Word.NewHead, head, (head + 1) | 0) !== head) continue;
      if (this.move(job, Status.New, processingBy(thread))) {
        if (this.newCount > 0) this.wakeOne();
        return job;
      }
      // It was cancelled while it was new: it goes straight to the processed, to be delivered with its mark.
      if (!this.move(job, Status.Canceled, Status.Processed)) continue;
      this.pushProcessed(job);
      return canceledJob;
    }
  }

  /** Puts a job among the processed. */
  pushProcessed(job: number): void {
    const { words } = this;
    const place = Atomics.add(words, Word.ProcessedTail, 1);
    Atomics.store(words, processedQueue + (place & jobMask), job + 1);
    Atomics.add(words, Word.Completions, 1);
    if (Atomics.load(words, Word.MainWaits) === 1) Atomics.notify(words, Word.Completions);
  }

  /** Main thread only: the oldest processed job, or -1. */
  takeProcessed(): number {
    const { words } = this;
    const head = words[Word.ProcessedHead]!;
    const place = processedQueue + (head & jobMask);
    const job = Atomics.load(words, place) - 1;
    if (job === -1) return -1;
    Atomics.store(words, place, 0);
    Atomics.store(words, Word.ProcessedHead, (head + 1) | 0);
    return job;
  }

  /** True for a job whose number nobody has taken out of the queue of the new. */
  isQueued(job: number): boolean {
    const { words } = this;
    const tail = words[Word.NewTail]!;
    for (let at = Atomics.load(words, Word.NewHead); at !== tail; at = (at + 1) | 0)
      if (words[newQueue + (at & jobMask)] === job) return true;
    return false;
  }

  get newCount(): number {
    return (Atomics.load(this.words, Word.NewTail) - Atomics.load(this.words, Word.NewHead)) | 0;
  }
}
