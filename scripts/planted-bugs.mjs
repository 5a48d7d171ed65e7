// Does the simulation bite? Plants one bug after another into a copy of the build, and plays histories from seed 1 on
// until one fails: npm run sim:bugs [-- --only "part of a name"] [--histories 60]
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const bugs = [
  [
    'a flush does not wait for what is left of a cleared namespace',
    'pager/durability.js',
    "for (; this.#cleared.isPending; yield { kind: 'turn' })",
    "for (; false; yield { kind: 'turn' })",
  ],
  [
    'the generation of a namespace begins anew with each opening',
    'pager/keyspaces.js',
    'this.of(name).advance(generation);',
    '',
  ],
  [
    'what is left of a cleared namespace is found',
    'pager/keyspaces.js',
    'return this.dead.size > 0 && this.dead.has(prefixIn(stored));',
    'return false;',
  ],
  [
    'pages are used again before a flush says so',
    'pager/core.js',
    'this.durability.retired(slot)',
    'this.pages.release(this.table.page(slot), this.pagesOf(this.table.recordBytes(slot)))',
  ],
  [
    'pages are freed before the commit',
    'pager/durability.js',
    'this.#suspects.synced();\n            if',
    'this.#suspects.synced(); this.#free(releasing.splice(0)); if',
  ],
  [
    'the index is written before the values are synced',
    'pager/durability.js',
    "yield { kind: 'sync', fd: file.fd };\n            this.#suspects",
    'this.#suspects',
  ],
  ['the index is not synced', 'pager/durability.js', "yield { kind: 'sync', fd: this.#index.fd };", ''],
  [
    'an index that is written anew is not synced',
    'pager/index-list.js',
    "yield { kind: 'sync', fd: fresh.fd };",
    '',
  ],
  [
    'values are not synced before an index that is written anew',
    'pager/index-list.js',
    "yield { kind: 'sync', fd: file.fd };",
    '',
  ],
  [
    'the directory is not synced',
    'disk/index-file.js',
    'this.#terms.disk.syncDirectory(dirname(this.path));',
    '',
  ],
  [
    'the directory is not synced on opening',
    'disk/index-file.js',
    'disk.syncDirectory(dirname(this.path));\n        return',
    'return',
  ],
  ['the index is not synced on opening', 'disk/index-file.js', "yield { kind: 'sync', fd: index.#fd };", ';'],
  ['a torn tail is not cut off', 'disk/index-file.js', 'if (size > end.bytes)', 'if (false)'],
  ['a torn flush is believed', 'disk/index-reader.js', '|| block.first < wholeFrom', ''],
  ['deletes are not logged', 'pager/durability.js', 'this.#index.writer.delete(', 'void ('],
  ['clear is not logged', 'pager/durability.js', 'this.#index.writer.clear();', ''],
  ['shapes are not logged', 'pager/durability.js', 'this.#index.writer.shape(shape);', ''],
  ['ttl is not logged', 'disk/index-writer.js', 'expiresAtMs !== 0 ||', ''],
  ['dirty values are not written', 'pager/durability.js', 'yield* this.#checkpoint.write();', ''],
  [
    'a record of an older value is taken for this one',
    'pager/checkpoint.js',
    'table.generation(entry.slot) === written.generationBefore',
    'true',
  ],
  [
    'orphans are left out of an index that is written anew',
    'pager/durability.js',
    ': this.#orphans.get(slot);',
    ': undefined;',
  ],
  [
    'what a failed sync leaves in doubt is not written again',
    'pager/durability.js',
    'this.#suspects.clearUp((slot) => this.#doubt(slot));',
    '',
  ],
  ['slots that are in doubt outlive clear', 'pager/durability.js', 'this.#suspects.clear();', ''],
  [
    'what is in doubt is written again in the middle of another write',
    'pager/durability.js',
    'if (!this.#suspects.isEmpty)\n            return false;',
    '',
  ],
  [
    'a value leaves memory though its write failed',
    'pager/swap-out.js',
    'this.#core.residents.callBack(entry);',
    'this.#core.residents.letGo(entry);',
  ],
  [
    'pages of a failed write are freed twice',
    'pager/swap-out.js',
    'this.#forget(batch, from, to);\n        this.#undo',
    'this.#core.pages.release(batch.firstPages[from], 1); this.#undo',
  ],
  [
    'the generation of a record is not looked at',
    'pager/record-reader.js',
    'source.words[(start >>> 2) + 2] === claim.generation &&',
    '',
  ],
  [
    'the sum of a record is not looked at',
    'pager/record-reader.js',
    'fingerprint.a !== header[at + 6] || fingerprint.b !== header[at + 7]',
    'false',
  ],
  [
    'what waits to be written is in the log',
    'pager/durability.js',
    ' && !this.#core.isUnwritten(slot);',
    ';',
  ],
  [
    'what waits to be written is left out of a flush',
    'pager/durability.js',
    'const failure = this.#core.behind?.write();',
    'const failure = undefined;',
  ],
  [
    'values go the short way during a flush',
    'pager/write-behind.js',
    ' || this.#core.durability?.isFlushing)',
    ')',
  ],
  [
    'the pages of a record that dies before it is written are free at once',
    'pager/core.js',
    'this.behind.died(page, this.pagesOf(recordBytes));',
    'this.freePages(page, this.pagesOf(recordBytes));',
  ],
  [
    'a record that died before it was written is logged',
    'pager/write-behind.js',
    'if (isWanted)',
    'if (table.isLive(slot))',
  ],
  [
    'a buffer that could not be written is given up',
    'pager/write-behind.js',
    'this.#rest.failed();',
    'this.#release();',
  ],
  ['a waiter is forgotten', 'wait/waiter.js', 'this.resolve(this.#value);', ''],
];

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, histories: { type: 'string', default: '60' } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'planted-'));
for (const part of [
  'dist',
  'test',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'vitest.sim.config.ts',
])
  cpSync(join(root, part), join(copy, part), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
let missed = 0;
for (const [name, file, from, to] of bugs.filter(([one]) => one.includes(values.only))) {
  const path = join(copy, 'dist', file);
  const sound = readFileSync(path, 'utf8');
  if (!sound.includes(from)) throw new Error(`${name}: ${file} no longer says what the bug is planted into`);
  writeFileSync(
    path,
    sound.replace(from, () => to),
  );
  const env = { ...process.env, SIM_SEED: '1', SIM_HISTORIES: values.histories };
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const run = spawnSync(process.execPath, [vitest, 'run', '--config', 'vitest.sim.config.ts'], {
    cwd: copy,
    env,
    encoding: 'utf8',
    timeout: 300_000,
  });
  writeFileSync(path, sound);
  const after = /failed after (\d+) histories/.exec(run.stdout)?.[1];
  const left = /"steps":\[([\d,]*)\]/.exec(run.stdout + run.stderr)?.[1];
  const found =
    after === undefined
      ? run.status === 0
        ? 'MISSED'
        : 'found, by an error or a time-out'
      : `found after ${after} histories`;
  if (run.status === 0) missed++;
  console.log(`${name}: ${found}${left === undefined ? '' : `, shrunk to ${left.split(',').length} steps`}`);
  if (process.env.SHOW_FOUND) console.log(/\{"seed".*\}/.exec(run.stdout + run.stderr)?.[0]);
}
rmSync(copy, { recursive: true });
console.log(`${missed} missed`);
process.exitCode = missed === 0 ? 0 : 1;
