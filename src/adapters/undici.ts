/**
 * A store for undici's cache interceptor (undici 7 and 8): responses in a cache that is larger than memory, large bodies
 * streamed. What the interceptor needs to choose a response (status, headers, what it varies by) lies in one value for
 * each URI, which is written after the body; so no reader finds half a response.
 */
import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { cacheStores } from 'undici';
import { refuse } from '../checks.js';
import type { Keyspace } from '../keyspace.js';
import type { SwapStoreOptions } from '../options.js';
import type { SwapStore } from '../swap-store.js';
import { AdaptedStore } from './adapted-store.js';
import { ChunkedBodies, type StoredBody } from './chunked-bodies.js';

type CacheStore = InstanceType<typeof cacheStores.MemoryCacheStore>;
type CacheKey = Parameters<CacheStore['get']>[0];
type CacheValue = Parameters<CacheStore['createWriteStream']>[1];
type GetResult = Exclude<Awaited<ReturnType<CacheStore['get']>>, undefined>;

/** One response of a URI. */
interface Variant extends CacheValue {
  readonly method: string;
  readonly body: StoredBody;
}

/** Responses of one URI that differ in method, or in what they vary by. With one more the oldest goes. */
const variantsMax = 64;
/** A longer URI is known by its hash. */
const uriLengthMax = 2048;

/** What is not the store's business. */
export interface SwapCacheStoreOptions {
  /** A response with a larger body is not stored, bytes. Default: an eighth of the swap file. */
  maxEntrySize?: number;
}

/** `interceptors.cache({ store: new SwapCacheStore({ maxMemory }) })`. */
export default class SwapCacheStore implements CacheStore {
  /** The store behind it. */
  readonly store: SwapStore;
  readonly #adapted: AdaptedStore;
  readonly #heads: Keyspace<Variant[]>;
  readonly #bodies: ChunkedBodies;
  readonly #bodyBytesMax: number;
  /** Responses of each URI whose bodies are coming in. */
  readonly #coming = new Map<string, Set<{ isDeleted: boolean }>>();

  /**
   * @param storeOrOptions A store, which stays open, or options for one that ends with `close`; it evicts when it is full,
   *   and a damaged record is a miss, unless they say otherwise. Its namespaces `undici` and `undici:bodies` are used.
   * @throws SwapError as the constructor of SwapStore; ERR_SWAP_OPTION.
   */
  constructor(
    storeOrOptions: SwapStore | SwapStoreOptions = {},
    { maxEntrySize }: SwapCacheStoreOptions = {},
  ) {
    if (maxEntrySize !== undefined && !(Number.isInteger(maxEntrySize) && maxEntrySize >= 0))
      throw refuse('maxEntrySize', 'a whole number from 0', maxEntrySize);
    this.#adapted = new AdaptedStore(storeOrOptions);
    this.store = this.#adapted.store;
    this.#heads = this.store.namespace('undici');
    this.#bodies = new ChunkedBodies(this.store.namespace('undici:bodies'), this.#adapted);
    const { pages, pageSize } = this.store.stats();
    this.#bodyBytesMax = maxEntrySize ?? (pages * pageSize) / 8;
  }

  /** The response that answers a request, with its body as a stream; undefined where there is none. */
  async get(key: CacheKey): Promise<GetResult | undefined> {
    const variants = (await this.#heads.load(uriOf(key))) ?? [];
    const found = variants.find((variant) => answers(variant, key));
    if (found === undefined) return undefined;
    if (!this.#bodies.isWhole(found.body)) {
      this.#remove(key, found);
      return undefined;
    }
    const { method: _, body, ...head } = found;
    return { ...(structuredClone(head) as Omit<GetResult, 'body'>), body: this.#bodies.read(body) };
  }

  /** A stream for the body of a response, which is stored when all of it has come. */
  createWriteStream(key: CacheKey, value: CacheValue): Writable {
    const uri = uriOf(key);
    const response = { isDeleted: false };
    const stream = this.#bodies.write(value.deleteAt, this.#bodyBytesMax, (body) => {
      if (response.isDeleted) throw new Error(`${uri} was deleted while its body came in`);
      // Copied, here and by `get`: what is in memory is nobody's to change.
      const variant: Variant = { ...structuredClone(value), method: key.method, body };
      const others = this.#variantsOf(key);
      const replaced = others.findIndex((other) => other.deleteAt <= Date.now() || answers(other, key));
      const dropped = replaced !== -1 ? others.splice(replaced, 1) : others.splice(variantsMax - 1);
      this.#setVariants(key, [variant, ...others]);
      for (const one of dropped) this.#bodies.remove(one.body);
    });
    const coming = this.#coming.get(uri) ?? new Set();
    this.#coming.set(uri, coming.add(response));
    return stream.once('close', () => {
      if (coming.delete(response) && coming.size === 0) this.#coming.delete(uri);
    });
  }

  /**
   * Removes all responses of a URI, those included whose bodies are still coming in. After `close` it does nothing: undici
   * calls it where nobody could catch what it throws.
   */
  delete(key: CacheKey): void {
    if (!this.store.stats().enabled) return;
    const variants = this.#variantsOf(key);
    for (const response of this.#coming.get(uriOf(key)) ?? []) response.isDeleted = true;
    this.#heads.delete(uriOf(key));
    for (const { body } of variants) this.#bodies.remove(body);
  }

  /** Closes a store that it has opened. */
  async close(): Promise<void> {
    await this.#adapted.close();
  }

  /** A list of its own: what is in memory is never changed in place. */
  #variantsOf(key: CacheKey): Variant[] {
    return [...(this.#heads.peek(uriOf(key)) ?? [])];
  }

  #setVariants(key: CacheKey, variants: Variant[]): void {
    const lastMs = Math.max(...variants.map(({ deleteAt }) => deleteAt));
    this.#heads.set(uriOf(key), variants, { ttl: Math.max(1, lastMs - Date.now()) });
  }

  #remove(key: CacheKey, removed: Variant): void {
    const rest = this.#variantsOf(key).filter((variant) => variant.body.id !== removed.body.id);
    if (rest.length === 0) this.#heads.delete(uriOf(key));
    else this.#setVariants(key, rest);
    this.#bodies.remove(removed.body);
  }
}

function uriOf({ origin, path }: CacheKey): string {
  const uri = `${origin}${path}`;
  return uri.length <= uriLengthMax ? uri : `sha256:${createHash('sha256').update(uri).digest('hex')}`;
}

/** RFC 9111, 4.1: the method is the same, and so is each header that the response varies by. */
function answers(variant: Variant, key: CacheKey): boolean {
  if (variant.method !== key.method || variant.deleteAt <= Date.now()) return false;
  return Object.entries(variant.vary ?? {}).every(([name, value]) =>
    saysTheSame(key.headers?.[name] ?? null, value),
  );
}

function saysTheSame(one: string | string[] | null, other: string | string[] | null): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
