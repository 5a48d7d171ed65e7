/** Found by `npm run sim`, shrunk, and kept. */
import type { Weather } from './history.js';

interface Regression {
  readonly bug: string;
  readonly seed: number;
  /** Its title in configurations.ts. */
  readonly configuration: string;
  readonly weather: Weather;
  readonly keyspaces?: number;
  readonly steps: readonly number[];
}

export const regressions: readonly Regression[] = [
  {
    bug: 'a sync that failed after clear put slots in doubt that were no longer there',
    seed: 91,
    configuration: 'plenty of memory',
    weather: 'errors',
    steps: [8, 10, 11, 12, 13],
  },
  {
    bug: 'a value that waited to be written as a flush began, and was set again during it, was in no log',
    seed: 1551901654,
    configuration: 'hardly any memory, written behind',
    weather: 'calm',
    keyspaces: 3,
    steps: [2, 3, 4],
  },
];
