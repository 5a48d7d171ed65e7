// Stores twenty times as much as memory may hold, reads at random, and checks what the store promises about memory all
// the while. Run it with a heap that leaves little room beside the bound:
//
//     node --max-old-space-size=$((maxMemoryMiB * 13 / 10 + 64)) test/e2e/bounded-heap.mjs maxMemoryMiB records|strings|buffers
//
// Prints one line of JSON. Exits 1 if the bound was passed or a value came back wrong; a heap that is too small for
// what the store keeps ends the process by itself.
import { isDeepStrictEqual } from 'node:util';
import { SwapStore } from '../../dist/index.js';

const MIB = 1024 * 1024;
const TIMES_MEMORY = 20;
const SETS_A_WAIT = 256;
const READS = 20_000;
/** Has no divisor in common with the wait, so that every distance from it is seen. */
const SETS_A_LOOK_AT_THE_STORE = 15;
const LOADS_AT_ONCE = 16;
const SETS_A_LOOK_AT_THE_PROCESS = 1024;

const letters = 'abcdefghijklmnopqrstuvwxyz '.repeat(200);

/** Values that can be made again from their number alone; sizes vary over two orders of magnitude. */
const kinds = {
  records(number) {
    return {
      id: number,
      name: `customer ${number}`,
      active: number % 3 === 0,
      balance: number / 7,
      since: 1.7e12 + number,
      address: { street: letters.slice(number % 26, (number % 26) + 30), zip: number % 100_000 },
      tags: ['new', `group ${number % 50}`],
      note: letters.slice(number % 26, (number % 26) + (number % 400)),
    };
  },
  strings: (number) => `${number} ${letters.slice(number % 26, (number % 26) + (number % 4000))}`,
  buffers: (number) => Buffer.alloc(20 + (number % 8000), number),
};

function payloadBytes(value) {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length;
  return 150 + value.note.length;
}

const [maxMemoryMiB, kind] = process.argv.slice(2);
const make = kinds[kind];
const maxMemory = Number(maxMemoryMiB) * MIB;
if (!(maxMemory > 0) || make === undefined)
  throw new Error('usage: bounded-heap.mjs maxMemoryMiB records|strings|buffers');

const rssAtStart = process.memoryUsage.rss();
const store = new SwapStore({ maxMemory });
let keptBytesMax = 0;
let rssMax = rssAtStart;
let heapUsedMax = 0;

function lookAtStore() {
  const { residentBytes, inFlightBytes } = store.stats();
  keptBytesMax = Math.max(keptBytesMax, residentBytes + inFlightBytes);
}
function lookAtProcess() {
  const { rss, heapUsed } = process.memoryUsage();
  rssMax = Math.max(rssMax, rss);
  heapUsedMax = Math.max(heapUsedMax, heapUsed);
}

let entries = 0;
for (let storedBytes = 0; storedBytes < TIMES_MEMORY * maxMemory; entries++) {
  const value = make(entries);
  storedBytes += payloadBytes(value);
  store.set(`key:${entries}`, value);
  if (entries % SETS_A_LOOK_AT_THE_STORE === 0) lookAtStore();
  if (entries % SETS_A_WAIT === 0) await store.ready();
  if (entries % SETS_A_LOOK_AT_THE_PROCESS === 0) lookAtProcess();
}

// A linear congruential walk: reads hit hot and cold entries alike, and the same ones in every run.
let state = 1;
function randomEntry() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state % entries;
}
let wrongValues = 0;
function verify(number, value) {
  if (!isDeepStrictEqual(value, make(number))) wrongValues++;
}
for (let read = 0; read < READS / 2; read++) {
  const number = randomEntry();
  verify(number, store.get(`key:${number}`));
  if (read % SETS_A_LOOK_AT_THE_STORE === 0) lookAtStore();
}
lookAtProcess();
for (let read = 0; read < READS / 2; read += LOADS_AT_ONCE) {
  const loads = [];
  for (let load = 0; load < LOADS_AT_ONCE; load++) {
    const number = randomEntry();
    loads.push(store.load(`key:${number}`).then((value) => verify(number, value)));
  }
  await Promise.all(loads);
  lookAtStore();
}
lookAtProcess();

const {
  residentObjects,
  swappedObjects,
  swapOuts,
  faults,
  indexBytes,
  entries: storeEntries,
} = store.stats();
if (storeEntries !== entries) wrongValues++;
await store.close();
const isBounded = keptBytesMax <= maxMemory;
console.log(
  JSON.stringify({
    kind,
    maxMemory,
    keptBytesMax,
    isBounded,
    wrongValues,
    entries,
    residentObjects,
    swappedObjects,
    swapOuts,
    faults,
    indexBytes,
    heapUsedMax,
    rssAtStart,
    rssMax,
  }),
);
process.exitCode = isBounded && wrongValues === 0 ? 0 : 1;
