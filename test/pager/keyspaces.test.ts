/** What a crash in the middle of taking out a cleared keyspace leaves in the table of keys. */
import { expect, it } from 'vitest';
import { prefixOf } from '../../dist/key-prefix.js';
import { PointerTable } from '../../dist/memory/pointer-table.js';
import { Keyspaces } from '../../dist/pager/keyspaces.js';

function tableOf(...keys: string[]): PointerTable {
  const table = new PointerTable(1, 2);
  for (const key of keys) table.insert(key, table.hash(key));
  return table;
}

it('takes the newest prefix of a name for the one in use, and the others for dead', () => {
  const older = prefixOf({ name: 'a', generation: 9 });
  const newer = prefixOf({ name: 'a', generation: 40 });
  const other = prefixOf({ name: 'b', generation: 3 });
  const table = tableOf('own', `${newer}k`, `${older}k`, `${older}l`, `${other}k`);
  const keyspaces = new Keyspaces(table);
  expect([...keyspaces.dead]).toEqual([older]);
  expect(keyspaces.of('a').stored('x')).toBe(`${newer}x`);
  expect(keyspaces.sizeOf(keyspaces.of('a'))).toBe(1);
  expect(keyspaces.of('b').stored('x')).toBe(`${other}x`);
  expect(keyspaces.own.stored('x')).toBe('x');
  expect(keyspaces.isDead(`${older}k`)).toBe(true);
  expect(keyspaces.isDead('own')).toBe(false);
  keyspaces.clear(keyspaces.of('a'));
  expect(keyspaces.dead).toEqual(new Set([older, newer]));
  expect(keyspaces.of('a').generation).toBe(41);
});

it('knows the own keys of a store that were set before a clear that had to leave others', () => {
  const own = prefixOf({ name: '', generation: 1 });
  const escaped = prefixOf({ name: '', generation: 0 });
  const keyspaces = new Keyspaces(tableOf('old', `${escaped}\0old`, `${own}new`));
  expect(keyspaces.dead).toEqual(new Set(['', escaped]));
  expect(keyspaces.own.stored('x')).toBe(`${own}x`);
  expect(keyspaces.sizeOf(keyspaces.own)).toBe(1);
});

it('has nothing dead in a store that was never cleared', () => {
  const escaped = prefixOf({ name: '', generation: 0 });
  const keyspaces = new Keyspaces(tableOf('k', `${escaped}\0k`));
  expect(keyspaces.dead.size).toBe(0);
  expect(keyspaces.sizeOf(keyspaces.own)).toBe(2);
});
