/**
 * The policy's victims, less those that should not leave just now: what was handed out in this turn, or since somebody waits
 * for another value, may still be changed in place by who awaits it, and what has a second to live is better dropped at
 * its end, by the sweep that comes once a second, than written. Such victims are passed over, and go back to the policy.
 */
import type { Core } from './core.js';
import type { Entry } from './entry.js';

const soonMs = 1000;
/** So many may be passed over for one victim. */
const passesMax = 100;
/** And so many of those that will soon be gone for each one that leaves, on the average. */
const passesPerVictim = 4;

/** Victims that may turn out to be unable to leave before a pass gives up: the seed's 100 tries. */
export const uselessVictimsMax = 100;

export class Victims {
  readonly #core: Core;
  /** What may be passed over as it will soon be gone, so that it costs little where all are like that. */
  #passes = passesMax;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * The best candidate that may be encoded in this turn; one that was handed out in an earlier one, or would soon be gone
   * anyway, only for want of others.
   */
  take(): Entry | undefined {
    const { residents, turn } = this.#core;
    this.#passes = Math.min(this.#passes + passesPerVictim, passesMax);
    const best = residents.takeVictim();
    if (best === undefined || this.mayTake(best)) return best;
    const passed: Entry[] = [];
    let expiring: Entry | undefined;
    let handedOut: Entry | undefined;
    let victim: Entry | undefined = best;
    for (; victim !== undefined; victim = residents.takeVictim()) {
      if (this.#isHandedOut(victim)) {
        if (victim.guardTurn !== turn) handedOut ??= victim;
      } else {
        if (this.#passes === 0 || !this.#expiresSoon(victim)) break;
        this.#passes--;
        expiring ??= victim;
      }
      passed.push(victim);
      if (passed.length === passesMax) {
        victim = undefined;
        break;
      }
    }
    victim ??= expiring ?? handedOut;
    for (const entry of passed) if (entry !== victim) residents.putBack(entry);
    return victim;
  }

  /** True for what may leave now. */
  mayTake(entry: Entry): boolean {
    return !this.#isHandedOut(entry) && !this.#expiresSoon(entry);
  }

  #isHandedOut(entry: Entry): boolean {
    return entry.guardTurn >= this.#core.handedOut.since;
  }

  #expiresSoon(entry: Entry): boolean {
    // What the file has already costs no write.
    if (entry.expiresAtMs === 0 || entry.copyIndex !== -1) return false;
    const { table, environment } = this.#core;
    const leftMs = entry.expiresAtMs + table.graceMs(entry.slot) - environment.clock.now();
    return leftMs > 0 && leftMs <= soonMs;
  }
}
