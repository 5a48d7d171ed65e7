// Tests run natively against the built package in dist/: a worker cannot be TypeScript, and dist/ is what users import.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/consumers/**', '**/node_modules/**'],
    setupFiles: ['test/support/coverage.ts'],
    pool: 'forks',
    // By default one core is left idle, which is half of a small machine. No test asserts a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
