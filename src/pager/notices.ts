/**
 * What the store tells its listeners. Moves are queued while they happen and told afterwards, when every structure is
 * sound again, so that a listener may call the store. A listener that throws breaks nobody else: its error becomes an
 * uncaught exception of its own turn, as it would in any event handler.
 */
import { EventEmitter } from 'node:events';
import debug from 'debug';
import type { SwapError } from '../errors.js';

export type MoveEvent = 'swapout' | 'swapin' | 'evict' | 'expire';
export type StoreEvent = MoveEvent | 'warning';

const stateLine = debug('swapstore:state');
const warningLine = debug('swapstore:io');

export class Notices {
  readonly #emitter = new EventEmitter();
  /** What listens now; the queue is not touched for events that nobody hears. */
  readonly #listening = { swapout: false, swapin: false, evict: false, expire: false, warning: false };
  /** Nobody is told anything once the store closes: a listener could not use it any more. */
  #muted = false;
  #queue: Array<{ event: StoreEvent; about: string | SwapError }> = [];

  on(event: StoreEvent, listener: (...about: never[]) => void): void {
    this.#emitter.on(event, listener as (...about: unknown[]) => void);
    this.#listening[event] = true;
  }

  off(event: StoreEvent, listener: (...about: never[]) => void): void {
    this.#emitter.off(event, listener as (...about: unknown[]) => void);
    this.#listening[event] = this.#emitter.listenerCount(event) > 0;
  }

  mute(): void {
    this.tell();
    this.#muted = true;
    this.#queue = [];
  }

  /** A move has happened. */
  moved(event: MoveEvent, key: string): void {
    if (stateLine.enabled) stateLine('%s %s', event, key);
    if (this.#listening[event] && !this.#muted) this.#queue.push({ event, about: key });
  }

  /** A failure in the background, which nobody else can be told. */
  warn(error: SwapError): void {
    if (warningLine.enabled) warningLine('%s: %s', error.code, error.message);
    if (this.#listening.warning && !this.#muted) this.#queue.push({ event: 'warning', about: error });
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
