/**
 * @file `npm test`: one vitest run over all projects, on whatever WebGPU this machine has.
 *
 * Where Dawn finds no adapter, or there is no Chromium, the software driver and the browser of a dev dependency stand in (Linux x64), so that
 * `npm ci && npm test` passes on a fresh machine. With REQUIRE_WEBGPU=1 nothing stands in: what is missing fails. Arguments go to vitest:
 * `npm test -- --project cpu test/data/batches.test.ts`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { carriedChromium, softwareDriver, softwareGpuAvailable } from './software-gpu.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));

// A child process asks, because a broken Vulkan driver may end the process that loads it.
function dawnFindsAdapter() {
  const ask = `
    const { create } = await import('webgpu');
    globalThis.gpu = create([]); // dawn.node crashes when this is collected too early
    process.exit((await globalThis.gpu.requestAdapter()) ? 0 : 3);`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', ask], {
    cwd: root,
    stdio: 'ignore',
    timeout: 60_000,
  });
  return child.status === 0;
}

async function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    const found = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
    if (found) return found;
  }
  const { chromium } = await import('playwright');
  return existsSync(chromium.executablePath()) ? chromium.executablePath() : undefined;
}

async function environment() {
  const env = { ...process.env };
  const chromium = await findChromium();
  if (chromium) env.CHROMIUM = chromium;
  if (env.REQUIRE_WEBGPU === '1') return env;
  const adapter = dawnFindsAdapter();
  if (adapter && chromium) return env;
  const missing = [adapter ? [] : ['no WebGPU adapter'], chromium ? [] : ['no Chromium']].flat().join(' and ');
  if (!softwareGpuAvailable()) {
    console.log(
      `npm test: ${missing}, and nothing to stand in on this system, so those tests will fail (npm run reparam -- doctor says what to install)`,
    );
    return env;
  }
  console.log(`npm test: ${missing} on this machine; using what @sparticuz/chromium carries (a software adapter)`);
  return { ...env, ...(adapter ? {} : softwareDriver()), ...(chromium ? {} : carriedChromium()) };
}

const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  env: await environment(),
  stdio: ['inherit', 'inherit', 'pipe'],
});
// Dawn's native code prints these two lines for every llvmpipe adapter, past anything that JavaScript can intercept.
createInterface({ input: child.stderr }).on('line', (line) => {
  if (!line.includes('artificially reduced')) process.stderr.write(`${line}\n`);
});
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
