// Tests run natively against the built package in dist/: a worker cannot be TypeScript, and dist/ is what users import.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/consumers/**', '**/node_modules/**'],
    setupFiles: ['test/support/coverage.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
