// Fifty processes want one path whose owner is dead: exactly one at a time has it, and in the end all have had it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { demand } from './lib.mjs';

export const name = 'fifty processes at a stale lock';

export function cannot() {}

const dead = (dist, path) => `
  const { SwapStore } = await import(${JSON.stringify(dist)});
  new SwapStore({ path: ${JSON.stringify(path)}, persist: true }).set('a', 1);
  process.kill(process.pid, 'SIGKILL');
`;
// Waits for the shot, some longer than others; says whether it has the store, and keeps it until it is told to end.
const racer = (dist, path, delayMs) => `
  const { SwapStore } = await import(${JSON.stringify(dist)});
  process.send('ready');
  process.once('message', () => setTimeout(() => {
    let store;
    try {
      store = new SwapStore({ path: ${JSON.stringify(path)}, persist: true });
    } catch (error) {
      process.send(error.code);
    }
    if (store !== undefined) process.send('won');
    process.once('message', () => { store?.closeSync(); process.disconnect(); });
  }, ${delayMs}));
`;

export async function run({ directory, dist, short }) {
  const rounds = short ? 1 : 10;
  const count = 50;
  for (let round = 0; round < rounds; round++) {
    const path = join(directory, `race-${round}`);
    spawnSync(process.execPath, ['--input-type=module', '-e', dead(dist, path)]);
    demand(existsSync(`${path}.lock`), 'there is no stale lock');
    const children = Array.from({ length: count }, (_, index) =>
      spawn(
        process.execPath,
        ['--input-type=module', '-e', racer(dist, path, index % 5 === 0 ? index * 20 : 0)],
        {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        },
      ),
    );
    const exits = children.map((child) => once(child, 'exit'));
    await Promise.all(children.map((child) => once(child, 'message')));
    const answers = children.map((child) => once(child, 'message'));
    for (const child of children) child.send('go');
    const said = (await Promise.all(answers)).map(([answer]) => answer);
    for (const child of children) child.send('end');
    await Promise.all(exits);
    const winners = said.filter((answer) => answer === 'won').length;
    demand(winners === 1, `${winners} have won: ${said.join(' ')}`);
    demand(
      said.every((answer) => answer === 'won' || answer === 'ERR_SWAP_LOCKED'),
      said.join(' '),
    );
    demand(!existsSync(`${path}.lock`), 'a lock was left behind');
  }
  return `${rounds} rounds, one winner each`;
}
