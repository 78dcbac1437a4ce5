// Turns shaders/**/*.wgsl into src/backends/webgpu/shaders.gen.ts, so that the same strings are used by tsx, vitest, the published
// package and a bundled page, with no loader. `--check` fails if the file is stale (for CI).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
const root = new URL('../', import.meta.url);
const files = readdirSync(new URL('shaders/', root), { recursive: true })
  .map((f) => String(f).replaceAll('\\', '/'))
  .filter((f) => f.endsWith('.wgsl'))
  .sort();
const camel = (f) => f.replace(/\.wgsl$/, '').replace(/[^A-Za-z0-9]+(.)/g, (_, c) => c.toUpperCase());
const quote = (s) => '`' + s.replaceAll('\r\n', '\n').replace(/[`\\]|\$\{/g, '\\$&') + '`';
const body = files
  .map(
    (f) =>
      `/** shaders/${f} */\nexport const ${camel(f)}: string = /* wgsl */ ${quote(readFileSync(new URL(`shaders/${f}`, root), 'utf8'))};\n`,
  )
  .join('\n');
const out = new URL('src/backends/webgpu/shaders.gen.ts', root);
const text = `// Made by scripts/shaders.mjs from shaders/*.wgsl. Do not edit.\n\n${body}`;
if (process.argv.includes('--check')) {
  let old = '';
  try {
    old = readFileSync(out, 'utf8');
  } catch {}
  if (old !== text) {
    console.error(`${fileURLToPath(out)} is stale: run npm run shaders`);
    process.exit(1);
  }
} else writeFileSync(out, text);
