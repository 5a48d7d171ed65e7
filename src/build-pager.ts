/**
 * Puts the rooms of a store together: opens the file, sizes the buffers, and hands all of it to the pager.
 */
import { Codec } from './codec/codec.js';
import { drive, driveNow, type Steps } from './disk/file-steps.js';
import { IndexFile } from './disk/index-file.js';
import { PageMap } from './disk/page-map.js';
import { saltBytes } from './disk/record.js';
import { BlockCipher, Sealer, sealKeyBytes } from './disk/seal.js';
import { SwapFile } from './disk/swap-file.js';
import type { Environment } from './environment.js';
import { SwapError } from './errors.js';
import { IoPool } from './io/io-pool.js';
import { PointerTable } from './memory/pointer-table.js';
import { createPolicy } from './memory/policy.js';
import { ResidentSet } from './memory/resident-set.js';
import { Xorshift } from './memory/xorshift.js';
import { nodeEnvironment } from './node-environment.js';
import { type CheckedOptions, checkOptions, environmentOf, type SwapStoreOptions } from './options.js';
import type { JobOwner } from './pager/core.js';
import type { Entry } from './pager/entry.js';
import { Pager } from './pager/pager.js';
import { Recovery } from './pager/recovery.js';

const slabBytesMin = 64 * 1024;
const slabBytesMax = 1024 * 1024;
/** With the landing area, which is four slabs long, 16 MiB at most. */
const slabCount = 12;

/** Opens a store's rooms at once. Throws ERR_SWAP_OPTION, _LOCKED, _FORMAT, _IO. */
export function buildPager(given: SwapStoreOptions): Pager {
  const options = checkOptions(given);
  const environment = environmentOf(given) ?? nodeEnvironment;
  return driveNow(build(options, environment), environment, asItIs);
}

/**
 * The same, but the index of a persistent store is read off the event loop. Rejects as the other throws, or with the
 * reason of `signal`; nothing is open then.
 */
export async function buildPagerSoon(
  given: SwapStoreOptions,
  signal: AbortSignal | undefined,
): Promise<Pager> {
  const options = checkOptions(given);
  const environment = environmentOf(given) ?? nodeEnvironment;
  return drive(build(options, environment), environment, asItIs, signal);
}

const asItIs = (cause: unknown): unknown => cause;

function* build(options: CheckedOptions, environment: Environment): Steps<Pager> {
  const { disk, clock, threads } = environment;
  const randomBytes = (length: number): Uint8Array => {
    const words = Uint32Array.from({ length: length / 4 }, () => environment.random());
    return new Uint8Array(words.buffer);
  };
  const key = options.encryption === true ? randomBytes(sealKeyBytes) : options.encryption || undefined;
  const file = new SwapFile({
    path: options.path,
    pageSize: options.pageSize,
    maxSwap: options.maxSwap,
    persistent: options.persist,
    seedA: environment.random() | 0,
    seedB: environment.random() | 0,
    key: options.persist && key !== undefined ? { bytes: key, salt: randomBytes(saltBytes) } : undefined,
    disk,
  });
  // The index of a persistent store holds hashes, so that they stay what they are.
  const table = options.persist
    ? new PointerTable(file.seedA, file.seedB)
    : new PointerTable(environment.random(), environment.random());
  const codec = new Codec((name) => pager.core.notices.warn(flattened(name)));
  const recovery = new Recovery(table, codec);
  const pages = new PageMap(file.pageCount);
  const cipher = key && new BlockCipher(key, () => randomBytes(saltBytes));
  const index = options.persist
    ? yield* openIndex(file, options, environment, cipher, recovery, pages)
    : undefined;
  const random = new Xorshift(environment.random());
  const policy = createPolicy<Entry>(options.policy, options.maxMemory, () => random.below(2 ** 32));
  const slabBytes = slabBytesFor(options.maxMemory);
  const sealer = key && new Sealer({ key, salt: randomBytes(saltBytes) });
  const pool = new IoPool<JobOwner>({
    threadsMax: options.threads,
    disk,
    threads,
    clock,
    slabBytes,
    slabCount,
    loadAreaBytes: 4 * slabBytes,
    workerUrl: options.workerUrl,
    sealer,
    onCompleted: (job) => pager.completed(job),
    mustYield: () => pager.core.handsAreFull,
    onSliceEnd: () => pager.core.progressed(),
    onWarning: (error) => pager.core.notices.warn(error),
  });
  const pager: Pager = new Pager({
    options,
    environment,
    table,
    residents: new ResidentSet(policy, environment.residentsMax),
    pages,
    file,
    pool,
    codec,
    sealer,
    index,
  });
  if (recovery.hasTtl) pager.sweep.start();
  // What it says of pages beyond the end would be true of another's record, once the file has grown.
  if (recovery.isContradicted) pager.core.durability?.distrustIndex();
  if (recovery.lost > 0) reportLost(pager, recovery.lost);
  return pager;
}

/** Opens the index of a persistent store and takes over what it says. Gives the swap file up when it cannot. */
function* openIndex(
  file: SwapFile,
  options: CheckedOptions,
  environment: Environment,
  seal: BlockCipher | undefined,
  recovery: Recovery,
  pages: PageMap,
): Steps<IndexFile> {
  let index: IndexFile | undefined;
  try {
    const { pageSize, seedA, seedB } = file;
    const identity = { pageSize, seedA, seedB, serializer: options.serializer?.name ?? '' };
    const { disk } = environment;
    index = yield* IndexFile.open({ disk, swapFile: file, identity, seal, sizes: environment }, recovery);
    yield* recovery.occupy(pages, file);
    return index;
  } catch (error) {
    index?.close();
    file.close();
    throw error;
  }
}

/** Damage that was found while nobody could be listening yet is told on a later turn. */
function reportLost(pager: Pager, count: number): void {
  const { core } = pager;
  core.counters.corruptRecords += count;
  core.environment.clock.nextTurn(() => {
    const message = `the index of ${core.file.path} was damaged: ${count} keys or more are lost`;
    core.notices.warn(new SwapError('ERR_SWAP_CORRUPT', message, { path: core.file.path }));
    core.notices.tell();
  });
}

/** A 64th of the memory, as a power of two within bounds. */
function slabBytesFor(maxMemory: number): number {
  const share = 2 ** Math.floor(Math.log2(Math.max(1, maxMemory / 64)));
  return Math.min(slabBytesMax, Math.max(slabBytesMin, share));
}

function flattened(constructorName: string): SwapError {
  const message = `instances of ${constructorName || 'an unnamed class'} come back from the swap file as plain objects`;
  return new SwapError('ERR_SWAP_UNSERIALIZABLE', message);
}
