/**
 * @file `npm run bench:size`: the compressed size of each device's entry point with all of the core's names, minified by esbuild from the
 * sources. Fails where one is larger than its limit (what was reached, plus 5 %), or carries code of the other device.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Limits in bytes, gzipped. */
const ENTRIES = {
  'reparam/cpu': { contents: "export { cpu } from './src/cpu/index.ts';", limit: 40_050, without: /backends\/webgpu\// },
  'reparam/webgpu': {
    contents: "export { webgpu } from './src/webgpu/index.ts';",
    limit: 56_000,
    without: /backends\/(cpu|wasm)\//,
  },
};

/** What an entry point costs, and which files of the other device are in it. */
export async function entrySizes() {
  const found = [];
  for (const [name, { contents, limit, without }] of Object.entries(ENTRIES)) {
    const stdin = { contents, resolveDir: root, loader: 'ts' };
    const options = { bundle: true, minify: true, format: 'esm', write: false, metafile: true, external: ['webgpu', 'node:*'] };
    const { outputFiles, metafile } = await build({ ...options, stdin, logLevel: 'error' });
    const [output] = Object.values(metafile.outputs);
    const foreign = Object.entries(output.inputs)
      .filter(([file, { bytesInOutput }]) => without.test(file) && bytesInOutput > 0)
      .map(([file]) => file);
    const bytes = outputFiles[0].contents;
    found.push({ name, plain: bytes.length, compressed: gzipSync(bytes, { level: 9 }).length, limit, foreign });
  }
  return found;
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log('| entry point | bytes | gzipped | limit |\n| --- | ---: | ---: | ---: |');
  for (const { name, plain, compressed, limit, foreign } of await entrySizes()) {
    console.log(`| ${name} | ${plain} | ${compressed} | ${limit} |`);
    if (compressed > limit) console.error(`${name}: ${compressed} bytes are more than its limit, ${limit}`);
    if (foreign.length > 0) console.error(`${name}: carries ${foreign.join(', ')}`);
    if (compressed > limit || foreign.length > 0) process.exitCode = 1;
  }
}
