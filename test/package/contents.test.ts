/** What is in the package, and that its names lead somewhere. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  scripts: Record<string, string>;
};

describe('the package', () => {
  it('holds the build, what is to be read, and nothing else', () => {
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        cwd: root,
        encoding: 'utf8',
        shell: process.platform === 'win32',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as Array<{ files: Array<{ path: string }> }>;
    const paths = packed!.files.map(({ path }) => path);
    const built = paths.filter((path) => path.startsWith('dist/'));
    expect(paths.filter((path) => !path.startsWith('dist/')).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'package.json',
    ]);
    for (const path of built) expect(path).toMatch(/\.(js|js\.map|d\.ts)$/);
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
      .map((path) => `dist/${path.replaceAll('\\', '/').replace(/\.ts$/, '.js')}`);
    expect(built.filter((path) => path.endsWith('.js')).sort()).toEqual(sources.sort());
  });

  it('has a file behind each name, and each name leads to its own module', async () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      const files = typeof target === 'string' ? [target] : [target.types, target.default];
      for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
      if (typeof target === 'string' || name === './io-worker') continue;
      expect(Object.keys(target)[0]).toBe('types');
      const specifier = `swapstore${name.slice(1)}`;
      const module = (await import(specifier)) as Record<string, unknown>;
      if (name === '.')
        expect(Object.keys(module).sort()).toEqual(['Keyspace', 'Namespace', 'SwapError', 'SwapStore']);
      else expect(typeof module.default, specifier).toBe('function');
    }
  });

  it('imports its own files, the runtime and its dependencies; an adapter its own peer, too', () => {
    const dist = join(root, 'dist');
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((path) => path.endsWith('.js'))) {
      const text = readFileSync(join(dist, file), 'utf8');
      for (const [, specifier] of text.matchAll(
        /^(?:import|export) [^'";]*?from '([^']+)'|^import '([^']+)'/gm,
      )) {
        if (specifier === undefined || specifier.startsWith('.')) continue;
        const isKnown =
          builtinModules.includes(specifier.replace(/^node:/, '')) ||
          specifier in manifest.dependencies ||
          (file.startsWith('adapters') && specifier in manifest.peerDependencies);
        expect(isKnown, `${file} imports ${specifier}`).toBe(true);
      }
    }
  });

  it('asks for no peer that one may do without', () => {
    for (const name of Object.keys(manifest.peerDependencies))
      expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
  });

  it('says in the changelog what its version has', () => {
    const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
    expect(changelog).toMatch(new RegExp(`^## \\[${manifest.version.replaceAll('.', '\\.')}\\]`, 'm'));
  });
});
