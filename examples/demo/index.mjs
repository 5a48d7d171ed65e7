// The store's main job on real input: a directory tree goes through a store with 8 MiB of memory, then 200,000 skewed
// reads are served from it and every value is checked. Run it with `npm run demo`, or `npm run demo -- some/directory`.
// Exit code 0: every value was right. 1: one was not, or the store failed. 2: it was asked for something impossible.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SwapStore } from 'swapstore';
import { Checker } from './check.mjs';
import { load } from './load.mjs';
import { Meter } from './meter.mjs';
import { showProgress } from './progress.mjs';
import { mib, report, whole } from './report.mjs';
import { serve } from './serve.mjs';
import { measureTree, Tally } from './walk.mjs';

const MAX_MEMORY_BYTES = 8 * 2 ** 20;
const INSTALLED_DEPENDENCIES = fileURLToPath(new URL('../../node_modules', import.meta.url));

const USAGE = `Usage: npm run demo -- [directory] [--reads count]

Stores every file of a directory tree in a SwapStore with 8 MiB of memory, then serves
skewed reads from it and checks each value. Default: the installed dependencies, 200,000 reads.

  --reads count   how many reads to serve
  --help          this text`;

/** What was asked for cannot be done; the message says why. */
class UsageError extends Error {}

/** @param {string[]} args */
function parse(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { reads: { type: 'string', default: '200000' }, help: { type: 'boolean', default: false } },
    });
    if (positionals.length > 1) throw new UsageError('one directory at a time');
    if (!/^\d{1,9}$/.test(values.reads))
      throw new UsageError(`--reads takes a whole number, not '${values.reads}'`);
    const root = resolve(positionals[0] ?? INSTALLED_DEPENDENCIES);
    return { root, readCount: Number(values.reads), wantsHelp: values.help };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string} root */
async function requireDirectory(root) {
  const found = await stat(root).catch((error) => {
    throw new UsageError(`cannot read ${root}: ${error.message}`);
  });
  if (!found.isDirectory()) throw new UsageError(`not a directory: ${root}`);
}

/**
 * @param {string} root
 * @param {number} readCount
 */
async function run(root, readCount) {
  const rssBytesAtStart = process.memoryUsage.rss();
  const store = new SwapStore({ maxMemory: MAX_MEMORY_BYTES });
  const warnings = { count: 0, first: '' };
  store.on('warning', (error) => {
    warnings.count++;
    warnings.first ||= error.message;
  });
  try {
    const meter = new Meter(store, rssBytesAtStart);
    const tally = new Tally();
    const checker = new Checker();

    const treeByteCount = await measureTree(root);
    const loadingProgress = showProgress('Loading', treeByteCount);
    const { result: loaded, phase: loading } = await meter.during(() =>
      load(store, root, tally, ({ byteCount }) => loadingProgress.update(byteCount, mib(byteCount))),
    );
    if (!loaded.isFull) loadingProgress.update(treeByteCount, mib(loaded.byteCount));
    loadingProgress.stop();

    const servingProgress = showProgress('Serving', loaded.keys.length === 0 ? 0 : readCount);
    const { result: served, phase: serving } = await meter.during(() =>
      serve(store, loaded.keys, readCount, checker, (doneCount) =>
        servingProgress.update(doneCount, `${whole(doneCount)} reads`),
      ),
    );
    servingProgress.stop();

    console.log(report({ root, tally, loaded, served, checker, meter, loading, serving, warnings }));
    return checker.wrongCount === 0 ? 0 : 1;
  } finally {
    await store.close();
  }
}

try {
  const { root, readCount, wantsHelp } = parse(process.argv.slice(2));
  if (wantsHelp) {
    console.log(USAGE);
  } else {
    await requireDirectory(root);
    process.exitCode = await run(root, readCount);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
