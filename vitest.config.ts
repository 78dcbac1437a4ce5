import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { chromiumOptions } from './test/support/chromium.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Which device `openDevice` in test/support/device.ts opens. */
    readonly device: 'cpu' | 'webgpu';
  }
}

// test/shared runs on every device; test/webgpu needs an adapter; test/cpu is mathematics and statistics in float64; test/node
// reads files and runs commands.
const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', './test/support/plain-reporter.ts'],
    testTimeout: 60_000,
    projects: [
      {
        // What the examples import resolves to the sources, as in tsconfig.json.
        resolve: { tsconfigPaths: true },
        test: {
          name: 'cpu',
          include: ['test/shared/**/*.test.ts', 'test/cpu/**/*.test.ts', 'test/node/**/*.test.ts'],
          provide: { device: 'cpu' },
          pool: 'forks',
          isolate: false,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'webgpu',
          include: ['test/shared/**/*.test.ts', 'test/webgpu/**/*.test.ts'],
          provide: { device: 'webgpu' },
          pool: 'forks',
          isolate: false,
          maxWorkers: 1,
          testTimeout: 60_000,
        },
      },
      {
        // Name every dependency that browser tests import: one found mid-run makes Vite reload the page.
        optimizeDeps: { include: ['fast-check'], exclude: ['webgpu'] },
        test: {
          name: 'chromium',
          include: ['test/shared/**/*.test.ts', 'test/webgpu/**/*.test.ts'],
          provide: { device: 'webgpu' },
          isolate: false,
          testTimeout: 120_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            instances: [{ browser: 'chromium' }],
            provider: playwright({ launchOptions: chromiumOptions() }),
          },
        },
      },
    ],
  },
});

export default config;
