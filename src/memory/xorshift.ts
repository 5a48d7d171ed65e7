/**
 * Random numbers for sampling: xorshift with 32 bits of state (Marsaglia), seeded once from the store's source. A
 * victim takes eight of them, so that the store's own source, which is good enough for secrets, would be the
 * larger part of its cost. They are predictable to whoever sees them, which nobody does.
 */

export class Xorshift {
  #state: number;

  /** @param seed 32 bits; zero, from which the sequence never moves, is replaced. */
  constructor(seed: number) {
    this.#state = seed | 0 || 0x2545f491;
  }

  /** 32 random bits. */
  bits(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state;
  }

  /** A number from 0 to `limit - 1`, for limits below 2^31. */
  below(limit: number): number {
    return Math.floor((this.bits() >>> 0) * 2.3283064365386963e-10 * limit);
  }
}
