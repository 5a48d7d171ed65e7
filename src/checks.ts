/**
 * How an option is checked, whoever takes it: each check has its own message, which names the option, what was given and
 * what is allowed; an unknown name is refused, as a typo must not pass silently. The checks are our own and not a schema
 * library's: each is one line, several depend on the runtime or on one another, and a library would take longer to load
 * than the rest of the package.
 */
import { SwapError } from './errors.js';

/** A ttl in ms beyond this is over 100,000 years and past what Date can hold. */
export const ttlMsMax = 8.64e15 / 2;

export function refuse(name: string, allowed: string, given: unknown): SwapError {
  return new SwapError('ERR_SWAP_OPTION', `${name} must be ${allowed}, but ${describe(given)} was given`);
}

function describe(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given.length > 60 ? `${given.slice(0, 60)}…` : given);
  if (typeof given === 'object' && given !== null)
    return `an object of ${given.constructor?.name ?? 'no class'}`;
  if (typeof given === 'function') return 'a function';
  return typeof given === 'bigint' ? `${given}n` : String(given);
}

export function wholeNumber(
  name: string,
  given: unknown,
  byDefault: number,
  least: number,
  most: number,
): number {
  if (given === undefined) return byDefault;
  if (typeof given !== 'number' || !Number.isInteger(given) || given < least || given > most) {
    throw refuse(name, `a whole number from ${least} to ${most}`, given);
  }
  return given;
}

export function flag(name: string, given: unknown): boolean {
  if (given !== undefined && typeof given !== 'boolean') throw refuse(name, 'true or false', given);
  return given === true;
}

/** The first of `allowed` is the default. */
export function oneOf<T extends string>(name: string, given: unknown, allowed: readonly [T, ...T[]]): T {
  return given === undefined ? allowed[0] : among(name, given, allowed);
}

export function among<T extends string>(name: string, given: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === given);
  if (found === undefined) throw refuse(name, `one of ${allowed.map((one) => `'${one}'`).join(', ')}`, given);
  return found;
}

/** That options are an object, and have no name but those that are known. @param what One of them, in the singular. */
export function checkObject(
  options: unknown,
  known: ReadonlySet<string>,
  what: string,
): asserts options is object {
  if (typeof options !== 'object' || options === null) throw refuse(`${what}s`, 'an object', options);
  checkNames(options, known, what);
}

export function checkNames(options: object, known: ReadonlySet<string>, what: string): void {
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue;
    const near = [...known].find((candidate) => candidate.toLowerCase() === name.toLowerCase());
    const hint = near === undefined ? `known are ${[...known].join(', ')}` : `did you mean ${near}?`;
    throw new SwapError('ERR_SWAP_OPTION', `unknown ${what} ${JSON.stringify(name)}: ${hint}`);
  }
}

export function checkTtl(name: string, given: unknown): number | undefined {
  return given === undefined ? undefined : checkLifetime(name, given);
}

/** As a ttl, where it must be given. */
export function checkLifetime(name: string, given: unknown): number {
  if (typeof given !== 'number' || !(given >= 0 && given <= ttlMsMax)) {
    throw refuse(name, `milliseconds from 0 (no limit) to ${ttlMsMax}`, given);
  }
  return given;
}
