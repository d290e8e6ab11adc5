import { defineConfig } from '@playwright/test';

// bench/waterfall runs this: a bench, told by its own words on standard output, with Playwright's runner for its TypeScript alone.
export default defineConfig({
  testDir: '.',
  testMatch: 'waterfall.spec.ts',
  outputDir: '../test-results/waterfall',
  timeout: 0,
  workers: 1,
  retries: 0,
  reporter: [['line']],
});
