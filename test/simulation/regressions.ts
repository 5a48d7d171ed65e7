/** Found by `npm run sim`, shrunk, and kept. */
import type { Weather } from './history.js';

interface Regression {
  readonly bug: string;
  readonly seed: number;
  /** Its title in configurations.ts. */
  readonly configuration: string;
  readonly weather: Weather;
  readonly steps: readonly number[];
}

export const regressions: readonly Regression[] = [];
