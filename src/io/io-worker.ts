/**
 * An I/O thread: takes jobs until there have been none for a while, then leaves. It imports as little as it can, so
 * that it starts fast and a bundler can carry it.
 */
import { readSync, writeSync } from 'node:fs';
import { type MessagePort, workerData } from 'node:worker_threads';
import { RecordBuffer } from '../disk/record.js';
import type { SealSecret } from '../disk/seal.js';
import { Ring, Word } from './ring.js';
import { takeAndRunIn } from './run-job.js';

/** A worker costs more to start than the seed's thread, so it stays a while. */
const idleMs = 2000;

const { control, area, index, sealSecret, doorbell } = workerData as {
  control: SharedArrayBuffer;
  area: SharedArrayBuffer;
  index: number;
  sealSecret: SealSecret | undefined;
  doorbell: MessagePort;
};
const ring = new Ring(control);
const views = new RecordBuffer(area);
const disk = { read: readSync, write: writeSync };
const sealer =
  sealSecret === undefined ? undefined : new (await import('../disk/seal.js')).Sealer(sealSecret);

ring.begin(index);
for (;;) {
  while (takeAndRunIn(ring, views, disk, index, sealer)) {
    // One message for all that end before the main thread has answered it.
    if (Atomics.exchange(ring.words, Word.Doorbell, 1) === 0) doorbell.postMessage(0);
  }
  if (ring.sleep(index, idleMs) && Atomics.load(ring.words, Word.Stop) === 0) continue;
  // First gone, then a last look: the main thread queues a job first and then counts the threads, so that either it
  // sees that this one has gone, or this one sees its job.
  ring.end(index);
  if (Atomics.load(ring.words, Word.Stop) === 1 || ring.newCount === 0) break;
  ring.begin(index);
}
doorbell.close();
