// A store under load in a process of its own: random calls, every value checked, errors counted. Told by a JSON argument
// what to open, what may be refused, and how many descriptors are left to the store once it is open; prints what it met, and for each key the version that was last flushed and the
// latest. Ends with 1 when a value was wrong or an error was none that was expected.
import { closeSync, openSync } from 'node:fs';
import { SwapStore } from '../../dist/index.js';
import { Xorshift } from '../../dist/memory/xorshift.js';

const {
  options,
  steps,
  allowed,
  keyCount = 300,
  valueBytes = 2000,
  descriptorsLeft,
} = JSON.parse(process.argv[2]);
const random = new Xorshift(88_172_645);
const latest = {};
const durable = {};
const refused = {};
let versions = 0;
let checked = 0;

async function attempt(action) {
  try {
    await action();
    return true;
  } catch (error) {
    if (!allowed.includes(error.code)) throw error;
    refused[error.code] = (refused[error.code] ?? 0) + 1;
    return false;
  }
}

function check(key, value) {
  checked++;
  const version = latest[key];
  const isRight =
    version === undefined
      ? value === undefined
      : value?.key === key && value.version === version && value.text === textOf(key, version);
  if (!isRight) throw new Error(`${key} is wrong: ${JSON.stringify(value)?.slice(0, 80)}`);
}

/** Opens files until no more can be had, and gives `left` of them back. */
function holdDescriptors(left) {
  const fds = [];
  try {
    for (;;) fds.push(openSync(process.execPath));
  } catch {
    for (let count = 0; count < left; count++) closeSync(fds.pop());
  }
  return fds;
}

function textOf(key, version) {
  return `${key} ${version} `.repeat(1 + ((version * 31) % Math.ceil(valueBytes / 10)));
}

const store = new SwapStore(options);
store.on('warning', () => {});
const held = descriptorsLeft === undefined ? [] : holdDescriptors(descriptorsLeft);
for (let step = 0; step < steps; step++) {
  const key = `key:${random.below(keyCount)}`;
  const what = random.below(100);
  if (what < 50) {
    const version = versions++;
    if (await attempt(() => store.set(key, { key, version, text: textOf(key, version) })))
      latest[key] = version;
  } else if (what < 80) {
    await attempt(() => check(key, store.get(key)));
  } else if (what < 97) {
    await attempt(async () => check(key, await store.load(key)));
  } else if (options.persist && (await attempt(() => store.flush()))) {
    Object.assign(durable, latest);
  }
  if (step % 64 === 0) await attempt(() => store.ready());
}
for (const fd of held) closeSync(fd);
if ((await attempt(() => store.close())) && options.persist) Object.assign(durable, latest);
console.log(JSON.stringify({ checked, refused, ioErrors: store.stats().ioErrors, durable, latest }));
