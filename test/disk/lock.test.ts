import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock } from '../../dist/disk/lock.js';
import { nodeDisk } from '../../dist/disk/node-disk.js';
import { ownIdentity } from '../../dist/disk/process-identity.js';

const run = promisify(execFile);
const lockModule = new URL('../../dist/disk/lock.js', import.meta.url).href;
const diskModule = new URL('../../dist/disk/node-disk.js', import.meta.url).href;
const imports = `import { acquireLock } from '${lockModule}'; import { nodeDisk } from '${diskModule}';`;

describe('the lock of a swap file', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lock-test-'));
    path = join(directory, 'swap');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function leaveBehind(change: Record<string, unknown> = {}): void {
    const token = '00000000-0000-4000-8000-000000000000';
    writeFileSync(`${path}.lock`, JSON.stringify({ ...ownIdentity(), token, ...change }));
  }

  it('behaviour 2: tells a second opener who holds it, and lets it in after a release', () => {
    const lock = acquireLock(nodeDisk, path);
    expect(() => acquireLock(nodeDisk, path)).toThrow(
      new RegExp(`in use by process ${process.pid} .*remove ${path}.lock`),
    );
    expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600);
    lock.release();
    lock.release();
    expect(readdirSync(directory)).toEqual([]);
    acquireLock(nodeDisk, path).release();
  });

  it('removes no lock but its own', () => {
    const lock = acquireLock(nodeDisk, path);
    leaveBehind();
    lock.release();
    expect(existsSync(`${path}.lock`)).toBe(true);
  });

  it('goes over the lock of a process that was killed', () => {
    const killed = spawnSync(process.execPath, [
      '--input-type=module',
      '-e',
      `${imports} acquireLock(nodeDisk, ${JSON.stringify(path)}); process.kill(process.pid, 'SIGKILL');`,
    ]);
    expect(killed.signal).toBe('SIGKILL');
    expect(existsSync(`${path}.lock`)).toBe(true);
    acquireLock(nodeDisk, path).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'is not mistaken about a pid that is used again, or a boot ago',
    () => {
      leaveBehind({ startTime: '1' });
      acquireLock(nodeDisk, path).release();
      leaveBehind({ boot: 'another' });
      acquireLock(nodeDisk, path).release();
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  it.each([
    ['another host', { host: 'elsewhere' }],
    ['another container', { pidNamespace: 'pid:[1]' }],
  ])('takes a holder in %s for alive', (_where, change) => {
    leaveBehind({ ...change, pid: 999_999_999 });
    expect(() => acquireLock(nodeDisk, path)).toThrow(expect.objectContaining({ code: 'ERR_SWAP_LOCKED' }));
  });

  it('breaks the right to break of a process that died while it had it', () => {
    leaveBehind({ pid: 999_999_999 });
    const right = `${path}.lock.00000000-0000-4000-8000-000000000000`;
    const dead = JSON.parse(readFileSync(`${path}.lock`, 'utf8'));
    writeFileSync(right, JSON.stringify({ ...dead, token: '00000000-0000-4000-8000-000000000001' }));
    acquireLock(nodeDisk, path).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('lets exactly one of many win that find a stale lock at once', async () => {
    leaveBehind({ pid: 999_999_999 });
    const script = `${imports}
      let won = false;
      try { acquireLock(nodeDisk, ${JSON.stringify(path)}); won = true; } catch (error) { if (error.code !== 'ERR_SWAP_LOCKED') throw error; }
      process.stdout.write(won ? 'won' : 'lost');
      if (won) process.stdin.resume();`;
    const children = Array.from({ length: 12 }, () => {
      const child = run(process.execPath, ['--input-type=module', '-e', script]);
      const said = new Promise<string>((resolve) => child.child.stdout!.once('data', resolve));
      return { child, said };
    });
    const said = await Promise.all(children.map((one) => one.said));
    expect(said.filter((word) => word === 'won')).toHaveLength(1);
    for (const { child } of children) child.child.stdin!.end();
    await Promise.all(children.map((one) => one.child));
  });
});
