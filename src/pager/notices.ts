/**
 * What the store tells its listeners, each of what happens in its own keyspace. Moves are queued while they happen and told afterwards, when every structure is
 * sound again, so that a listener may call the store. A listener that throws breaks nobody else: its error becomes an
 * uncaught exception of its own turn, as it would in any event handler.
 */
import { EventEmitter } from 'node:events';
import debug from 'debug';
import type { SwapError } from '../errors.js';
import { keyIn, keyspaceOf, prefixIn, quoteKey } from '../memory/key-prefix.js';
import type { Keyspaces } from './keyspaces.js';

export type MoveEvent = 'swapout' | 'swapin' | 'evict' | 'expire';
export type StoreEvent = MoveEvent | 'warning';

const stateLine = debug('swapstore:state');
const warningLine = debug('swapstore:io');

export class Notices {
  readonly #keyspaces: Keyspaces;
  readonly #emitter = new EventEmitter();
  /** How many listen now; the queue is not touched for events that nobody hears. */
  readonly #listening = { swapout: 0, swapin: 0, evict: 0, expire: 0, warning: 0 };
  /** Nobody is told anything once the store closes: a listener could not use it any more. */
  #muted = false;
  #queue: Array<{ event: string; about: string | SwapError }> = [];

  constructor(keyspaces: Keyspaces) {
    this.#keyspaces = keyspaces;
  }

  /** Listens in the keyspace of a name; to warnings with the empty one. */
  on(name: string, event: StoreEvent, listener: (...about: never[]) => void): void {
    this.#emitter.on(eventIn(name, event), listener as (...about: unknown[]) => void);
    this.#listening[event]++;
  }

  off(name: string, event: StoreEvent, listener: (...about: never[]) => void): void {
    const full = eventIn(name, event);
    const before = this.#emitter.listenerCount(full);
    this.#emitter.off(full, listener as (...about: unknown[]) => void);
    this.#listening[event] -= before - this.#emitter.listenerCount(full);
  }

  mute(): void {
    this.tell();
    this.#muted = true;
    this.#queue = [];
  }

  /** A move has happened. */
  moved(event: MoveEvent, key: string): void {
    if (stateLine.enabled) stateLine('%s %s', event, quoteKey(key));
    if (this.#listening[event] === 0 || this.#muted || !this.#keyspaces.isCurrent(key)) return;
    this.#queue.push({ event: eventIn(keyspaceOf(prefixIn(key)).name, event), about: keyIn(key) });
  }

  /** A failure in the background, which nobody else can be told. */
  warn(error: SwapError): void {
    if (warningLine.enabled) warningLine('%s: %s', error.code, error.message);
    if (this.#listening.warning === 0 || this.#muted) return;
    this.#queue.push({ event: eventIn('', 'warning'), about: error });
  }

  /** Tells what has been queued. Called at the end of every public method and of every slice in the background. */
  tell(): void {
    if (this.#queue.length === 0 || this.#muted) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const { event, about } of queue) {
      try {
        this.#emitter.emit(event, about);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** The name under which the listeners of one keyspace are kept. */
function eventIn(name: string, event: StoreEvent): string {
  return name === '' ? event : `${event} ${name}`;
}
