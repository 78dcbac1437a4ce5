import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

declare module 'vitest' {
  interface ProvidedContext {
    /** Which device `openDevice` in test/support/device.ts opens. */
    readonly device: 'cpu' | 'webgpu';
  }
}

// Set by scripts/software-gpu.mjs for a Chromium that brings the libraries a bare system lacks.
const libraries = process.env['CHROMIUM_LIBRARIES'];

// test/shared runs on every device; test/webgpu needs an adapter; test/cpu is mathematics and statistics in float64; test/node
// reads files and runs commands.
const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', './test/support/plain-reporter.ts'],
    testTimeout: 60_000,
    projects: [
      {
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
            provider: playwright({
              launchOptions: {
                executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
                ...(libraries ? { env: { ...process.env, LD_LIBRARY_PATH: libraries } } : {}),
                args: [
                  '--no-sandbox',
                  '--enable-unsafe-webgpu',
                  '--use-webgpu-adapter=swiftshader',
                  '--disable-background-networking',
                  '--disable-component-update',
                ],
              },
            }),
          },
        },
      },
    ],
  },
});

export default config;
