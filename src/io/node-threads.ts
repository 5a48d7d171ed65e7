/**
 * I/O threads as worker_threads. A thread never keeps the process alive by itself: it and the port of its doorbell are
 * unref'd, after their listeners are there, and ref'd only while somebody waits.
 */
// biome-ignore lint/style/useNodejsImportProtocol: webpack follows the worker of a module that is named like this
import { MessageChannel, Worker, type WorkerOptions } from 'worker_threads';
import type { Thread, ThreadEvents, ThreadStart, Threads } from '../environment.js';

export const nodeThreads: Threads = {
  canWait: mayWait(),
  spawn(start: ThreadStart, events: ThreadEvents): Thread {
    // There each thread has descriptors of its own, and a number from another is none, or another file.
    if ('Deno' in globalThis) throw new Error('the threads of Deno cannot use the files of one another');
    const { port1, port2 } = new MessageChannel();
    const { control, area, index, sealSecret } = start;
    const options: WorkerOptions = {
      name: 'swapstore-io',
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
      workerData: { control, area, index, sealSecret, doorbell: port2 },
      transferList: [port2],
    };
    // The literal form is the one that bundlers follow; it must stand alone.
    const worker =
      start.workerUrl === undefined
        ? new Worker(new URL('./io-worker.js', import.meta.url), options)
        : new Worker(start.workerUrl, options);
    let failure: Error | undefined;
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', (code) => {
      port1.close();
      events.exited(failure ?? (code === 0 ? undefined : new Error(`the thread ended with code ${code}`)));
    });
    port1.on('message', () => events.doorbell());
    worker.unref();
    port1.unref();
    return {
      // The port for the doorbell, the worker itself so that its exit is waited for when a store closes.
      ref: () => {
        worker.ref();
        port1.ref();
      },
      unref: () => {
        worker.unref();
        port1.unref();
      },
      terminate: async () => {
        await worker.terminate();
      },
    };
  },
};

/** Atomics.wait throws where the runtime forbids the thread to block, as in Electron's renderer. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
