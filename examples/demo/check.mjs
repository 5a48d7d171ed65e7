// Judges every value that comes back from the store. Nothing is trusted: a value that is missing, of another key, or
// different in a single bit is wrong, and so is an error in its place.
import { digestOf, keyOf } from './record.mjs';

export class Checker {
  rightCount = 0;
  wrongCount = 0;
  /** The first wrong value: its key and what was wrong with it. */
  firstWrong = '';

  /**
   * @param {string} key
   * @param {unknown} value
   */
  check(key, value) {
    const fault = faultOf(key, value);
    if (fault === undefined) this.rightCount++;
    else this.wrong(key, fault);
  }

  /**
   * @param {string} key
   * @param {string} fault
   */
  wrong(key, fault) {
    this.wrongCount++;
    this.firstWrong ||= `${key}: ${fault}`;
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 * @returns {string | undefined}
 */
function faultOf(key, value) {
  if (value === undefined) return 'nothing came back';
  try {
    const record = /** @type {import('./record.mjs').FileRecord} */ (value);
    if (keyOf(record) !== key) return `the value of another key came back, ${keyOf(record)}`;
    if (digestOf(record) !== record.digest) return 'the value differs from its digest';
    return undefined;
  } catch (error) {
    return `not a record at all (${error})`;
  }
}
