/** Under `npm run coverage` the runner ends its processes before they would write what they have covered. */
import { takeCoverage } from 'node:v8';
import { afterAll } from 'vitest';

afterAll(() => {
  if (process.env.NODE_V8_COVERAGE !== undefined) takeCoverage();
});
