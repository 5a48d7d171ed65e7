// The figures of a store at /metrics, for Prometheus to scrape.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { register } from 'prom-client';
import { SwapStore } from 'swapstore';
import registerMetrics from 'swapstore/prometheus';

const store = new SwapStore({ maxMemory: 1024 * 1024 });
registerMetrics(store, { name: 'pages' });

const server = createServer(async (_, response) => {
  response.setHeader('content-type', register.contentType).end(await register.metrics());
}).listen(0, '127.0.0.1');
await once(server, 'listening');

for (let page = 0; page < 3_000; page++) store.set(`page:${page}`, '<p>'.repeat(500));
for (let page = 0; page < 3_000; page += 10) store.get(`page:${page}`);

const scrape = await (await fetch(`http://127.0.0.1:${server.address().port}/metrics`)).text();
console.log(
  scrape
    .split('\n')
    .filter((line) => /resident_bytes|faults|swap_in_seconds_count/.test(line))
    .join('\n'),
);
server.closeAllConnections();
server.close();
await store.close();
