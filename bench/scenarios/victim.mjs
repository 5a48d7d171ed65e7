// Choosing who leaves: what a victim costs with 100,000 candidates of many sizes, some of them used again.
import { median } from '../lib/measure.mjs';
import { random } from '../lib/random.mjs';

const count = 100_000;
const batch = 64;

export default {
  name: 'victim',
  title: 'choice of a victim among 100,000',
  unit: 'ns',
  variants: ['adaptive', 'lru', 'swappability'].map((name) => ({ name })),
  sides: () => ['swapstore'],
  async run({ variant, ms, dist }) {
    const { createPolicy } = await import(new URL('memory/policy.js', dist));
    const { Entry } = await import(new URL('pager/entry.js', dist));
    const draw = random(19);
    const hashes = random(23);
    const sizeOf = () => 100 + Math.floor(draw(2000));
    const policy = createPolicy(variant.name, count * 1100, () => Math.floor(hashes(2 ** 32)));
    const entries = [];
    const add = () => {
      const number = entries.length;
      const entry = new Entry(`key:${number}`, undefined, Math.floor(hashes(2 ** 32)) | 0, sizeOf(), number);
      entries.push(entry);
      policy.add(entry);
      return entry;
    };
    const alive = Array.from({ length: count }, add);
    const times = [];
    const end = performance.now() + 4 * ms;
    while (performance.now() < end) {
      for (let use = 0; use < batch; use++) {
        const entry = alive[Math.floor(draw(count))];
        if (entry.place !== 0) policy.touch(entry);
      }
      const began = performance.now();
      for (let victim = 0; victim < batch; victim++) policy.takeVictim();
      times.push(((performance.now() - began) * 1e6) / batch);
      for (let fresh = 0; fresh < batch; fresh++) alive[Math.floor(draw(count))] = add();
    }
    return { 'one victim': median(times) };
  },
};
