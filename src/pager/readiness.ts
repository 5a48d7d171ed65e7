/**
 * Who waits for memory to be at its low-water mark again: the callers of `ready()`. While there are any the process stays
 * alive, as what they wait for is under way.
 */
import type { IoPool } from '../io/io-pool.js';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Readiness {
  readonly #pool: Pick<IoPool<unknown>, 'hold' | 'letGo'>;
  #waiting: Waiting[] = [];

  constructor(pool: Pick<IoPool<unknown>, 'hold' | 'letGo'>) {
    this.#pool = pool;
  }

  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#pool.hold();
    });
  }

  resolveAll(): void {
    this.#end((waiting) => waiting.resolve());
  }

  rejectAll(error: Error): void {
    this.#end((waiting) => waiting.reject(error));
  }

  #end(how: (waiting: Waiting) => void): void {
    const ended = this.#waiting;
    this.#waiting = [];
    for (const waiting of ended) {
      this.#pool.letGo();
      how(waiting);
    }
  }
}
