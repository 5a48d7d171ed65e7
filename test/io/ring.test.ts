/** The shared memory between the main thread and the I/O threads, driven by hand and by real threads. */
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { canceledJob, controlBytes, jobsMax, noJob, Ring } from '../../dist/io/ring.js';

// The layout's own numbers: the compiler leaves nothing of an enum behind.
const Word = { NewHead: 0, NewTail: 1, ProcessedHead: 2, ProcessedTail: 3, Stop: 5 } as const;
const Status = { New: 1, Processed: 3, Canceled: 4 } as const;
const Field = { Result: 10 } as const;

const freshRing = () => new Ring(new SharedArrayBuffer(controlBytes));

function submit(ring: Ring, job: number): void {
  ring.setStatus(job, Status.New);
  ring.pushNew(job);
}

describe('the ring', () => {
  it('hands new jobs out in order, each once, and takes them back in the order they ended', () => {
    const ring = freshRing();
    for (const job of [7, 3, 5]) submit(ring, job);
    expect(ring.newCount).toBe(3);
    expect([ring.takeNew(0), ring.takeNew(1), ring.takeNew(0)]).toEqual([7, 3, 5]);
    expect(ring.takeNew(0)).toBe(noJob);
    expect([ring.isWith(7, 0), ring.isWith(3, 1), ring.isWith(3, 0)]).toEqual([true, true, false]);
    ring.pushProcessed(5);
    ring.pushProcessed(7);
    expect([ring.takeProcessed(), ring.takeProcessed(), ring.takeProcessed()]).toEqual([5, 7, -1]);
  });

  it('passes a job that was cancelled while it was new straight to the processed', () => {
    const ring = freshRing();
    submit(ring, 1);
    submit(ring, 2);
    expect(ring.move(1, Status.New, Status.Canceled)).toBe(true);
    expect(ring.takeNew(0)).toBe(canceledJob);
    expect(ring.takeNew(0)).toBe(2);
    expect(ring.takeProcessed()).toBe(1);
    expect(ring.move(2, Status.New, Status.Canceled)).toBe(false);
  });

  it('holds as many jobs as there are descriptors, and comes round many times', () => {
    const ring = freshRing();
    for (let round = 0; round < 5; round++) {
      for (let job = 0; job < jobsMax; job++) submit(ring, job);
      for (let job = 0; job < jobsMax; job++) {
        expect(ring.takeNew(0)).toBe(job);
        ring.pushProcessed(job);
      }
      for (let job = 0; job < jobsMax; job++) expect(ring.takeProcessed()).toBe(job);
    }
  });

  it('goes on where its counters pass 2^31', () => {
    const ring = freshRing();
    for (const word of [Word.NewHead, Word.NewTail, Word.ProcessedHead, Word.ProcessedTail])
      ring.words[word] = 2 ** 31 - 2;
    for (let job = 0; job < 5; job++) submit(ring, job);
    expect(ring.newCount).toBe(5);
    for (let job = 0; job < 5; job++) {
      expect(ring.takeNew(0)).toBe(job);
      ring.pushProcessed(job);
    }
    for (let job = 0; job < 5; job++) expect(ring.takeProcessed()).toBe(job);
  });

  it('stops at a place that was reserved and is not filled yet', () => {
    const ring = freshRing();
    // A thread has reserved the first place and stopped; another has filled the second.
    Atomics.add(ring.words, Word.ProcessedTail, 1);
    ring.pushProcessed(9);
    expect(ring.takeProcessed()).toBe(-1);
  });

  it('keeps positions of 53 bits, and texts within their bound', () => {
    const ring = freshRing();
    for (const position of [
      0,
      4096,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 44 + 12_345,
      Number.MAX_SAFE_INTEGER,
    ]) {
      ring.setPosition(3, position);
      expect(ring.position(3)).toBe(position);
    }
    ring.setText(3, 'short');
    ring.setText(4, 'é'.repeat(500));
    expect(ring.text(3)).toBe('short');
    expect(ring.text(4)).toBe('é'.repeat(64));
  });

  it('gives each job to exactly one of several real threads, and none is lost', async () => {
    const control = new SharedArrayBuffer(controlBytes);
    const ring = new Ring(control);
    const source = `
      import { workerData } from 'node:worker_threads';
      const { Ring } = await import(workerData.ring);
      const { Field, Status, Word } = workerData;
      const ring = new Ring(workerData.control);
      while (Atomics.load(ring.words, Word.Stop) === 0) {
        const job = ring.takeNew(workerData.index);
        if (job < 0) { Atomics.wait(ring.words, Word.Stop, 0, 1); continue; }
        Atomics.add(ring.words, ring.at(job, Field.Result), 1);
        ring.setStatus(job, Status.Processed);
        ring.pushProcessed(job);
      }`;
    const module = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
    const ringUrl = new URL('../../dist/io/ring.js', import.meta.url).href;
    const workers = [0, 1, 2, 3].map(
      (index) => new Worker(module, { workerData: { control, index, ring: ringUrl, Field, Status, Word } }),
    );
    const rounds = 40;
    for (let round = 0; round < rounds; round++) {
      const seen = new Set<number>();
      for (let job = 0; job < jobsMax; job++) {
        ring.set(job, Field.Result, 0);
        submit(ring, job);
      }
      while (seen.size < jobsMax) {
        const job = ring.takeProcessed();
        if (job === -1) {
          await new Promise((resolve) => setImmediate(resolve));
          continue;
        }
        expect(seen.has(job)).toBe(false);
        expect(ring.get(job, Field.Result)).toBe(1);
        seen.add(job);
      }
    }
    Atomics.store(ring.words, Word.Stop, 1);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});
