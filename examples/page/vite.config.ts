/** @file Serves the page from the sources: the names that it imports resolve as in tsconfig.json. */
import { defineConfig, type UserConfig } from 'vite';

const config: UserConfig = defineConfig({
  root: import.meta.dirname,
  resolve: { tsconfigPaths: true },
  // Node only: a page uses navigator.gpu.
  optimizeDeps: { exclude: ['webgpu'] },
  build: { target: 'esnext' },
});

export default config;
