/**
 * Bodies in chunks: a body of any size goes in and comes out as a stream, and no more of it than a few chunks is on the
 * way at once. A body has an id that no other ever had, so that one that takes the place of another never mixes with it.
 *
 * A body that is removed while it is read goes when its last reader has gone; so does one whose time is over, for a
 * while. A chunk that is missing all the same, as it was evicted or damaged, ends its reader with an error.
 */
import { randomUUID } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { attempt, SwapError } from '../errors.js';
import type { Keyspace } from '../keyspace.js';
import type { AdaptedStore } from './adapted-store.js';

const chunkBytes = 64 * 1024;
/** How long after its end a body can still be read by who has begun before. */
const readingMs = 60_000;

/** Where a body is. Stored by whoever wants to find it again. */
export interface StoredBody {
  readonly id: string;
  readonly chunks: number;
  readonly bytes: number;
}

export class ChunkedBodies {
  readonly #chunks: Keyspace;
  readonly #adapted: AdaptedStore;
  /** Readers of each body that is being read. */
  readonly #readers = new Map<string, number>();
  /** Bodies that go with their last reader. */
  readonly #leaving = new Map<string, StoredBody>();

  constructor(chunks: Keyspace, adapted: AdaptedStore) {
    this.#chunks = chunks;
    this.#adapted = adapted;
  }

  /**
   * A stream that stores what is written to it. `store` is called with the body once all of it is there; when that throws,
   * the stream is destroyed before, or has more than `bytesMax`, nothing of it stays.
   */
  write(endsAtMs: number, bytesMax: number, store: (body: StoredBody) => void): Writable {
    const id = randomUUID();
    // What is written may be used again by who has written it, once it has been told that it is.
    let pending = Buffer.alloc(0);
    let pendingBytes = 0;
    let bytes = 0;
    let chunks = 0;
    let isStored = false;
    const flush = (): void => {
      if (pendingBytes === 0) return;
      const ttl = Math.max(1, endsAtMs + readingMs - Date.now());
      const chunk = pendingBytes === chunkBytes ? pending : Buffer.from(pending.subarray(0, pendingBytes));
      this.#chunks.set(`${id}:${chunks++}`, chunk, { ttl });
      pendingBytes = 0;
    };
    return new Writable({
      write: (piece: Buffer, _encoding, done) => {
        bytes += piece.length;
        if (bytes > bytesMax) {
          done(new Error(`a body of more than ${bytesMax} bytes is not cached`));
          return;
        }
        try {
          for (let at = 0; at < piece.length; ) {
            if (pendingBytes === 0) pending = Buffer.allocUnsafeSlow(chunkBytes);
            const copied = piece.copy(pending, pendingBytes, at);
            pendingBytes += copied;
            at += copied;
            if (pendingBytes === chunkBytes) flush();
          }
        } catch (error) {
          done(error as Error);
          return;
        }
        void this.#adapted.room().then(() => done());
      },
      final: (done) => {
        try {
          flush();
          store({ id, chunks, bytes });
          isStored = true;
          done();
        } catch (error) {
          done(error as Error);
        }
      },
      destroy: (error, done) => {
        if (!isStored) this.#delete({ id, chunks, bytes });
        done(error);
      },
    });
  }

  /** True while all of a body is there. No I/O. */
  isWhole({ id, chunks }: StoredBody): boolean {
    for (let chunk = 0; chunk < chunks; chunk++) if (!this.#chunks.has(`${id}:${chunk}`)) return false;
    return true;
  }

  /** A stream of a body; it stays until the stream has ended or was destroyed. */
  read(body: StoredBody): Readable {
    const { id, chunks } = body;
    let next = 0;
    this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    const readable = new Readable({
      read: () => {
        if (next === chunks) {
          readable.push(null);
          return;
        }
        const chunk = next++;
        this.#chunks.load(`${id}:${chunk}`).then(
          (bytes) => {
            if (Buffer.isBuffer(bytes)) readable.push(bytes);
            else readable.destroy(goneError(chunk, chunks));
          },
          (error: Error) => readable.destroy(error),
        );
      },
      destroy: (error, done) => {
        this.#letGo(id);
        done(error);
      },
    });
    return readable;
  }

  /** Gives back what a body takes, now or when nobody reads it any more. */
  remove(body: StoredBody): void {
    if (this.#readers.has(body.id)) this.#leaving.set(body.id, body);
    else this.#delete(body);
  }

  #letGo(id: string): void {
    const readers = this.#readers.get(id)! - 1;
    if (readers > 0) {
      this.#readers.set(id, readers);
      return;
    }
    this.#readers.delete(id);
    const leaving = this.#leaving.get(id);
    this.#leaving.delete(id);
    if (leaving !== undefined) this.#delete(leaving);
  }

  /** Nobody waits for it: where the store is closed, the chunks go with their time. */
  #delete({ id, chunks }: StoredBody): void {
    attempt(() => {
      for (let chunk = 0; chunk < chunks; chunk++) this.#chunks.delete(`${id}:${chunk}`);
    });
  }
}

function goneError(chunk: number, chunks: number): SwapError {
  return new SwapError('ERR_SWAP_CORRUPT', `chunk ${chunk} of ${chunks} of a cached body is gone`);
}
