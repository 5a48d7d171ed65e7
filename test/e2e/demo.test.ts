// The demo as a person runs it: a process of its own, over trees that are ordinary, odd, empty or not there at all.
// What no tree can provoke, a wrong value, is shown to the demo's checker directly.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface FileRecord {
  path: string;
  size: number;
  offset: number;
  times: { modified: Date; changed: Date; created: Date };
  content: unknown;
  digest: string;
}
interface Tally {
  unreadableCount: number;
  firstReason: string;
  specialCount: number;
}
interface Checker {
  rightCount: number;
  wrongCount: number;
  firstWrong: string;
  check(key: string, value: unknown): void;
}

const demo = new URL('../../examples/demo/', import.meta.url);
const part = <T>(name: string): Promise<T> => import(new URL(name, demo).href);
const { PART_BYTES, digestOf, keyOf, readRecords } = await part<{
  PART_BYTES: number;
  digestOf(record: Omit<FileRecord, 'digest'>): string;
  keyOf(record: FileRecord): string;
  readRecords(
    root: string,
    path: string,
    tally: Tally,
  ): AsyncIterable<{ record: FileRecord; byteCount: number }>;
}>('record.mjs');
const { Tally, walk } = await part<{
  Tally: new () => Tally;
  walk(root: string, tally: Tally): AsyncIterable<string>;
}>('walk.mjs');
const { Checker } = await part<{ Checker: new () => Checker }>('check.mjs');
const { seededRandom, shuffled, zipfRanks } = await part<{
  seededRandom(seed: number): () => number;
  shuffled(keys: readonly string[], random: () => number): string[];
  zipfRanks(count: number, exponent: number, random: () => number): () => number;
}>('zipf.mjs');

const scratch = mkdtempSync(join(tmpdir(), 'swapstore-demo-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = fileURLToPath(new URL('index.mjs', demo));
  const env = { ...process.env, CI: 'true', NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function directory(name: string): string {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  return path;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = [];
  for await (const item of items) result.push(item);
  return result;
}

describe('the demo', () => {
  it('serves a tree larger than its memory and finds every value right', async () => {
    const root = directory('plain');
    for (let i = 0; i < 100; i++) writeFileSync(join(root, `${i}.bin`), Buffer.alloc(100_000 + i, i));
    mkdirSync(join(root, 'deep', 'er'), { recursive: true });
    writeFileSync(join(root, 'deep', 'er', 'big.bin'), Buffer.alloc(3 * PART_BYTES + 1, 7));
    writeFileSync(join(root, 'deep', 'object.json'), '{"b":[1,null,"x"],"a":{"__proto__":1,"10":-0}}');
    writeFileSync(join(root, 'deep', 'broken.json'), '{"b":');
    writeFileSync(join(root, 'deep', 'none'), '');
    const { code, stdout, stderr } = await run(root, '--reads', '3000');
    expect(stderr).toContain('Loading 100%');
    expect(stderr).toContain('Serving 100%');
    expect(stdout).toMatch(/Data stored +│ 9\.9 MiB: 107 values from 104 files/);
    expect(stdout).toMatch(/Memory used +│ \d\.\d MiB at most, of the 8\.0 MiB allowed/);
    expect(stdout).toMatch(/Wrong values +│ 0 /);
    expect(stdout).toContain('All 3,000 values that came back were right.');
    expect(stdout).not.toMatch(/Unreadable|Passed over|Warnings|Stopped early/);
    expect(code).toBe(0);
  });

  it('reports in 80 columns', async () => {
    const root = directory('narrow');
    writeFileSync(join(root, 'one'), 'one');
    const { stdout } = await run(root, '--reads', '10');
    const tableLines = stdout.split('\n').filter((line) => /^[┌├│└]/.test(line));
    expect(tableLines.length).toBeGreaterThan(20);
    expect(new Set(tableLines.map((line) => line.length))).toEqual(new Set([80]));
  });

  it('has a friendly report for an empty directory', async () => {
    const { code, stdout, stderr } = await run(directory('empty'));
    expect(stderr).not.toMatch(/NaN|Infinity|undefined/);
    expect(stdout).toMatch(/Data stored +│ 0\.0 MiB: 0 values from 0 files/);
    expect(stdout).toContain('Nothing was read, so there was nothing to check.');
    expect(stdout).not.toMatch(/NaN|Infinity|undefined/);
    expect(code).toBe(0);
  });

  it.each([
    ['a directory that is not there', [join(scratch, 'missing')], /cannot read .*missing.*ENOENT/],
    ['a file in place of a directory', [fileURLToPath(import.meta.url)], /not a directory/],
    ['two directories', ['one', 'two'], /one directory at a time/],
    ['a number of reads that is none', ['--reads', 'many'], /--reads takes a whole number, not 'many'/],
    ['an option it does not have', ['--fast'], /--fast/],
  ])('refuses %s with exit code 2', async (_what, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('Usage:');
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, stdout } = await run('--help');
    expect(stdout).toContain('Usage: npm run demo');
    expect(code).toBe(0);
  });
});

describe.skipIf(process.platform === 'win32')('the demo over a tree with odd things in it', () => {
  let root = '';
  beforeAll(() => {
    root = directory('odd');
    writeFileSync(join(root, 'file'), 'content');
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    symlinkSync(root, join(root, 'loop'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
  });

  it('passes links and pipes over and serves the rest', async () => {
    const { code, stdout } = await run(root, '--reads', '100');
    expect(stdout).toMatch(/Data stored +│ 0\.0 MiB: 1 value from 1 file/);
    expect(stdout).toMatch(/Passed over +│ 3 that are no plain files/);
    expect(code).toBe(0);
  });

  it('neither follows a link nor waits for a pipe that took the place of a file', async () => {
    const tally = new Tally();
    expect(await collect(readRecords(root, 'pipe', tally))).toEqual([]);
    expect(tally).toMatchObject({ specialCount: 1, unreadableCount: 0 });
    expect(await collect(readRecords(root, 'loop', tally))).toEqual([]);
    expect(tally).toMatchObject({ specialCount: 1, unreadableCount: 1 });
  });
});

describe('the walk of a tree', () => {
  it('counts what vanishes meanwhile, keeps the first reason, and goes on', async () => {
    const root = directory('vanishing');
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'file'), name);
    }
    const tally = new Tally();
    const found: string[] = [];
    for await (const path of walk(root, tally)) {
      found.push(path);
      // One directory is left while the other two, listed already and still to visit, go away.
      for (const name of ['a', 'b', 'c']) {
        if (!path.startsWith(name)) rmSync(join(root, name), { recursive: true, force: true });
      }
    }
    expect(found).toHaveLength(1);
    expect(tally.unreadableCount).toBe(2);
    expect(tally.firstReason).toMatch(/ENOENT/);
  });

  it('does not overflow the stack in a deep tree', async () => {
    // As deep as a path may be on every system, and one file at the end.
    const names = Array.from({ length: 80 }, () => 'd');
    const path = [...names, 'leaf'].join('/');
    mkdirSync(join(directory('deep'), ...names), { recursive: true });
    writeFileSync(join(scratch, 'deep', path), '');
    expect(await collect(walk(join(scratch, 'deep'), new Tally()))).toEqual([path]);
  });
});

describe('the records of a file', () => {
  it('cover every byte of a large file in parts, each under a key of its own', async () => {
    const content = Buffer.from(Array.from({ length: 2 * PART_BYTES + 5 }, (_, i) => i % 251));
    const root = directory('parts');
    writeFileSync(join(root, 'big.json'), content);
    const records = await collect(readRecords(root, 'big.json', new Tally()));
    expect(records.map(({ record }) => keyOf(record))).toEqual(['big.json/#0', 'big.json/#1', 'big.json/#2']);
    expect(records.map(({ byteCount }) => byteCount)).toEqual([PART_BYTES, PART_BYTES, 5]);
    const joined = Buffer.concat(records.map(({ record }) => record.content as Buffer));
    expect(joined.equals(content)).toBe(true);
  });

  it('end early, and without a fault, when the file is cut short meanwhile', async () => {
    const root = directory('shrinking');
    writeFileSync(join(root, 'log'), Buffer.alloc(3 * PART_BYTES));
    const sizes: number[] = [];
    const tally = new Tally();
    for await (const { byteCount } of readRecords(root, 'log', tally)) {
      sizes.push(byteCount);
      writeFileSync(join(root, 'log'), Buffer.alloc(PART_BYTES + 10));
    }
    expect(sizes).toEqual([PART_BYTES, 10]);
    expect(tally.unreadableCount).toBe(0);
  });

  it('are none, and the reason is kept, when the file is gone', async () => {
    const tally = new Tally();
    expect(await collect(readRecords(scratch, 'gone', tally))).toEqual([]);
    expect(tally).toMatchObject({ unreadableCount: 1, firstReason: expect.stringMatching(/ENOENT/) });
  });
});

describe('the check of a value', () => {
  const unsigned = {
    path: 'a/b.json',
    size: 9,
    offset: 0,
    times: { modified: new Date(1), changed: new Date(2), created: new Date(3) },
    content: { x: 1, y: [2] } as unknown,
  };
  const record = { ...unsigned, digest: digestOf(unsigned) };
  const bytes = { ...unsigned, content: Buffer.from('bytes') };
  const bytesRecord = { ...bytes, digest: digestOf(bytes) };

  it('lets a right value pass', () => {
    const checker = new Checker();
    checker.check('a/b.json', structuredClone(record));
    checker.check('a/b.json', bytesRecord);
    expect(checker).toMatchObject({ rightCount: 2, wrongCount: 0, firstWrong: '' });
  });

  it.each<[string, unknown, RegExp]>([
    ['is missing', undefined, /nothing came back/],
    ['belongs to another key', { ...record, path: 'a/c.json' }, /another key came back, a\/c\.json/],
    ['has another content', { ...record, content: { x: 1, y: [3] } }, /differs from its digest/],
    ['has its keys in another order', { ...record, content: { y: [2], x: 1 } }, /differs from its digest/],
    ['differs in a time', { ...record, times: { ...record.times, changed: new Date(9) } }, /differs/],
    ['is no Buffer any more', { ...bytesRecord, content: new Uint8Array(bytes.content) }, /differs/],
    ['differs in one bit', { ...bytesRecord, content: Buffer.from('bytez') }, /differs from its digest/],
    ['is no record', 'text', /another key|not a record/],
    ['is null', null, /not a record/],
  ])('counts a value that %s, and names its key', (_what, value, reason) => {
    const checker = new Checker();
    checker.check('a/b.json', value);
    checker.check('other', undefined);
    expect(checker).toMatchObject({ rightCount: 0, wrongCount: 2 });
    expect(checker.firstWrong).toMatch(/^a\/b\.json: /);
    expect(checker.firstWrong).toMatch(reason);
  });
});

describe('the choice of keys', () => {
  it('follows the law of Zipf', () => {
    const count = 1000;
    const drawCount = 2_000_000;
    const next = zipfRanks(count, 0.99, seededRandom(1));
    const seen = new Float64Array(count);
    for (let i = 0; i < drawCount; i++) seen[next()]!++;
    const weights = Array.from({ length: count }, (_, i) => (i + 1) ** -0.99);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const rank of [0, 1, 2, 9, 99, 999]) {
      const expected = (weights[rank]! / total) * drawCount;
      // Five standard deviations: a sampler that is right passes with this seed and almost any other.
      expect(Math.abs(seen[rank]! - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  it('has only one choice among one', () => {
    const next = zipfRanks(1, 0.99, seededRandom(2));
    expect(new Set(Array.from({ length: 100 }, next))).toEqual(new Set([0]));
  });

  it('is the same for the same seed, in whatever order the keys were found', () => {
    const keys = Array.from({ length: 50 }, (_, i) => `key ${i}`);
    const one = shuffled(keys, seededRandom(3));
    const other = shuffled([...keys].reverse(), seededRandom(3));
    expect(one).toEqual(other);
    expect(one).not.toEqual(keys);
    expect([...one].sort()).toEqual([...keys].sort());
  });
});
