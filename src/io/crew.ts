/**
 * The I/O threads themselves: started when there is work for them, gone when there has been none for a while, and held
 * against the end of the process while somebody waits for what they do.
 *
 * A thread that dies takes with it only the jobs that it had in hand. After some deaths with nothing done in between the
 * crew is given up for good, which is said once; the pool goes on as with threads 0.
 */
import type { SealSecret } from '../disk/seal.js';
import type { Clock, Thread, Threads } from '../environment.js';
import { reasonOf, SwapError } from '../errors.js';
import { type Ring, ThreadState, threadNumbers, Word } from './ring.js';

const deathsMax = 3;
/** The number under which the main thread works. */
export const mainThread = threadNumbers - 1;

export interface CrewOptions {
  readonly threadsMax: number;
  readonly threads: Threads;
  readonly clock: Clock;
  readonly workerUrl: URL | undefined;
  readonly control: SharedArrayBuffer;
  readonly area: SharedArrayBuffer;
  readonly ring: Ring;
  /** Of what encrypts records on their way out. */
  readonly sealSecret: SealSecret | undefined;
  /** A thread says that some job has ended. */
  onDoorbell(): void;
  /** A thread died: what it had in hand is for nobody. */
  onDied(thread: number, error: Error): void;
  /** The threads have been given up: nobody takes new jobs any more. */
  onGivenUp(warning: SwapError): void;
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #ring: Ring;
  /** By number, until its exit is known. */
  readonly #threads = new Map<number, Thread>();
  /** Most threads alive at once; 0 once they have been given up. */
  threadsMax: number;
  #deaths = 0;
  #holders = 0;
  #isStopped = false;
  #isTerminated = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#ring = options.ring;
    this.threadsMax = options.threadsMax;
  }

  /** Threads that take jobs. */
  get activeCount(): number {
    let active = 0;
    for (const number of this.#threads.keys()) if (this.#stateOf(number) !== ThreadState.Gone) active++;
    return active;
  }

  /** True once `stop` was called. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** True while some thread may still have the file. */
  get isThere(): boolean {
    return this.#threads.size > 0;
  }

  /** Somebody waits: the threads keep the process alive until as many `letGo` have come. */
  hold(): void {
    if (this.#holders++ === 0) for (const thread of this.#threads.values()) thread.ref();
  }

  letGo(): void {
    if (--this.#holders === 0) for (const thread of this.#threads.values()) thread.unref();
  }

  /** A thread has done a job: those that died before did not die in a row. */
  worked(): void {
    this.#deaths = 0;
  }

  /** One more thread when there are more new jobs than threads that wait for them. */
  spawnIfNeeded(): void {
    if (this.#isStopped || this.threadsMax === 0) return;
    let active = 0;
    let idle = 0;
    for (const number of this.#threads.keys()) {
      const state = this.#stateOf(number);
      if (state !== ThreadState.Gone) active++;
      if (state === ThreadState.Idle || state === ThreadState.Woken) idle++;
    }
    const activeMax = Math.min(this.threadsMax, this.#ring.threadsOfUse);
    if (active < activeMax && this.#ring.newCount > idle) this.#spawn();
  }

  /** No thread is started from now on, and those that find nothing to do leave. */
  stop(): void {
    this.#isStopped = true;
    Atomics.store(this.#ring.words, Word.Stop, 1);
    this.#ring.wakeAll();
  }

  /** Ends the threads that are left of a crew that was stopped, whatever they do. */
  terminate(): void {
    if (this.#isTerminated) return;
    this.#isTerminated = true;
    for (const thread of [...this.#threads.values()]) void thread.terminate();
  }

  #stateOf(thread: number): ThreadState {
    return Atomics.load(this.#ring.words, Word.Threads + thread);
  }

  #setState(thread: number, state: ThreadState): void {
    Atomics.store(this.#ring.words, Word.Threads + thread, state);
  }

  #spawn(): void {
    const { threads, workerUrl, control, area, sealSecret, onDoorbell } = this.#options;
    let number = 0;
    while (this.#threads.has(number)) number++;
    if (number >= mainThread) return;
    this.#setState(number, ThreadState.Starting);
    try {
      const thread = threads.spawn(
        { control, area, index: number, sealSecret, workerUrl },
        { doorbell: onDoorbell, exited: (error) => this.#exited(number, error) },
      );
      this.#threads.set(number, thread);
      if (this.#holders > 0) thread.ref();
    } catch (cause) {
      this.#setState(number, ThreadState.Gone);
      this.#died(cause);
    }
  }

  #exited(number: number, error: Error | undefined): void {
    this.#threads.delete(number);
    this.#ring.bury(number);
    if (error !== undefined) {
      this.#options.onDied(number, error);
      if (!this.#isStopped) this.#died(error);
    }
    // A thread that died while the doorbell rang may never have sent the message.
    this.#options.onDoorbell();
    if (this.#ring.newCount === 0) return;
    // It may have been the one that was woken for them.
    this.#ring.wakeOne();
    if (error === undefined) this.spawnIfNeeded();
  }

  /** Counts a death; gives threads up when they do not live to do anything. */
  #died(cause: unknown): void {
    if (this.threadsMax === 0) return;
    const { code } = cause as { code?: unknown };
    const hopeless =
      code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND' || code === 'ERR_ACCESS_DENIED';
    if (++this.#deaths < deathsMax && !hopeless) {
      // Jobs that are queued must not wait for the next submission to bring a thread.
      this.#options.clock.nextTurn(() => {
        if (this.#ring.newCount > 0) this.spawnIfNeeded();
      });
      return;
    }
    this.threadsMax = 0;
    const message = `I/O threads cannot be used, and the store goes on without them: ${reasonOf(cause)}`;
    this.#options.onGivenUp(new SwapError('ERR_SWAP_WORKER', message, { cause }));
  }
}
