/**
 * @file The shared tests in Firefox, headless: on the CPU device in a page and in a module worker, and with `--webgpu` on WebGPU behind its
 * preferences. No driver: the page tells this script's server what came out. FIREFOX names the browser.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { makeShaders } from './shaders.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const LIMIT_MS = 10 * 60_000;
/** What a fresh profile would otherwise fetch or ask; and the switches of WebGPU. */
const PREFERENCES = {
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};
const WEBGPU = { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true, 'gfx.webgpu.force-enabled': true };

/** package.json says that modules here do nothing when they are imported, and a bundler leaves out those that do nothing else. */
const keepTests = {
  name: 'keep-tests',
  transform: (code, id) => (id.endsWith('.test.ts') ? { code, map: null, moduleSideEffects: true } : undefined),
};

/** Builds the page with its worker, minified names and all, into a folder. */
async function buildPage(outDir) {
  makeShaders();
  const page = path.join(root, 'test/support/elsewhere/page');
  const resolve = { alias: { vitest: path.join(root, 'test/support/elsewhere/vitest.ts') } };
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    resolve,
    plugins: [keepTests],
    worker: { format: 'es', plugins: () => [keepTests] },
    build: {
      outDir,
      target: 'esnext',
      rollupOptions: { input: path.join(page, 'index.html') },
    },
  });
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };

/** Serves the folder and resolves with what the page says in the end. */
function serve(folder) {
  let finish;
  const outcome = new Promise((resolve) => (finish = resolve));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST') {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        if (pathname === '/done') finish(JSON.parse(body));
        else console.log(body);
        response.end();
      });
      return;
    }
    try {
      const content = readFileSync(path.join(folder, path.normalize(pathname)));
      response.setHeader('content-type', TYPES[path.extname(pathname)] ?? 'application/octet-stream');
      response.end(content);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, outcome, port: server.address().port }));
  });
}

/** Opens the page in a fresh profile. */
function openFirefox(profile, url, preferences) {
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  writeFileSync(path.join(profile, 'user.js'), `${lines.join('\n')}\n`);
  const firefox = process.env.FIREFOX ?? 'firefox-esr';
  return spawn(firefox, ['--headless', '--no-remote', '--profile', profile, url], {
    stdio: 'ignore',
    // A profile of its own also for what Firefox keeps elsewhere.
    env: { ...process.env, HOME: profile, MOZ_DISABLE_AUTO_SAFE_MODE: '1' },
  });
}

const onWebGpu = process.argv.includes('--webgpu');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-firefox-'));
await buildPage(path.join(scratch, 'page'));
const { server, outcome, port } = await serve(path.join(scratch, 'page'));
const url = `http://localhost:${port}/test/support/elsewhere/page/index.html?run=${onWebGpu ? 'webgpu' : 'cpu'}`;
const profile = mkdtempSync(path.join(scratch, 'profile-'));
const firefox = openFirefox(profile, url, { ...PREFERENCES, ...(onWebGpu && WEBGPU) });
const ended = new Promise((resolve) => {
  firefox.on('error', (error) => resolve({ Firefox: `did not start: ${error.message}` }));
  firefox.on('exit', (code) => resolve({ Firefox: `ended with code ${code}` }));
  setTimeout(() => resolve({ Firefox: `said nothing for ${LIMIT_MS / 60_000} minutes` }), LIMIT_MS).unref();
});
const outcomes = await Promise.race([outcome, ended]);
firefox.kill();
await ended;
server.close();
server.closeAllConnections();
rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
let failed = false;
for (const [what, result] of Object.entries(outcomes)) {
  if (what === 'userAgent') console.log(`Firefox: ${result}`);
  else if (typeof result === 'string') {
    failed = true;
    console.log(`Firefox, ${what}: ${result}`);
  } else {
    failed ||= result.failed > 0 || result.passed === 0;
    console.log(`Firefox, ${what}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`);
  }
}
process.exitCode = failed ? 1 : 0;
