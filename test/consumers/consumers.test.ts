/**
 * The packed package in the hands of those who bundle it, or do not: each program starts, swaps a value out and in by a
 * thread, and says so. Where a bundler does not carry the worker, the way that the README names for it is tried, and that
 * the store goes on without threads when nobody has done anything.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const resolve = createRequire(join(here, 'package.json')).resolve;
/** Programs lie below this folder, so that they find what is installed in it. */
let work: string;

beforeAll(() => {
  work = mkdtempSync(join(here, 'work-'));
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

/** What each program does, given the class and perhaps options. */
const check = `
async function check(SwapStore, options = {}) {
  // What is compressed is for the threads, whatever a write costs.
  const store = new SwapStore({ maxMemory: 1 << 20, threads: 2, compression: 'deflate', ...options });
  const warnings = [];
  store.on('warning', ({ code }) => warnings.push(code));
  store.set('k', { text: 'x'.repeat(1000), list: new Map([[1, 'one']]) });
  const swapped = await store.swapOut('k');
  const state = store.state('k');
  const threads = store.stats().activeThreads;
  const value = await store.load('k');
  const isRight = value.text.length === 1000 && value.list.get(1) === 'one';
  await store.close();
  return { swapped, state, threads: threads > 0, isRight, warnings };
}
`;
const esm = (options = '') => `
import { SwapStore } from 'swapstore';
${check}
console.log(JSON.stringify(await check(SwapStore${options === '' ? '' : `, ${options}`})));
`;
const cjs = (options = '') => `
const { SwapStore } = require('swapstore');
${check}
check(SwapStore${options === '' ? '' : `, ${options}`}).then((result) => console.log(JSON.stringify(result)));
`;

const byThread = { swapped: true, state: 'swapped', threads: true, isRight: true, warnings: [] };
/** The worker was not found: the store says so once, and does the work itself. */
const withoutThread = { ...byThread, threads: false, warnings: ['ERR_SWAP_WORKER'] };

function folder(name: string, files: Record<string, string>): string {
  const directory = join(work, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

const asModule = { 'package.json': '{ "type": "module" }' };

function run(directory: string, ...args: string[]): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: directory,
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

function runTool(directory: string, tool: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, ...args], {
    cwd: directory,
    encoding: 'utf8',
    timeout: 170_000,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  });
  expect(status, `${stdout}\n${stderr}`).toBe(0);
}

describe('without a bundler', () => {
  it('as an ES module', () => {
    expect(run(folder('esm', { 'main.mjs': esm() }), 'main.mjs')).toEqual(byThread);
  });

  it('required from CommonJS', () => {
    expect(run(folder('cjs', { 'main.cjs': cjs() }), 'main.cjs')).toEqual(byThread);
  });
});

describe('TypeScript', () => {
  const program = `
import { type EntryState, Namespace, SwapError, SwapStore, type SwapStoreOptions, type SwapStoreStats } from 'swapstore';

interface User { readonly id: number; readonly tags: Set<string> }
const options: SwapStoreOptions = { maxMemory: 1 << 20, threads: 2, whenFull: 'evict', compression: 'deflate' };
await using store = new SwapStore<User>(options);
store.on('warning', (error: SwapError) => console.error(error.code, error.key));
store.set('a', { id: 1, tags: new Set(['x']) }, { ttl: 60_000 });
const swapped: boolean = await store.swapOut('a');
const state: EntryState | undefined = store.state('a');
const threads = store.stats().activeThreads > 0;
const user: User | undefined = await store.load('a');
const space: Namespace<number> = store.namespace<number>('counts', { ttl: 1000 });
const count: number = await space.fetch('k', (key) => key.length, { staleIfError: 500 });
const sum: number = await store.run(['a'], (one) => (one?.id ?? 0) + count);
const stats: SwapStoreStats = store.stats();
for (const [key, value] of store) console.error(key, value.tags.has('x'));
// @ts-expect-error A value of another type.
store.set('b', 'not a user');
console.log(JSON.stringify({ swapped, state, threads, isRight: user?.tags.has('x') === true && sum === 2 && stats.entries === 2, warnings: [] }));
`;
  const typescript = () => resolve('typescript/bin/tsc');
  const settings = (module: string, moduleResolution: string) =>
    JSON.stringify({
      compilerOptions: {
        module,
        moduleResolution,
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
      },
      files: ['main.mts'],
    });

  it.each([
    ['esnext', 'bundler'],
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
  ])('of module %s and resolution %s', (module, resolution) => {
    const directory = folder(`ts-${resolution}`, {
      'main.mts': program,
      'tsconfig.json': settings(module, resolution),
    });
    runTool(directory, typescript(), '-p', '.');
    expect(run(directory, 'main.mjs')).toEqual(byThread);
  });
});

describe('esbuild', () => {
  const bundle = async (directory: string, options: object): Promise<void> => {
    const { build } = await import('esbuild');
    await build({
      absWorkingDir: directory,
      bundle: true,
      platform: 'node',
      outdir: 'out',
      logLevel: 'silent',
      ...options,
    });
  };
  // Its dependency `debug` is CommonJS, which asks for the runtime's modules by require.
  const banner = {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  };

  it('with the worker as a second entry', async () => {
    const directory = folder('esbuild-entry', { ...asModule, 'main.js': esm() });
    const entryPoints = { main: 'main.js', 'io-worker': 'swapstore/io-worker' };
    await bundle(directory, { entryPoints, format: 'esm', banner });
    expect(run(directory, 'out/main.js')).toEqual(byThread);
  });

  it('with workerUrl', async () => {
    const options = "{ workerUrl: new URL(import.meta.resolve('swapstore/io-worker')) }";
    const directory = folder('esbuild-url', { ...asModule, 'main.js': esm(options) });
    await bundle(directory, { entryPoints: ['main.js'], format: 'esm', banner });
    expect(run(directory, 'out/main.js')).toEqual(byThread);
  });

  it('with nothing done: without threads, and right', async () => {
    const directory = folder('esbuild-plain', { ...asModule, 'main.js': esm() });
    await bundle(directory, { entryPoints: ['main.js'], format: 'esm', banner });
    expect(run(directory, 'out/main.js')).toEqual(withoutThread);
  });

  it('to CommonJS, with workerUrl and with nothing done', async () => {
    const options =
      "{ workerUrl: require('node:url').pathToFileURL(require.resolve('swapstore/io-worker')) }";
    const directory = folder('esbuild-cjs', { 'url.cjs': cjs(options), 'plain.cjs': cjs() });
    await bundle(directory, {
      entryPoints: ['url.cjs', 'plain.cjs'],
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
    });
    expect(run(directory, 'out/url.cjs')).toEqual(byThread);
    expect(run(directory, 'out/plain.cjs')).toEqual(withoutThread);
  });
});

describe('rollup', () => {
  it('with the worker as a second input', async () => {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const { default: commonjs } = await import('@rollup/plugin-commonjs');
    const directory = folder('rollup', { ...asModule, 'main.js': esm() });
    const bundle = await rollup({
      input: { main: join(directory, 'main.js'), 'io-worker': resolve('swapstore/io-worker') },
      plugins: [nodeResolve({ exportConditions: ['node'] }), (commonjs as unknown as () => never)()],
      onwarn: () => {},
    });
    await bundle.write({ dir: join(directory, 'out'), format: 'es', chunkFileNames: '[name].js' });
    expect(run(directory, 'out/main.js')).toEqual(byThread);
  });
});

describe('vite, for the server', () => {
  const build = async (directory: string, ssr: object): Promise<void> => {
    const vite = await import('vite');
    await vite.build({
      root: directory,
      logLevel: 'silent',
      configFile: false,
      ssr,
      build: { ssr: 'main.js', outDir: 'out', target: 'node20' },
    });
  };

  it('as it comes, which leaves packages where they are', async () => {
    const directory = folder('vite', { ...asModule, 'main.js': esm() });
    await build(directory, {});
    expect(run(directory, 'out/main.js')).toEqual(byThread);
  });

  it('with the package taken in, and workerUrl', async () => {
    const options = "{ workerUrl: new URL(import.meta.resolve('swapstore/io-worker')) }";
    const directory = folder('vite-inside', { ...asModule, 'main.js': esm(options) });
    await build(directory, { noExternal: ['swapstore'] });
    expect(run(directory, 'out/main.js')).toEqual(byThread);
  });
});

describe('webpack 5', () => {
  it('follows the worker by itself', async () => {
    const { default: webpack } = await import('webpack');
    const directory = folder('webpack', { ...asModule, 'main.js': esm() });
    const stats = await new Promise<import('webpack').Stats | undefined>((done, fail) =>
      webpack(
        {
          mode: 'production',
          target: 'node20',
          context: directory,
          entry: './main.js',
          experiments: { outputModule: true },
          output: { path: join(directory, 'out'), filename: 'main.mjs', module: true },
        },
        (error, result) => (error ? fail(error) : done(result)),
      ),
    );
    expect(stats?.toString({ all: false, errors: true })).toBe('');
    expect(run(directory, 'out/main.mjs')).toEqual(byThread);
  });
});

describe('Next.js', () => {
  it('with the package left outside, as serverExternalPackages has it', async () => {
    const directory = folder('next', {
      'package.json': '{ "private": true }',
      'next.config.mjs': `export default { serverExternalPackages: ['swapstore'], turbopack: { root: ${JSON.stringify(here)} } };`,
      'app/layout.js': 'export default ({ children }) => <html><body>{children}</body></html>;',
      'app/check/route.js': `
import { SwapStore } from 'swapstore';
${check}
export const dynamic = 'force-dynamic';
export async function GET() { return Response.json(await check(SwapStore)); }`,
    });
    const next = resolve('next/dist/bin/next');
    runTool(directory, next, 'build');
    const port = await freePort();
    const server = spawn(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', String(port)], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
    });
    try {
      await new Promise<void>((ready, fail) => {
        server.stdout.on('data', (text: Buffer) => {
          if (text.includes('Ready')) ready();
        });
        server.on('exit', (code) => fail(new Error(`next start ended with ${code}`)));
      });
      const response = await fetch(`http://127.0.0.1:${port}/check`);
      expect(await response.json()).toEqual(byThread);
    } finally {
      server.kill();
    }
  });
});

function freePort(): Promise<number> {
  return new Promise((resolvePort) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolvePort(port));
    });
  });
}
