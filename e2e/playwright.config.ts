import { defineConfig } from '@playwright/test';

// Debian's Chromium; nothing is downloaded. Each file starts its own picup, so files run beside each other.
export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  timeout: 90_000,
  expect: { timeout: 15_000 },
  workers: 2,
  retries: 0,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list']],
  use: {
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Europe/Dublin',
    colorScheme: 'light',
    // A failed step leaves a trace to look at: `npx playwright show-trace test-results/…/trace.zip`.
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env['PICUP_CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
