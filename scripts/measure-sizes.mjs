// Holds the estimates of src/memory/size-of.ts against what process.memoryUsage() shows: makes many values of a shape,
// each shape in a process of its own, and prints estimate and growth a value. Exits 1 where they are more than 30%
// apart. Run it after `npm run build`, with every version of Node that is supported.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { entryOverheadBytes, keySize, sizeOf } from '../dist/memory/size-of.js';
import { Entry } from '../dist/pager/entry.js';

const TOLERANCE = 0.3;
const SLOT_BYTES = 8;

/** Flat strings of their own: a literal is shared, a concatenation is a tree, a number's string is cached. */
const oneByte = (length, seed) => Buffer.from(`${seed}.`.padEnd(length, 'abcdefgh')).latin1Slice(0, length);
const twoByte = (length, seed) =>
  Buffer.from(`${seed}ж`.padEnd(length, 'жшщ'), 'utf16le').ucs2Slice(0, 2 * length);
const letters100 = 'x'.repeat(100);
const letters1000 = 'x'.repeat(1000);
const list = (length, make) => Array.from({ length }, (_, index) => make(index));
/** As a value comes that was received: parsed, with hidden classes that its kind shares. */
const received = (value) => JSON.parse(JSON.stringify(value));
const grown = (length, make) => {
  const array = [];
  for (let index = 0; index < length; index++) array.push(make(index));
  return array;
};
const keyed = (names, make) => {
  const object = {};
  for (const name of names) object[name] = make(name);
  return object;
};

const record = (i) => ({
  id: i,
  name: oneByte(14, i),
  email: oneByte(22, i),
  active: i % 2 === 0,
  score: i / 7,
  createdAt: 1.7e12 + i,
  city: oneByte(11, i),
  note: oneByte(60, i),
  visits: i % 1000,
  parent: null,
});
const order = (i) => ({
  id: i,
  customer: { name: oneByte(16, i), address: { street: oneByte(20, i), zip: oneByte(5, i) } },
  lines: list(4, (line) => ({ sku: oneByte(12, i * 4 + line), count: line + 1, price: line + 0.99 })),
  tags: [oneByte(6, i), oneByte(9, i)],
});
class Point {
  constructor(x, y, label) {
    this.x = x;
    this.y = y;
    this.label = label;
  }
  get length() {
    return Math.hypot(this.x, this.y);
  }
}

const entries = new Map();
const denseEntries = [];
function addEntry(key) {
  const entry = new Entry(key, undefined, 0, 0, 0);
  entries.set(key, entry);
  denseEntries.push(entry);
  return entry;
}

/**
 * How many values are made, and how. `inSlot`: the value takes no more than the place that refers to it, so that this
 * is what is measured. `estimate`: in place of sizeOf.
 */
const shapes = {
  'small integer': { count: 1_000_000, inSlot: true, make: (i) => i },
  double: { count: 200_000, make: (i) => i + 0.5 },
  'bigint, 64 bits': { count: 100_000, make: (i) => 2n ** 60n + BigInt(i) },
  'bigint, 1,000 bits': { count: 20_000, make: (i) => 2n ** 999n + BigInt(i) },
  'string, 15 x 1 byte': { count: 100_000, make: (i) => oneByte(15, i) },
  'string, 15 x 2 bytes': { count: 100_000, make: (i) => twoByte(15, i) },
  'string, 5,000 x 1 byte': { count: 4000, make: (i) => oneByte(5000, i) },
  'string, 5,000 x 2 bytes': { count: 2000, make: (i) => twoByte(5000, i) },
  'string, 300,000 x 1 byte': { count: 100, make: (i) => oneByte(300_000, i) },
  'text, one wide character': { count: 4000, make: (i) => Buffer.from(`${oneByte(999, i)}’`).utf8Slice() },
  'Buffer, 100 B of the pool': { count: 50_000, make: () => Buffer.from(letters100) },
  'Buffer, 1,000 B of the pool': { count: 20_000, make: () => Buffer.from(letters1000) },
  'Buffer, 20 B of its own': { count: 50_000, make: () => Buffer.alloc(20) },
  'Buffer, 1,000 B of its own': { count: 20_000, make: () => Buffer.alloc(1000) },
  'Buffer, 50,000 B': { count: 500, make: () => Buffer.alloc(50_000) },
  ArrayBuffer: { count: 20_000, make: () => new ArrayBuffer(300) },
  Uint8Array: { count: 20_000, make: () => new Uint8Array(200) },
  Float64Array: { count: 20_000, make: () => new Float64Array(100) },
  'view on a part': { count: 2000, make: () => new Uint16Array(new ArrayBuffer(10_000), 100, 50) },
  DataView: { count: 20_000, make: () => new DataView(new ArrayBuffer(200)) },
  'record, 5 fields': {
    count: 50_000,
    make: (i) => ({ a: i, b: i / 3, c: oneByte(12, i), d: true, e: null }),
  },
  'record, 10 fields': { count: 20_000, make: record },
  'record, 10 fields, parsed': { count: 20_000, make: (i) => received(record(i)) },
  'record, 15 integers, parsed': {
    count: 20_000,
    make: (i) => received(Object.fromEntries(list(15, (field) => [`field${field}`, i + field]))),
  },
  'record, 40 fields, parsed': {
    count: 5000,
    make: (i) => received(Object.fromEntries(list(40, (field) => [`field${field}`, oneByte(12, i)]))),
  },
  'record, grown by hand': {
    count: 20_000,
    make: (i) => keyed(['a', 'b', 'c', 'd', 'e', 'f'], () => i + 0.5),
  },
  'nested objects': { count: 10_000, make: order },
  'nested objects, parsed': { count: 10_000, make: (i) => received(order(i)) },
  'class instance': { count: 50_000, make: (i) => new Point(i, i + 0.5, oneByte(10, i)) },
  'object of 50, no prototype': {
    count: 2000,
    make: () => Object.assign(Object.create(null), Object.fromEntries(list(50, (key) => [`key${key}`, key]))),
  },
  'object of 3,000 keys, shared': {
    count: 50,
    make: (i) =>
      keyed(
        list(3000, (key) => `key${key}`),
        () => i,
      ),
  },
  'object of 3,000 keys, own': {
    count: 50,
    make: (i) =>
      keyed(
        list(3000, (key) => `${i}/${key}`),
        () => i,
      ),
  },
  'object of 100 indices': {
    count: 2000,
    make: (i) =>
      keyed(
        list(100, (key) => key),
        () => i,
      ),
  },
  'object of 1,000 sparse ids': {
    count: 100,
    make: (i) =>
      keyed(
        list(1000, (key) => 5e5 + key * 977),
        () => i,
      ),
  },
  'array of 100 integers': { count: 10_000, make: (i) => list(100, (k) => i + k) },
  'array of 100 integers, pushed': { count: 10_000, make: (i) => grown(100, (k) => i + k) },
  'array of 100 doubles': { count: 10_000, make: (i) => list(100, (k) => i + k / 3) },
  'array of 100 strings': { count: 2000, make: (i) => list(100, (k) => oneByte(12, i * 100 + k)) },
  'array of 100 records': { count: 200, make: (i) => list(100, (k) => record(i * 100 + k)) },
  'array, mixed': {
    count: 5000,
    make: (i) => list(60, (k) => (k % 3 === 0 ? oneByte(10, i) : k % 3 === 1 ? k + 0.5 : { at: k })),
  },
  'array of arrays': { count: 500, make: (i) => list(20, (k) => list(20, () => i + k + 0.5)) },
  'sparse array': {
    count: 200,
    make: (i) =>
      Object.assign(
        [],
        keyed(
          list(500, (k) => k * 3000),
          () => i,
        ),
      ),
  },
  'Map of 20': { count: 5000, make: (i) => new Map(list(20, (k) => [oneByte(10, i * 20 + k), k])) },
  'Map of 1,000 records': { count: 20, make: (i) => new Map(list(1000, (k) => [k, record(i * 1000 + k)])) },
  'Set of 50 strings': { count: 2000, make: (i) => new Set(list(50, (k) => oneByte(12, i * 50 + k))) },
  Date: { count: 100_000, make: (i) => new Date(1.7e12 + i) },
  RegExp: { count: 20_000, make: (i) => new RegExp(`^a{${i % 20}}b+$`, 'u') },
  Error: { count: 20_000, make: (i) => new RangeError(oneByte(30, i)) },
  '100,000 integers': { count: 30, make: (i) => list(100_000, (k) => i + k) },
  '100,000 doubles': { count: 30, make: (i) => list(100_000, (k) => i + k + 0.5) },
  '100,000 strings': { count: 8, make: (i) => list(100_000, (k) => oneByte(8 + (k % 24), i * 100_000 + k)) },
  '100,000 records': { count: 3, make: (i) => list(100_000, (k) => record(i * 100_000 + k)) },
  'Map of 100,000': {
    count: 8,
    make: (i) => new Map(list(100_000, (k) => [oneByte(10, i * 100_000 + k), k + 0.5])),
  },
  // 90,000 is the mean load of a table between two doublings.
  'entry of the store': {
    count: 90_000,
    make: (i) => addEntry(oneByte(20, i)),
    estimate: (entry) => entryOverheadBytes + keySize(entry.key),
  },
  'entry, key of 2 bytes': {
    count: 90_000,
    make: (i) => addEntry(twoByte(30, i)),
    estimate: (entry) => entryOverheadBytes + keySize(entry.key),
  },
  'Set of 100,000': { count: 16, make: () => new Set(list(100_000, (k) => k)) },
};

/** Buffers are swept behind the collector's back, so that one collection does not settle the figures. */
async function settledBytes() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function measure({ count, make, inSlot = false, estimate = sizeOf }) {
  const kept = new Array(count).fill(undefined);
  // Hidden classes, code and caches come first, and are not the values' own.
  for (let index = 0; index < Math.min(count, 200); index++) kept[index] = make(index);
  if (count < 200) estimate(kept[0]);
  kept.fill(undefined);
  const before = await settledBytes();
  for (let index = 0; index < count; index++) kept[index] = make(index);
  const grownBytes = (await settledBytes()) - before;
  // The estimates come after: they must not flatten or materialize what is measured.
  const samples = Math.min(count, 100);
  let estimated = 0;
  for (let sample = 0; sample < samples; sample++)
    estimated += estimate(kept[Math.floor((sample * count) / samples)]);
  return { estimated: estimated / samples, measured: inSlot ? SLOT_BYTES : grownBytes / count };
}

function measureApart(name) {
  const child = spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`measuring '${name}' failed`);
  return JSON.parse(child.stdout);
}

const [only] = process.argv.slice(2);
if (only !== undefined) {
  console.log(JSON.stringify(await measure(shapes[only])));
} else {
  const table = new Table({
    head: ['shape', 'estimate', 'measured', 'ratio', ''],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  let misses = 0;
  for (const name of Object.keys(shapes)) {
    const { estimated, measured } = measureApart(name);
    const ratio = estimated / measured;
    const isOff = Math.abs(ratio - 1) > TOLERANCE;
    if (isOff) misses++;
    table.push([name, Math.round(estimated), Math.round(measured), ratio.toFixed(2), isOff ? 'off' : '']);
  }
  console.log(`Node ${process.version}, bytes a value`);
  console.log(table.toString());
  process.exitCode = misses === 0 ? 0 : 1;
}
