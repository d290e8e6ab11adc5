import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { shell } from './scripts/shell.ts';

// In development the page comes from Vite and everything else from a running `picup serve`, or whatever PICUP_SERVER names.
const server = process.env['PICUP_SERVER'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte(), shell()],
  build: {
    target: 'es2022',
    // The policy of the page (`default-src 'self'`) allows nothing inline, so that nothing may be inlined here either.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/media', '/live', '/ready'].map((path) => [path, { target: server, changeOrigin: false }]),
    ),
  },
  // Svelte's client build, so that runes in tests behave as they do in a page.
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
  test: { include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'], environment: './scripts/vitest-client.mjs', testTimeout: 20_000 },
});
