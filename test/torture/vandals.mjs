// Somebody deletes, cuts off or overwrites the swap file of a running store.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, statSync, truncateSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SwapStore } from '../../dist/index.js';
import { demand } from './lib.mjs';

export const name = 'a swap file that is deleted, cut off, overwritten';

export function cannot() {}

function overwrite(path) {
  const { size } = statSync(path);
  const fd = openSync(path, 'r+');
  writeSync(fd, randomBytes(size - 4096), 0, size - 4096, 4096);
  closeSync(fd);
}

export async function run({ directory }) {
  const said = [];
  const deeds = {
    deleted: unlinkSync,
    'cut off': (path) => truncateSync(path, 100_000),
    emptied: (path) => truncateSync(path, 0),
    overwritten: overwrite,
    replaced: (path) => {
      unlinkSync(path);
      writeFileSync(path, 'not a store');
    },
  };
  for (const [deed, vandalize] of Object.entries(deeds)) {
    if (process.platform === 'win32' && (deed === 'deleted' || deed === 'replaced')) continue;
    for (const threads of [0, 2]) {
      const path = join(directory, `vandal-${deed.replace(' ', '-')}-${threads}`);
      const store = new SwapStore({ path, threads, maxMemory: 100_000, maxSwap: 2 ** 24 });
      store.on('warning', () => {});
      const valueAt = (index) => ({ index, text: `${index} `.repeat(200) });
      for (let index = 0; index < 1000; index++) {
        store.set(`key:${index}`, valueAt(index));
        if (index % 50 === 0) await store.ready();
      }
      await store.drain();
      vandalize(path);
      let damaged = 0;
      for (let index = 0; index < 1000; index++) {
        try {
          const value = index % 2 === 0 ? store.get(`key:${index}`) : await store.load(`key:${index}`);
          demand(JSON.stringify(value) === JSON.stringify(valueAt(index)), `key:${index} is wrong`);
        } catch (error) {
          demand(error.code === 'ERR_SWAP_CORRUPT', `${deed}: ${error.stack}`);
          damaged++;
        }
      }
      // The store goes on: what is set now is there.
      for (let index = 0; index < 1000; index++) store.set(`key:${index}`, valueAt(-index));
      for (let index = 0; index < 1000; index++)
        demand(store.get(`key:${index}`)?.index === -index, `key:${index} is wrong after it was set again`);
      await store.close();
      if (threads === 2) said.push(`${deed}: ${damaged}`);
    }
  }
  return `of 1,000 damaged: ${said.join(', ')}; no wrong value`;
}
