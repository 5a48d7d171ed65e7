// Sets numbered values in a persistent store, and says on stdout which of them a flush has promised to keep.
import { writeSync } from 'node:fs';
import { SwapStore } from '../../dist/index.js';

const [path, first] = process.argv.slice(2);
const keyCount = 50;
const store = await SwapStore.open({
  path,
  persist: true,
  maxMemory: 32_768,
  maxSwap: 2 ** 22,
  flushIntervalMs: 5,
});
for (let number = Number(first); ; number++) {
  store.set(`key:${number % keyCount}`, { number, text: `${number} `.repeat(number % 97) });
  if (number % 20 !== 0) continue;
  await store.flush();
  writeSync(1, `${number}\n`);
}
