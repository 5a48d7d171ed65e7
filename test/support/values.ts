/** Values for tests that want many: of different types and sizes, each telling its number. */
import { noise } from './random.js';

export const sampleCount = 90;

/** The `index`-th sample: about a kilobyte each, so that `sampleCount` of them pass the little memory of the matrix. */
export function sampleValue(index: number): unknown {
  switch (index % 6) {
    case 0:
      return {
        id: index,
        name: `entry ${index}`,
        tags: ['a', 'b', { deep: [index] }],
        payload: 'x'.repeat(1_000),
      };
    case 1:
      return `${index} `.repeat(300);
    case 2:
      return noise(1_200, index);
    case 3:
      return new Map<unknown, unknown>([
        ['id', index],
        [index, new Set([1, 'two', undefined])],
        ['filling', new Float64Array(120).fill(index + 0.5)],
      ]);
    case 4:
      return Array.from({ length: 60 }, (_, at) => ({ at, index, text: `é漢${at}` }));
    default:
      return index % 12 === 5 ? undefined : index / 3;
  }
}

export function sampleKey(index: number): string {
  return `key:${index}`;
}
