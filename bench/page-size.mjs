// Which page size should be the default: what each costs in bytes written and in time, for records of several sizes,
// in a store that holds a tenth of them in memory. Run after `npm run build`: node bench/page-size.mjs
import Table from 'cli-table3';
import { SwapStore } from '../dist/index.js';

const runs = 5;
const dataBytes = 16 * 1024 * 1024;

function median(numbers) {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1];
}

/** One store filled and read at random: bytes written for a byte of data, us a set, us a get. */
async function measure(pageSize, valueBytes) {
  const count = Math.floor(dataBytes / valueBytes);
  const store = new SwapStore({ pageSize, maxMemory: Math.floor(dataBytes / 10), threads: 2 });
  let began = performance.now();
  for (let index = 0; index < count; index++) {
    store.set(`key:${index}`, Buffer.alloc(valueBytes, index));
    if (index % 256 === 0) await store.ready();
  }
  await store.drain();
  const setUs = ((performance.now() - began) * 1000) / count;
  const { bytesWritten, swapOuts } = store.stats();
  began = performance.now();
  for (let index = 0; index < 20_000; index++) store.peek(`key:${(index * 7919) % count}`);
  const peekUs = (performance.now() - began) / 20;
  await store.close();
  return { ratio: bytesWritten / (swapOuts * valueBytes), setUs, peekUs };
}

const table = new Table({ head: ['page size', 'value', 'written / data', 'set, us', 'peek, us'] });
for (const valueBytes of [100, 400, 1000, 4000, 16_000]) {
  for (const pageSize of [64, 128, 256, 512, 4096]) {
    const results = [];
    for (let run = 0; run < runs; run++) results.push(await measure(pageSize, valueBytes));
    const of = (name) => median(results.map((result) => result[name])).toFixed(2);
    table.push([pageSize, valueBytes, of('ratio'), of('setUs'), of('peekUs')]);
  }
}
console.log(table.toString());
