/**
 * Who waits for values: one caller, for one key or for many. The pager tells a waiter of each of its keys once, by the
 * number that the waiter gave it, so that a batch needs one promise and nothing for each value. A waiter that is
 * aborted tells the pager through `leave`, and is told nothing more.
 *
 * In the seed these are two maps, keys to waiting clients and clients to wanted keys (`waitForSwappedKey`).
 */

import { ignoreAbort, onAbort } from './abort-signals.js';

/** Whether a value that is read stays in memory. */
export const enum Stay {
  /** Where others are used more, it does not: one of a batch, which may be all there is. */
  IfWorth = 0,
  /** Where others are used more, it does until the next read: who was given it may change it in place until then. */
  ForNow = 1,
  /**
   * The same until the turn of the event loop has ended, and all that was asked for in it has come: whoever awaits it, by
   * itself or with others, may change it in place until then.
   */
  ForTurn = 2,
  /** Others leave for it, as far as they can. */
  IfRoom = 3,
  /** Past the bound if it must (`run`, a pin). */
  Always = 4,
}

export interface Waiter<E> {
  readonly stay: Stay;
  /** Where the flights are that it waits for, or waited for: to leave them, all others need not be looked at. */
  readonly slots: readonly number[];
  waitsFor(slot: number): void;
  /** The key's value is here (`present`), or the key is not. `entry` is there when the value is resident. */
  arrived(index: number, value: unknown, present: boolean, entry: E | undefined): void;
  failed(error: unknown): void;
}

/** A waiter with a promise and perhaps a signal: what load, loadMany, fetch, preload and run have in common. */
export abstract class PromisedWaiter<E> implements Waiter<E> {
  readonly stay: Stay = Stay.ForTurn;
  #slots: number[] | undefined = undefined;
  /** Whether a value that has expired will do. */
  readonly takesStale: boolean = false;
  /** Keys that have not arrived yet. */
  remaining = 0;
  /** Its place in the list of those that wait, while it does; else -1. */
  place = -1;
  /** Those that began to wait earlier have smaller ones. */
  number = 0;
  /** The turn in which it began to wait. */
  turn = 0;
  /** What it was told in place of values. */
  failure: { readonly error: unknown } | undefined = undefined;
  #settled = false;
  readonly #signal: AbortSignal | undefined;
  readonly #abort: (() => void) | undefined;
  /** Called once, when it waits no more; the pager forgets it then. */
  readonly #leave: (waiter: PromisedWaiter<E>) => void;

  constructor(signal: AbortSignal | undefined, leave: (waiter: PromisedWaiter<E>) => void) {
    this.#leave = leave;
    this.#signal = signal;
    if (signal === undefined) return;
    this.#abort = () => this.failed(signal.reason);
    onAbort(signal, this.#abort);
  }

  get slots(): readonly number[] {
    return this.#slots ?? [];
  }

  waitsFor(slot: number): void {
    // A literal is made to size, and most wait for one.
    if (this.#slots === undefined) this.#slots = [slot];
    else this.#slots.push(slot);
  }

  get settled(): boolean {
    return this.#settled;
  }

  arrived(index: number, value: unknown, present: boolean, entry: E | undefined): void {
    if (this.#settled) return;
    if (index >= 0) this.take(index, value, present, entry);
    if (--this.remaining === 0 && this.#end()) this.complete();
  }

  failed(error: unknown): void {
    if (!this.#end()) return;
    this.failure = { error };
    this.fail(error);
  }

  /** One of the values is here. */
  protected abstract take(index: number, value: unknown, present: boolean, entry: E | undefined): void;
  /** All of them are: resolves the promise. */
  protected abstract complete(): void;
  protected abstract fail(error: unknown): void;

  #end(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    if (this.#abort !== undefined) ignoreAbort(this.#signal!, this.#abort);
    this.#leave(this);
    return true;
  }
}

/** A waiter whose promise is for a T. */
abstract class WaiterFor<T, E> extends PromisedWaiter<E> {
  protected resolve!: (value: T) => void;
  protected fail!: (error: unknown) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.fail = reject;
  });
}

/** `load`: one key. */
export class SingleWaiter<E> extends WaiterFor<unknown, E> {
  #value: unknown = undefined;

  protected take(_index: number, value: unknown): void {
    this.#value = value;
  }

  protected complete(): void {
    this.resolve(this.#value);
  }
}

/** `fetch`: one key, whether it is there, and which of its values was met. */
export class FoundWaiter<E> extends WaiterFor<FoundWaiter<E>, E> {
  override readonly takesStale: boolean;
  override readonly stay: Stay;
  present = false;
  value: unknown = undefined;
  /** Of the value, or that there was none, when it was answered. */
  version: number | undefined = undefined;
  readonly #versionNow: () => number | undefined;

  constructor(
    signal: AbortSignal | undefined,
    leave: (waiter: PromisedWaiter<E>) => void,
    takesStale: boolean,
    versionNow: () => number | undefined,
  ) {
    super(signal, leave);
    this.takesStale = takesStale;
    this.#versionNow = versionNow;
    // What is stale may be given out only once a computation has failed.
    this.stay = takesStale ? Stay.IfRoom : Stay.ForTurn;
  }

  protected take(_index: number, value: unknown, present: boolean): void {
    this.present = present;
    this.value = value;
    this.version = this.#versionNow();
  }

  /** True when the key was neither set nor deleted since it was answered. */
  get isCurrent(): boolean {
    return this.version === this.#versionNow();
  }

  protected complete(): void {
    this.resolve(this);
  }
}

/** `loadMany`: many keys, their values in order. */
export class ManyWaiter<E> extends WaiterFor<unknown[], E> {
  override readonly stay = Stay.IfWorth;
  readonly values: unknown[] = [];

  protected take(index: number, value: unknown): void {
    this.values[index] = value;
  }

  protected complete(): void {
    this.resolve(this.values);
  }
}

/** `preload`: many keys, held one by one as they arrive; it notes when one found no room to stay. */
export class PreloadWaiter<E> extends WaiterFor<void, E> {
  override readonly stay = Stay.IfRoom;
  noRoom = false;
  readonly #hold: (entry: E) => void;

  constructor(
    signal: AbortSignal | undefined,
    leave: (waiter: PromisedWaiter<E>) => void,
    hold: (entry: E) => void,
  ) {
    super(signal, leave);
    this.#hold = hold;
  }

  protected take(_index: number, _value: unknown, present: boolean, entry: E | undefined): void {
    if (entry !== undefined) this.#hold(entry);
    else if (present) this.noRoom = true;
  }

  protected complete(): void {
    this.resolve();
  }
}

/** `run`: many keys, which are held from their arrival on until the caller's function has settled. */
export class RunWaiter<E> extends WaiterFor<void, E> {
  override readonly stay = Stay.Always;
  /** Those that are held for this run, by number; undefined for keys that are not there. */
  readonly held: Array<E | undefined> = [];
  readonly #hold: (entry: E) => void;

  constructor(
    signal: AbortSignal | undefined,
    leave: (waiter: PromisedWaiter<E>) => void,
    hold: (entry: E) => void,
  ) {
    super(signal, leave);
    this.#hold = hold;
  }

  protected take(index: number, _value: unknown, _present: boolean, entry: E | undefined): void {
    if (entry === undefined) return;
    this.#hold(entry);
    this.held[index] = entry;
  }

  protected complete(): void {
    this.resolve();
  }
}
