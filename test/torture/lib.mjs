// What the scenarios share.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const exercise = fileURLToPath(new URL('exercise.mjs', import.meta.url));

/** Exercises a store in another process, under limits of the shell's if any; throws when it found something wrong. */
export function exerciseStore(work, limits = '') {
  const command = `${limits === '' ? '' : `${limits} && `}exec "$0" "$@"`;
  const child = spawnSync('sh', ['-c', command, process.execPath, exercise, JSON.stringify(work)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (child.status !== 0) throw new Error(`status ${child.status}, signal ${child.signal}: ${child.stderr}`);
  return JSON.parse(child.stdout);
}

export function demand(condition, what) {
  if (!condition) throw new Error(what);
}

/** Each key is there with a version that is not older than the flushed one, nor newer than the latest. */
export function demandDurable(store, { durable, latest }) {
  for (const [key, last] of Object.entries(latest)) {
    const version = store.peek(key)?.version;
    const flushed = durable[key];
    demand(version === undefined ? flushed === undefined : version <= last, `${key}: ${version}`);
    if (flushed !== undefined) demand(version >= flushed, `${key} is ${version}, and ${flushed} was flushed`);
  }
}
