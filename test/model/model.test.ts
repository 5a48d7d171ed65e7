/**
 * The store against a plain Map: commands in any order, on a small set of keys, in a world where the interleaving of
 * threads, turns of the loop and time is part of the command list. After each command the invariants are recomputed.
 * A promise that is outstanding is held against the rule that the first set or delete after it settles it.
 */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Watched, watch } from '../support/environment.js';
import { checkInvariants, closeStore, kibi, openInWorld, type SwapStoreOptions } from '../support/store.js';

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
type Value = { n: number; filling: string };

interface Model {
  values: Map<string, Value>;
  expiry: Map<string, number>;
  loads: Load[];
  /** Loads of each key that the next set or delete settles. */
  waiting: Map<string, Load[]>;
}
interface Load {
  readonly watched: Watched;
  wanted: Value | undefined;
  /** False where the key expired while it was waited for: whoever notices first settles that. */
  isCertain: boolean;
}
type Bench = ReturnType<typeof openInWorld>;

/** What the model says of a key now. */
function has(model: Model, bench: Bench, key: string): Value | undefined {
  const endsMs = model.expiry.get(key);
  if (endsMs !== undefined && endsMs <= bench.clock.now()) return undefined;
  return model.values.get(key);
}

/** A set, delete or clear settles the loads that wait. */
function settle(model: Model, key: string, value: Value | undefined): void {
  for (const load of model.waiting.get(key) ?? []) if (!load.watched.settled) load.wanted = value;
  model.waiting.delete(key);
}

type Step = (model: Model, bench: Bench) => void | Promise<void>;
let serial = 0;

const key = fc.constantFrom(...keys);
const steps: Array<fc.Arbitrary<Step>> = [
  fc.tuple(key, fc.nat(3), fc.constantFrom(0, 0, 0, 40)).map(
    ([at, size, ttl]): Step =>
      (model, { store, clock }) => {
        const value = { n: serial++, filling: 'x'.repeat(size * 700) };
        store.set(at, value, ttl === 0 ? undefined : { ttl });
        model.values.set(at, structuredClone(value));
        model.expiry.delete(at);
        if (ttl > 0) model.expiry.set(at, clock.now() + ttl);
        settle(model, at, value);
      },
  ),
  key.map(
    (at): Step =>
      (model, bench) => {
        expect(bench.store.get(at)).toEqual(has(model, bench, at));
      },
  ),
  key.map(
    (at): Step =>
      (model, bench) => {
        expect(bench.store.peek(at)).toEqual(has(model, bench, at));
      },
  ),
  key.map(
    (at): Step =>
      (model, bench) => {
        expect(bench.store.delete(at)).toBe(has(model, bench, at) !== undefined);
        model.values.delete(at);
        model.expiry.delete(at);
        settle(model, at, undefined);
      },
  ),
  key.map(
    (at): Step =>
      (model, bench) => {
        const wanted = has(model, bench, at);
        const load: Load = { wanted, isCertain: true, watched: watch(bench.store.load(at)) };
        model.loads.push(load);
        if (bench.store.state(at) === 'loading')
          model.waiting.set(at, [...(model.waiting.get(at) ?? []), load]);
        // Read at once: what is set from now on is no matter, though the promise settles a little later.
        else load.isCertain = bench.store.state(at) !== 'swapped' || wanted === undefined;
      },
  ),
  key.map(
    (at): Step =>
      (_model, { store }) =>
        void store.swapOutSync(at),
  ),
  key.map(
    (at): Step =>
      (_model, { store }) =>
        void store.swapOut(at),
  ),
  key.map(
    (at): Step =>
      (_model, { store }) =>
        void store.pin(at),
  ),
  key.map(
    (at): Step =>
      (_model, { store }) =>
        void store.unpin(at),
  ),
  fc.constant<Step>((_model, { store }) => store.pauseSwapping()),
  fc.constant<Step>((_model, { store }) => store.resumeSwapping()),
  fc.constant<Step>((_model, { threads }) => void threads.step()),
  fc.constant<Step>((_model, { threads }) => void threads.stepWithoutBell()),
  fc.constant<Step>((_model, { threads }) => threads.ring()),
  fc.constant<Step>((_model, { threads }) => threads.leave()),
  fc.constant<Step>(async (_model, { clock }) => void (await clock.turn())),
  fc.constant<Step>(async (_model, { world }) => world.settle()),
  fc.nat(50).map(
    (ms): Step =>
      async (model, bench) => {
        // An entry that expires while it is waited for is settled by whichever notices first; not part of this model.
        for (const at of keys) {
          if (!model.expiry.has(at)) continue;
          for (const load of model.waiting.get(at) ?? []) load.isCertain = false;
          model.waiting.delete(at);
        }
        await bench.clock.advance(ms);
      },
  ),
  fc.constant<Step>((model, { store }) => {
    store.clear();
    model.values.clear();
    model.expiry.clear();
    for (const at of keys) settle(model, at, undefined);
  }),
  fc.constant<Step>((model, bench) => {
    const there = keys.filter((at) => has(model, bench, at) !== undefined);
    expect([...bench.store.keys()].sort()).toEqual(there);
    for (const [at, value] of bench.store) expect(value).toEqual(has(model, bench, at));
  }),
];

const configurations: SwapStoreOptions[] = [
  { threads: 2, maxMemory: 6 * kibi },
  { threads: 0, maxMemory: 6 * kibi },
  { threads: 1, maxMemory: 0 },
  { threads: 2, maxMemory: 64 * kibi, policy: 'lru' },
  { threads: 2, maxMemory: 6 * kibi, compression: 'deflate', policy: 'swappability' },
];

it.each(configurations)(
  'the store does what a Map does, whatever happens in between: %j',
  async (options) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(...steps), { maxLength: 80 }),
        fc.boolean(),
        async (commands, readsAreSlow) => {
          const bench = openInWorld(options);
          const model: Model = { values: new Map(), expiry: new Map(), loads: [], waiting: new Map() };
          if (readsAreSlow) bench.disk.readCostMs = 1;
          try {
            for (const command of commands) {
              await command(model, bench);
              checkInvariants(bench.store);
            }
            await bench.world.settle();
            for (const { watched, wanted, isCertain } of model.loads) {
              expect(watched.outcome).toBe('fulfilled');
              if (isCertain) expect(watched.value).toEqual(wanted);
            }
            for (const at of keys) expect(bench.store.get(at)).toEqual(has(model, bench, at));
            checkInvariants(bench.store);
          } finally {
            await closeStore(bench.store);
          }
        },
      ),
      { numRuns: 120 },
    );
  },
);
