import { defineConfig } from 'vitest/config';

/** Histories that are run by hand: `npm run sim`. */
export default defineConfig({ test: { include: ['test/simulation/*.sim.ts'], silent: false } });
