// Little more than what must stand between a caller who awaits and threads that read: numbers in shared memory, a thread
// woken where one sleeps, a promise for each read. No cache, no proof of what was read, no value made of it.
import { Worker } from 'node:worker_threads';

const queueMax = 1024;
/** Words of the shared memory; the counters are apart, as threads and the main thread write them. */
const word = { head: 0, tail: 16, wake: 32, sleepers: 48, done: 64, bell: 80, stop: 96 };
const queueAt = 128;
const doneAt = queueAt + queueMax;
const positionsAt = doneAt + queueMax;
const words = positionsAt + queueMax;

const source = `
  import { openSync, readSync } from 'node:fs';
  import { parentPort, workerData } from 'node:worker_threads';
  const { control, area, path, bytes, word, queueMax, queueAt, doneAt, positionsAt } = workerData;
  const target = Buffer.from(area);
  const fd = openSync(path, 'r');
  function take() {
    for (;;) {
      const head = Atomics.load(control, word.head);
      if (head === Atomics.load(control, word.tail)) return -1;
      if (Atomics.compareExchange(control, word.head, head, head + 1) === head)
        return Atomics.load(control, queueAt + (head % queueMax));
    }
  }
  parentPort.postMessage('ready');
  while (Atomics.load(control, word.stop) === 0) {
    const job = take();
    if (job === -1) {
      const wake = Atomics.load(control, word.wake);
      Atomics.add(control, word.sleepers, 1);
      if (Atomics.load(control, word.head) === Atomics.load(control, word.tail) && Atomics.load(control, word.stop) === 0)
        Atomics.wait(control, word.wake, wake);
      Atomics.sub(control, word.sleepers, 1);
      continue;
    }
    const read = readSync(fd, target, job * bytes, bytes, Atomics.load(control, positionsAt + job) * bytes);
    if (read !== bytes) throw new Error('a read was short');
    Atomics.store(control, doneAt + (Atomics.add(control, word.done, 1) % queueMax), job + 1);
    if (Atomics.compareExchange(control, word.bell, 0, 1) === 0) parentPort.postMessage('bell');
  }`;

/** `load(position)` resolves when the `bytes` at so many times `bytes` of the file have been read. */
export async function openBarePool(path, bytes, threads) {
  const control = new Int32Array(new SharedArrayBuffer(4 * words));
  const area = new SharedArrayBuffer(bytes * threads);
  const resolvers = [];
  const free = Array.from({ length: threads }, (_, job) => job);
  let seen = 0;

  function deliver() {
    Atomics.store(control, word.bell, 0);
    for (;;) {
      const at = doneAt + (seen % queueMax);
      const job = Atomics.load(control, at) - 1;
      if (job === -1) return;
      Atomics.store(control, at, 0);
      seen++;
      free.push(job);
      resolvers[job]();
    }
  }

  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const workerData = { control, area, path, bytes, word, queueMax, queueAt, doneAt, positionsAt };
  const workers = await Promise.all(
    Array.from(
      { length: threads },
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(url, { workerData });
          worker.once('error', reject);
          worker.once('message', () => {
            worker.on('message', deliver);
            worker.on('error', (error) => {
              throw error;
            });
            resolve(worker);
          });
        }),
    ),
  );
  return {
    /** At most as many at once as there are threads. */
    load: (position) =>
      new Promise((resolve) => {
        const job = free.pop();
        resolvers[job] = resolve;
        control[positionsAt + job] = position;
        const tail = control[word.tail];
        control[queueAt + (tail % queueMax)] = job;
        Atomics.store(control, word.tail, tail + 1);
        if (Atomics.load(control, word.sleepers) === 0) return;
        Atomics.add(control, word.wake, 1);
        Atomics.notify(control, word.wake, 1);
      }),
    close: async () => {
      Atomics.store(control, word.stop, 1);
      Atomics.add(control, word.wake, 1);
      Atomics.notify(control, word.wake);
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
