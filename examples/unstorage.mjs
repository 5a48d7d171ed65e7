// unstorage on a store that is larger than memory, and that is there again after a restart.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import swapStoreDriver from 'swapstore/unstorage';
import { createStorage } from 'unstorage';

const directory = mkdtempSync(join(tmpdir(), 'swapstore-example-'));
const open = () =>
  createStorage({
    driver: swapStoreDriver({ path: join(directory, 'items'), persist: true, maxMemory: 1024 * 1024 }),
  });

const before = open();
await before.setItem('users:1', { name: 'Ada' });
await before.setItemRaw('images:1', new Uint8Array([1, 2, 3]), { ttl: 3600 });
await before.dispose();

const after = open();
console.log(await after.getItem('users:1'), await after.getItemRaw('images:1'));
console.log(await after.getKeys('users'), await after.getMeta('images:1'));
await after.dispose();
rmSync(directory, { recursive: true });
