// Installs what the consumers of test/consumers use, and the package as it would be published, and runs their tests. There
// is no lock file: bundlers come with a package for each platform, of which a mirror of the registry need not have all,
// and `npm ci` wants all.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const consumers = join(root, 'test', 'consumers');
const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
const scratch = mkdtempSync(join(tmpdir(), 'swapstore-pack-'));

function run(command, args, cwd) {
  const { status, stdout } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', command === 'npm' ? 'pipe' : 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
  return stdout;
}

try {
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], root),
  );
  run('npm', ['install', '--no-package-lock', ...quiet], consumers);
  const tarball = join(scratch, packed.filename);
  run('npm', ['install', '--no-save', '--no-package-lock', ...quiet, tarball], consumers);
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.consumers.json'], root);
  run(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.consumers.config.ts'],
    root,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
