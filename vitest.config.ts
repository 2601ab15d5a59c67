import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm run test:figures`
    exclude: process.env.FIGURES ? [] : ['test/figures/**'],
    globalSetup: ['test/support/build.ts'],
    // Guards against hanging, not measurements: wide enough for a slow or busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 240_000, interval: 25 } },
    // Two cores are common; the native library uses all of them by itself.
    maxWorkers: 2,
  },
});
