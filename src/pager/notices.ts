/**
 * What the store tells its listeners, each of what happens in its own keyspace. Moves are queued while they happen and
 * told afterwards, when every structure is sound again, so that a listener may call the store. A listener that throws
 * breaks nobody else: its error becomes an uncaught exception of its own turn, as it would in any event handler.
 */
import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import debug from 'debug';
import type { SwapError } from '../errors.js';
import { partsOf, quoteKey } from '../key-prefix.js';
import type { Keyspaces } from './keyspaces.js';

/** What happens to an entry. */
export type EntryEvent = 'swapout' | 'swapin' | 'evict' | 'expire';
export type StoreEvent = EntryEvent | 'warning';

export const entryEvents: readonly EntryEvent[] = ['swapout', 'swapin', 'evict', 'expire'];
export const storeEvents: readonly StoreEvent[] = [...entryEvents, 'warning'];

const stateLine = debug('swapstore:state');
const evictLine = debug('swapstore:evict');
const warningLine = debug('swapstore:io');

/** What tools subscribe to, of all stores of the process; a message is `{ key, namespace }`, or `{ error }`. */
const channels = {
  swapout: channel('swapstore:swapout'),
  swapin: channel('swapstore:swapin'),
  evict: channel('swapstore:evict'),
  expire: channel('swapstore:expire'),
  warning: channel('swapstore:warning'),
};

export class Notices {
  readonly #keyspaces: Keyspaces;
  readonly #emitter = new EventEmitter();
  /** How many listen now; the queue is not touched for events that nobody hears. */
  readonly #listening = { swapout: 0, swapin: 0, evict: 0, expire: 0, warning: 0 };
  /** Nobody is told anything once the store closes: a listener could not use it any more. */
  #muted = false;
  #queue: Array<{ event: StoreEvent; about: string | SwapError }> = [];

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
  moved(event: EntryEvent, key: string): void {
    const line = event === 'evict' ? evictLine : stateLine;
    if (line.enabled) line('%s %s', event, quoteKey(key));
    if (this.#isHeard(event) && this.#keyspaces.isCurrent(key)) this.#queue.push({ event, about: key });
  }

  /** A failure in the background, which nobody else can be told. */
  warn(error: SwapError): void {
    if (warningLine.enabled) warningLine('%s: %s', error.code, error.message);
    if (this.#isHeard('warning')) this.#queue.push({ event: 'warning', about: error });
  }

  /** True while there is nothing to tell. */
  get isQuiet(): boolean {
    return this.#queue.length === 0;
  }

  /** Tells what has been queued. Called at the end of every public method and of every slice in the background. */
  tell(): void {
    if (this.#queue.length === 0 || this.#muted) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const { event, about } of queue) {
      try {
        if (typeof about === 'string') this.#tellMove(event, about);
        else this.#tellOf(event, undefined, about, { error: about });
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #isHeard(event: StoreEvent): boolean {
    return (this.#listening[event] > 0 || channels[event].hasSubscribers) && !this.#muted;
  }

  #tellMove(event: StoreEvent, stored: string): void {
    const parts = partsOf(stored);
    this.#tellOf(event, parts.namespace, parts.key, parts);
  }

  #tellOf(event: StoreEvent, namespace: string | undefined, about: unknown, message: object): void {
    if (channels[event].hasSubscribers) channels[event].publish(message);
    this.#emitter.emit(eventIn(namespace, event), about);
  }
}

/** The name under which the listeners of one keyspace are kept. */
function eventIn(namespace: string | undefined, event: StoreEvent): string {
  return namespace ? `${event} ${namespace}` : event;
}
