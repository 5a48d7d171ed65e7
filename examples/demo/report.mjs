// Says what happened in three small tables of 80 columns that can be read without knowing the store: how much data went
// into how little memory, how fast it came back, what that cost, and whether all of it was right.
import { styleText } from 'node:util';
import Table from 'cli-table3';

/**
 * @typedef {object} Outcome
 * @property {string} root
 * @property {import('./walk.mjs').Tally} tally
 * @property {import('./load.mjs').Loaded} loaded
 * @property {import('./serve.mjs').Served} served
 * @property {import('./check.mjs').Checker} checker
 * @property {import('./meter.mjs').Meter} meter
 * @property {import('./meter.mjs').Phase} loading
 * @property {import('./meter.mjs').Phase} serving
 * @property {{ count: number, first: string }} warnings
 */

/** @param {Outcome} outcome */
export function report(outcome) {
  const readCount = outcome.checker.rightCount + outcome.checker.wrongCount;
  return [
    `\nStored: ${outcome.root}`,
    tableOf([18, 59], dataRows(outcome)),
    `Served: ${amount(readCount, 'read')}, a few keys often and most of them rarely (Zipf 0.99)`,
    tableOf([18, 59], readRows(outcome)),
    'What it took:',
    tableOf([18, 29, 29], phaseRows(outcome)),
    verdict(outcome.checker),
  ].join('\n');
}

/**
 * A table without lines between its rows: there are many rows, and few belong apart.
 *
 * @param {number[]} colWidths with the borders between and around them, 80 in all
 * @param {string[][]} rows
 */
function tableOf(colWidths, rows) {
  const noLines = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  const table = new Table({ colWidths, chars: noLines, wordWrap: true, style: { head: [], border: [] } });
  table.push(...rows);
  return table.toString();
}

/** @param {Outcome} outcome */
function dataRows({ tally, loaded, meter, serving, warnings }) {
  const { maxMemory, indexBytes, swapFileBytes } = serving.after;
  const ratio = meter.storeBytesMax === 0 ? 0 : loaded.byteCount / meter.storeBytesMax;
  const counts = `${amount(loaded.keys.length, 'value')} from ${amount(loaded.fileCount, 'file')}`;
  const rows = [
    ['Data stored', `${mib(loaded.byteCount)}: ${counts}`],
    ['Memory used', `${mib(meter.storeBytesMax)} at most, of the ${mib(maxMemory)} allowed`],
    ['Data / memory', `${ratio.toFixed(1)} x`],
    ['Index', `${mib(indexBytes)} of memory beside it`],
    ['Swap file', mib(swapFileBytes)],
    [
      'Process (RSS)',
      `${mib(meter.rssBytesMax)} at most; ${mib(meter.rssBytesAtStart)} before the store opened`,
    ],
  ];
  if (loaded.isFull) rows.push(['Stopped early', 'the swap file is full: the rest was not stored']);
  if (tally.unreadableCount > 0) {
    rows.push([
      'Unreadable',
      `${whole(tally.unreadableCount)}, the first for this reason: ${tally.firstReason}`,
    ]);
  }
  if (tally.specialCount > 0) {
    rows.push([
      'Passed over',
      `${whole(tally.specialCount)} that are no plain files: links, pipes and the like`,
    ]);
  }
  if (warnings.count > 0) rows.push(['Warnings', `${whole(warnings.count)}, the first: ${warnings.first}`]);
  return rows;
}

/** @param {Outcome} outcome */
function readRows({ served, checker, serving }) {
  const { before, after } = serving;
  const hitCount = after.hits - before.hits;
  const faultCount = after.faults - before.faults;
  const hitRate = hitCount + faultCount === 0 ? 0 : hitCount / (hitCount + faultCount);
  return [
    ['Hit rate', `${(hitRate * 100).toFixed(1)}% found in memory, the rest in the swap file`],
    ['Blocking', `${speed(served.blocking)} (${whole(served.blocking.readCount)} by get)`],
    ['Awaiting', `${speed(served.awaiting)} (${whole(served.awaiting.readCount)} by load, 16 in flight)`],
    ['In batches', `${speed(served.batches)} (${whole(served.batches.readCount)} by loadMany and getMany)`],
    ['', 'The clock stands still while a value is checked.'],
    ['Wrong values', whole(checker.wrongCount)],
  ];
}

/** @param {Outcome} outcome */
function phaseRows({ loading, serving }) {
  /** @param {'swapOuts' | 'swapIns' | 'cleanDrops'} name */
  const counts = (name) => [loading, serving].map(({ before, after }) => whole(after[name] - before[name]));
  /** @param {'p50' | 'p99' | 'max'} name */
  const delays = (name) => [loading, serving].map(({ delayMs }) => `${delayMs[name].toFixed(1)} ms`);
  return [
    ['', 'while loading', 'while serving'],
    ['Time', ...[loading, serving].map(({ elapsedMs }) => `${(elapsedMs / 1000).toFixed(1)} s`)],
    ['Swap-outs', ...counts('swapOuts')],
    ['Swap-ins', ...counts('swapIns')],
    ['Clean drops', ...counts('cleanDrops')],
    ['Event loop delay', ''],
    ['  p50', ...delays('p50')],
    ['  p99', ...delays('p99')],
    ['  max', ...delays('max')],
  ];
}

/** @param {import('./check.mjs').Checker} checker */
function verdict({ rightCount, wrongCount, firstWrong }) {
  if (wrongCount > 0)
    return coloured('red', `${amount(wrongCount, 'value')} WRONG; the first: ${firstWrong}`);
  if (rightCount === 0) return 'Nothing was read, so there was nothing to check.';
  return coloured('green', `All ${whole(rightCount)} values that came back were right.`);
}

/**
 * @param {'red' | 'green'} colour
 * @param {string} text
 */
function coloured(colour, text) {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(colour, text) : text;
}

/** @param {import('./serve.mjs').Lane} lane */
function speed({ readsPerSecond }) {
  return `${whole(readsPerSecond)} reads a second`;
}

// Made once: the progress bar asks for a figure with every file, and a formatter takes longer to make than to use.
const wholeNumbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** @param {number} count */
export function whole(count) {
  return wholeNumbers.format(count);
}

/**
 * @param {number} count
 * @param {string} noun
 */
function amount(count, noun) {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** @param {number} byteCount */
export function mib(byteCount) {
  return `${tenths.format(byteCount / 2 ** 20)} MiB`;
}
