// Sessions of an express app in one file: they survive a restart, and only those in use are in memory.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import session from 'express-session';
import SwapSessionStore from 'swapstore/express-session';

const directory = mkdtempSync(join(tmpdir(), 'swapstore-example-'));
const store = new SwapSessionStore({ path: join(directory, 'sessions'), persist: true });

const app = express();
app.use(
  session({
    store,
    secret: 'keyboard cat',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 3_600_000 },
  }),
);
app.get('/', (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1;
  response.send(`visit ${request.session.visits}`);
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${server.address().port}/`;
let cookie = '';
for (let visit = 0; visit < 3; visit++) {
  const response = await fetch(url, { headers: { cookie } });
  cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
  console.log(await response.text());
}
server.closeAllConnections();
server.close();
await store.close();
rmSync(directory, { recursive: true });
