// An HTTP cache for fetch that holds more than memory does.
import { once } from 'node:events';
import { createServer } from 'node:http';
import SwapCacheStore from 'swapstore/undici';
import { Agent, interceptors, request } from 'undici';

let answered = 0;
const server = createServer((_, response) => {
  answered++;
  response.setHeader('cache-control', 'max-age=3600').end('x'.repeat(300_000));
}).listen(0, '127.0.0.1');
await once(server, 'listening');

const store = new SwapCacheStore({ maxMemory: 1024 * 1024 });
const dispatcher = new Agent().compose(interceptors.cache({ store }));
for (let round = 0; round < 2; round++) {
  for (let page = 0; page < 20; page++) {
    const { body } = await request(`http://127.0.0.1:${server.address().port}/${page}`, { dispatcher });
    if ((await body.text()).length !== 300_000) throw new Error('a page is not whole');
    await new Promise(setImmediate);
  }
}
const { residentBytes, swapIns } = store.store.stats();
console.log(answered, 'answers of the server for 40 requests;', residentBytes < 1024 * 1024, swapIns > 0);
await dispatcher.close();
await store.close();
server.close();
