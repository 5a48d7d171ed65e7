/** What a store does to the process around it: each in a child of its own, as a user would run it. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;

describe('the process around a store', () => {
  let temporary: string;
  beforeEach(() => {
    temporary = mkdtempSync(join(tmpdir(), 'swapstore-test-'));
  });
  afterEach(() => rmSync(temporary, { recursive: true }));

  function run(script: string, ...flags: string[]): SpawnSyncReturns<string> {
    return spawnSync(process.execPath, [...flags, '-e', script], {
      cwd: root,
      env: { ...process.env, TMPDIR: temporary },
      encoding: 'utf8',
      timeout: 50_000,
    });
  }

  const esm = '--input-type=module';

  it('ends by itself though a store was never closed, and leaves no file', () => {
    const child = run(
      `import { SwapStore } from 'swapstore';
       const store = new SwapStore({ maxMemory: 100_000, ttl: 1e6, compression: 'deflate' });
       for (let index = 0; index < 2000; index++) { store.set('key:' + index, 'x'.repeat(500)); if (index % 50 === 0) await store.ready(); }
       console.log(await store.load('key:1') === 'x'.repeat(500), store.stats().activeThreads > 0);`,
      esm,
    );
    expect([child.status, child.stdout.trim(), child.stderr]).toEqual([0, 'true true', '']);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('may forbid threads: the store says so once, and does their work itself', () => {
    const major = Number(process.versions.node.split('.')[0]);
    const child = run(
      `import { SwapStore } from 'swapstore';
       const store = new SwapStore({ maxMemory: 100_000, compression: 'deflate' });
       const warnings = [];
       store.on('warning', ({ code }) => warnings.push(code));
       for (let index = 0; index < 500; index++) { store.set('key:' + index, 'x'.repeat(500)); if (index % 50 === 0) await store.ready(); }
       console.log(await store.swapOut('key:499'), store.get('key:1').length, store.stats().activeThreads, warnings.join());
       await store.close();`,
      major < 23 ? '--experimental-permission' : '--permission',
      '--allow-fs-read=*',
      '--allow-fs-write=*',
      '--no-warnings',
      esm,
    );
    expect([child.status, child.stdout.trim(), child.stderr]).toEqual([0, 'true 500 0 ERR_SWAP_WORKER', '']);
  });

  it('may exit with jobs in flight', () => {
    const child = run(
      `import { SwapStore } from 'swapstore';
       const store = new SwapStore({ maxMemory: 16_000_000, compression: 'deflate' });
       for (let index = 0; index < 2000; index++) store.set('key:' + index, 'x'.repeat(2000));
       // What is compressed is for the threads, whatever writes cost.
       for (let index = 0; index < 8; index++) store.swapOut('key:' + index);
       const busy = store.stats().inFlightBytes > 0;
       setImmediate(() => process.exit(busy ? 7 : 8));`,
      esm,
    );
    expect([child.status, child.signal, child.stderr]).toEqual([7, null, '']);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('keeps running while somebody waits, and no longer', () => {
    const child = run(
      `import { SwapStore } from 'swapstore';
       const store = new SwapStore({ maxMemory: 1_000_000 });
       store.set('a', { n: 1 });
       store.swapOut('a').then((swapped) => { console.log(swapped); return store.load('a'); }).then(console.log);`,
      esm,
    );
    expect([child.status, child.stdout]).toEqual([0, 'true\n{ n: 1 }\n']);
  });

  it('can require the package from CommonJS, where that needs no flag', () => {
    const child = run(
      `const { SwapStore } = require('swapstore');
       const store = new SwapStore({ threads: 1 });
       store.set('a', [1, 2, 3]);
       store.swapOutSync('a');
       console.log(store.state('a'), store.get('a'));
       store.closeSync();`,
      '--disable-warning=ExperimentalWarning',
    );
    expect([child.status, child.stdout, child.stderr]).toEqual([0, 'swapped [ 1, 2, 3 ]\n', '']);
  });

  it('goes on without threads, with one warning, where the worker file is missing', () => {
    const child = run(
      `import { SwapStore } from 'swapstore';
       const store = new SwapStore({ maxMemory: 100_000, compression: 'deflate', workerUrl: new URL('file:///nowhere/io-worker.js') });
       let warnings = 0;
       store.on('warning', (error) => { warnings++; if (error.code !== 'ERR_SWAP_WORKER') throw error; });
       for (let index = 0; index < 1000; index++) { store.set('key:' + index, 'x'.repeat(500)); await store.ready(); }
       for (let index = 0; index < 1000; index++) if (await store.load('key:' + index) !== 'x'.repeat(500)) throw new Error(index);
       await store.close();
       console.log(warnings);`,
      esm,
    );
    expect([child.status, child.stdout.trim(), child.stderr]).toEqual([0, '1', '']);
  });

  it('stays within its heap with twenty times as much stored as memory is allowed', () => {
    const child = run(
      `import { SwapStore } from 'swapstore';
       const maxMemory = 16 * 1024 * 1024;
       const store = new SwapStore({ maxMemory });
       let most = 0;
       const value = (index) => ({ index, text: ('value ' + index + ' ').repeat(60), list: [index, index + 1] });
       let stored = 0;
       for (let index = 0; stored < 20 * maxMemory; index++) {
         store.set('key:' + index, value(index));
         stored += 1000;
         const { residentBytes, inFlightBytes } = index % 64 === 0 ? store.stats() : { residentBytes: 0, inFlightBytes: 0 };
         most = Math.max(most, residentBytes + inFlightBytes);
         if (index % 256 === 0) await store.ready();
       }
       for (let index = 0; index < 3000; index++) {
         const wanted = (index * 7919) % store.size;
         if (JSON.stringify(store.get('key:' + wanted)) !== JSON.stringify(value(wanted))) throw new Error('wrong ' + wanted);
       }
       console.log(most <= maxMemory, store.size > 300_000);`,
      esm,
      `--max-old-space-size=${Math.ceil(1.3 * 16 + 64)}`,
    );
    expect([child.status, child.stdout.trim(), child.stderr]).toEqual([0, 'true true', '']);
  });
});
