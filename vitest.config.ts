import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { makeShaders } from './scripts/shaders.mjs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { chromiumOptions } from './test/support/chromium.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Which device `openDevice` in test/support/device.ts opens. */
    readonly device: 'cpu' | 'webgpu';
  }
}

// Here and not in `npm test` alone, so that vitest finds the module whoever starts it.
makeShaders();

/** Vitest's own order, but the test that a newcomer reads comes first. */
class TinyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isTiny = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith('/test/tiny.test.ts');
    const sorted = await super.sort(files);
    return [...sorted.filter(isTiny), ...sorted.filter((file) => !isTiny(file))];
  }
}

// test/ mirrors src/. A file's name says where it runs: x.test.ts on the CPU, in Node; x.devices.test.ts on every device;
// x.webgpu.test.ts on WebGPU alone, in Node and in Chromium.
const config: ViteUserConfig = defineConfig({
  test: {
    reporters: ['default', './test/support/plain-reporter.ts'],
    testTimeout: 60_000,
    sequence: { sequencer: TinyFirst },
    projects: [
      {
        // What the examples import resolves to the sources, as in tsconfig.json.
        resolve: { tsconfigPaths: true },
        test: {
          name: 'cpu',
          // Several files run at once: those that test threads ask for them.
          env: { REPARAM_THREADS: '1' },
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.webgpu.test.ts'],
          provide: { device: 'cpu' },
          pool: 'forks',
          isolate: false,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'webgpu',
          include: ['test/**/*.{devices,webgpu}.test.ts'],
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
          include: ['test/**/*.{devices,webgpu}.test.ts'],
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
