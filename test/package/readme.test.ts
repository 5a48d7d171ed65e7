/** What the documents promise: each block of JavaScript runs as it stands, and prints what it says it prints. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { privateDirectory } from '../support/store.js';

const root = new URL('../..', import.meta.url).pathname;
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts,
);
const documents = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));

interface Block {
  readonly document: string;
  readonly line: number;
  readonly code: string;
}

function blocksOf(document: string): Block[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^```(?:js|javascript|mjs)\n(.*?)^```$/gms)].map((match) => ({
    document,
    line: text.slice(0, match.index).split('\n').length,
    code: match[1]!,
  }));
}

/** A project in which `swapstore` is this build, and what it is wrapped by is there, too. */
function project(): string {
  const directory = privateDirectory();
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction');
  symlinkSync(root, join(modules, 'swapstore'), 'junction');
  return directory;
}

describe('a block of code', () => {
  for (const { document, line, code } of documents.flatMap(blocksOf)) {
    it(`runs as it stands: ${document}, line ${line}`, () => {
      const directory = project();
      writeFileSync(join(directory, 'block.mjs'), code);
      const { status, stdout, stderr } = spawnSync(process.execPath, ['block.mjs'], {
        cwd: directory,
        encoding: 'utf8',
        timeout: 50_000,
      });
      expect(status, stderr).toBe(0);
      const said = [...code.matchAll(/console\.log\(.*\);? *\/\/ → (.*)$/gm)].map(([, text]) => text!);
      for (const text of said) expect(stdout.split('\n')).toContain(text);
    });
  }

  it('is there to be run', () => {
    expect(blocksOf('README.md').length).toBeGreaterThanOrEqual(9);
  });
});

describe('a command', () => {
  it('that is shown is one that there is', () => {
    for (const document of documents) {
      const text = readFileSync(join(root, document), 'utf8').replace(/^In `?bench.*$/gm, '');
      for (const [, name] of text.matchAll(/^ {4}npm run ([\w:]+)/gm))
        expect(scripts, document).toContain(name);
    }
  });
});

describe('an example', () => {
  for (const name of readdirSync(join(root, 'examples')).filter((file) => file.endsWith('.mjs'))) {
    it(`runs to its end: ${name}`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join('examples', name)], {
        cwd: root,
        encoding: 'utf8',
        timeout: 50_000,
      });
      expect(status, stderr).toBe(0);
      expect(stdout).not.toBe('');
    });
  }
});

describe('a link', () => {
  it('within the project leads to a file', () => {
    for (const document of documents) {
      const text = readFileSync(join(root, document), 'utf8');
      for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        const path = join(root, document, '..', target!);
        expect(() => readFileSync(path), `${document}: ${target}`).not.toThrow();
      }
    }
  });
});
