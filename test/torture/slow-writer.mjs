// A writer that is much faster than its disk, and waits for it by `ready`; prints what it saw. A process of slow-device.mjs.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { SwapStore } from '../../dist/index.js';

const { path, megabytes } = JSON.parse(process.argv[2]);
const maxMemory = 4 * 2 ** 20;
const valueBytes = 4000;
const count = Math.ceil((megabytes * 1e6) / valueBytes);
const makeValue = (index) => ({ index, text: `${index}:`.padEnd(valueBytes, String(index)) });

const store = new SwapStore({ path, maxMemory, maxSwap: 2 ** 30, threads: 2 });
const delay = monitorEventLoopDelay({ resolution: 1 });
const before = process.cpuUsage();
const began = performance.now();
let usedBytesMax = 0;
let getMsMax = 0;
delay.enable();
store.set('hot', { hot: true }, { pin: true });
for (let index = 0; index < count; index++) {
  store.set(`key:${index}`, makeValue(index));
  const { residentBytes, inFlightBytes } = store.stats();
  usedBytesMax = Math.max(usedBytesMax, residentBytes + inFlightBytes);
  if (index % 16 !== 0) continue;
  await store.ready();
  const asked = performance.now();
  if (store.get('hot')?.hot !== true) throw new Error('the hot value is wrong');
  getMsMax = Math.max(getMsMax, performance.now() - asked);
}
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
delay.disable();
const writtenBytes = store.stats().bytesWritten;
let wrong = 0;
for (let index = 0; index < count; index++)
  if ((await store.load(`key:${index}`))?.text !== makeValue(index).text) wrong++;
await store.close();
const processorShare = (user + system) / 1e6 / seconds;
const delayMsMax = delay.max / 1e6;
console.log(
  JSON.stringify({
    writtenBytes,
    seconds,
    usedBytesMax,
    maxMemory,
    processorShare,
    getMsMax,
    delayMsMax,
    wrong,
  }),
);
