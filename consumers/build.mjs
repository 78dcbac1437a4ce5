/**
 * @file `node build.mjs BUNDLER PROJECT OUT`: builds a project's page (main.js and worker.js) into a folder as its documentation says, in
 * production mode, and prints every warning as JSON. Errors end it.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build as esbuild } from 'esbuild';
import { rollup } from 'rollup';
import { build as vite, createLogger } from 'vite';
import webpack from 'webpack';

const builders = {
  /** Whatever it logs that is not information is a warning. */
  async vite(project, out) {
    const warnings = [];
    const note = (message) => warnings.push(String(message));
    const customLogger = { ...createLogger('silent'), warn: note, warnOnce: note, error: note };
    await vite({
      configFile: false,
      root: project,
      base: './',
      customLogger,
      worker: { format: 'es' },
      // All entry points together are larger than what it takes for a page's usual size.
      // How long plugins took depends on what else the machine does.
      build: { outDir: out, chunkSizeWarningLimit: 4000, emptyOutDir: true, rolldownOptions: { checks: { pluginTimings: false } } },
    });
    return warnings;
  },

  async esbuild(project, out) {
    const { warnings } = await esbuild({
      absWorkingDir: project,
      entryPoints: ['main.js', 'worker.js', 'app.js'],
      bundle: true,
      minify: true,
      format: 'esm',
      outdir: out,
      logLevel: 'silent',
    });
    return warnings.map(({ text }) => text);
  },

  async rollup(project, out) {
    const warnings = [];
    const bundle = await rollup({
      input: ['main.js', 'worker.js'].map((file) => path.join(project, file)),
      plugins: [nodeResolve({ browser: true })],
      onLog: (level, { message }) => level === 'warn' && warnings.push(message),
    });
    await bundle.write({ dir: out, format: 'es' });
    return warnings;
  },

  webpack(project, out) {
    const options = {
      context: project,
      mode: 'production',
      entry: './main.js',
      output: { path: out, filename: 'main.js', publicPath: 'auto' },
      performance: { hints: false },
    };
    return new Promise((resolve, reject) => {
      webpack(options, (failure, stats) => {
        if (failure) return reject(failure);
        const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
        if (errors.length > 0) return reject(new Error(errors.map(({ message }) => message).join('\n')));
        return resolve(warnings.map(({ message }) => message));
      });
    });
  },
};

const [name, project, out] = process.argv.slice(2);
if (!Object.hasOwn(builders, name) || !existsSync(project))
  throw new Error(`usage: node build.mjs ${Object.keys(builders).join('|')} PROJECT OUT`);
console.log(JSON.stringify(await builders[name](project, out)));
