// Keyv, and with it cache-manager and cacheable, on a cache that is larger than memory.
import Keyv from 'keyv';
import KeyvSwapStore from 'swapstore/keyv';

const store = new KeyvSwapStore({ maxMemory: 1024 * 1024 });
const keyv = new Keyv({ store, namespace: 'pages', ttl: 60_000 });

for (let page = 0; page < 5_000; page++) await keyv.set(`page:${page}`, { page, html: '<p>'.repeat(200) });
let characters = 0;
for (let page = 0; page < 5_000; page += 50) characters += (await keyv.get(`page:${page}`)).html.length;
console.log('100 pages have', characters, 'characters');

const { entries, residentObjects, swapIns } = store.store.stats();
console.log(entries, 'pages,', residentObjects, 'in memory,', swapIns, 'read back');
await keyv.clear();
await keyv.disconnect();
