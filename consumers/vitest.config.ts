/** @file `npm run test:consumers`: what is built from the packed package, beside the tools that consumers/package.json installs. */
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    root: import.meta.dirname,
    exclude: ['node/**', 'node_modules/**'],
    include: ['*.test.ts'],
    reporters: ['default', '../test/support/plain-reporter.ts'],
    globalSetup: ['project.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});

export default config;
