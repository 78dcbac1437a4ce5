/** @file Pages that bundlers build from the packed package, with its optional peers installed and without: no warning, and they run in Chromium. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createLogger, createServer } from 'vite';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { conv2d, cpu, crossEntropy, globalAvgPool2d, grad, relu } from '../src/index.ts';
import { manifest, run } from '../test/support/packed-package.ts';
import { here, pageEntries } from './project.ts';
import { type PageReport, type Pages, type Report, servePages } from './serve.ts';

const projects = inject('projects');
let pages: Pages;
let expected: readonly number[];

beforeAll(async () => {
  pages = await servePages(projects.folder);
  // The same network as page/app.js, from the sources in Node.
  const device = cpu();
  const x = device.tensor(
    Array.from({ length: 32 }, (_, i) => Math.sin(i)),
    [2, 1, 4, 4],
  );
  const w = device.tensor(
    Array.from({ length: 18 }, (_, i) => Math.cos(i)),
    [2, 1, 3, 3],
  );
  const loss = crossEntropy(globalAvgPool2d(relu(conv2d(x, w, { padding: 1 }))), device.tensor([0, 1]));
  expected = [...(await grad(loss, [w])[0].data())];
});

afterAll(async () => {
  await pages.close();
});

/** The report of a page or worker that may do everything: devices agree, errors have their names. */
function check(report: Report | undefined, names: readonly string[]): void {
  if (!report) throw new Error('there is no report');
  expect(report.entries.map(([name]) => name)).toEqual(names);
  expect(report.entries.filter(([, exported]) => exported === 0)).toEqual([]);
  for (const device of ['float64', 'float32', 'loops', 'webgpu'] as const) {
    const { gradient = [], error, message } = report[device];
    expect([device, error, message, gradient.length]).toEqual([device, undefined, undefined, expected.length]);
    const tolerance = device === 'float64' ? 1e-12 : 1e-6;
    gradient.forEach((g, i) => expect(Math.abs(g - expected[i]!)).toBeLessThan(tolerance));
  }
  expect(report.float32.name).toMatch(/^cpu float32 \(WASM (relaxed )?SIMD\)$/);
  expect(report.loops.name).toBe('cpu float32');
  expect(report.step).toBeCloseTo(1.8, 12);
  expect(Object.keys(report.names)).toContain('ShapeError');
  expect(Object.keys(report.names).length).toBeGreaterThan(12);
  for (const [documented, name] of Object.entries(report.names)) expect(name).toBe(documented);
  expect(report.thrown).toBe('OptionError');
}

function checkBoth({ page, worker }: PageReport, names: readonly string[]): void {
  check(page, names);
  check(worker, names);
}

/** Builds the page of a project, once, and gives the folder. */
async function build(bundler: string, project: string): Promise<string> {
  const out = path.join(project, 'built', bundler);
  if (existsSync(path.join(out, 'index.html'))) return out;
  const printed = run(process.execPath, [path.join(here, 'build.mjs'), bundler, project, out], project);
  // Vite prints its progress whatever its logger is.
  expect([bundler, printed.trim().split('\n').at(-1)]).toEqual([bundler, '[]']);
  if (bundler !== 'vite') {
    const type = bundler === 'webpack' ? '' : 'type="module" ';
    await writeFile(path.join(out, 'index.html'), `<!doctype html>\n<script ${type}src="./main.js"></script>\n`);
  }
  return out;
}

describe.each(['withPeers', 'withoutPeers'] as const)('%s', (variant) => {
  it.each(['vite', 'esbuild', 'webpack', 'rollup'])('%s builds without a warning; page and module worker run', async (bundler) => {
    const project = projects[variant];
    const out = await build(bundler, project);
    checkBoth(await pages.open('free', path.join(out, 'index.html')), pageEntries(project));
  });

  it("Vite's development server serves it without a warning", async () => {
    const project = projects[variant];
    const problems: string[] = [];
    const note = (message: string): unknown => problems.push(message);
    const server = await createServer({
      configFile: false,
      root: project,
      customLogger: { ...createLogger('silent'), warn: note, warnOnce: note, error: note },
      server: { port: 0, host: '127.0.0.1' },
    });
    try {
      await server.listen();
      checkBoth(await pages.openUrl(server.resolvedUrls?.local[0] ?? ''), pageEntries(project));
    } finally {
      await server.close();
    }
    expect(problems).toEqual([]);
  });
});

/** Threads in a page and in its worker, none of which waits without turning where it may not. */
const SHARED = { workers: 1, said: 0, waits: 0, atFirst: 0, same: true, shared: 'no', isolated: true };

describe('threads', () => {
  it.each(['vite', 'webpack'])(
    'of a page that %s builds share work under a strict policy, without workers from blobs',
    async (bundler) => {
      const out = await build(bundler, projects.withPeers);
      const { page, worker } = await pages.open('isolated', path.join(out, 'index.html'));
      for (const report of [page, worker]) {
        expect(report?.threads).toMatchObject(SHARED);
        expect(report?.threads.claims).toBeGreaterThan(0);
      }
    },
  );

  it.each(['esbuild', 'rollup'])('of a page whose bundle by %s lacks the file of the workers: one, said once', async (bundler) => {
    const out = await build(bundler, projects.withPeers);
    const { page } = await pages.open('isolated', path.join(out, 'index.html'));
    expect(page.threads).toMatchObject({ ...SHARED, said: 1, claims: 0 });
  });

  it('of a page without isolation: one, said once', async () => {
    const out = await build('vite', projects.withPeers);
    const { page } = await pages.open('free', path.join(out, 'index.html'));
    // The first device of the page, before this was counted, said so.
    expect(page.threads).toMatchObject({ ...SHARED, workers: 0, said: 0, claims: 0, isolated: false });
  });
});

it('one ES module of everything is imported by a page', async () => {
  const out = await build('esbuild', projects.withPeers);
  const file = path.join(out, 'one.html');
  const script = "import { report } from './app.js'; globalThis.result = { page: await report() };";
  await writeFile(file, `<!doctype html>\n<script type="module">${script}</script>\n`);
  check((await pages.open('free', file)).page, pageEntries(projects.withPeers));
});

it('an import map leads to the files as they are packed', async () => {
  const project = projects.withoutPeers;
  const names = pageEntries(project);
  const imports = Object.fromEntries(
    names.map((name) => {
      const target = manifest.exports[`.${name.slice('reparam'.length)}`];
      if (typeof target !== 'object') throw new Error(`${name} has no file`);
      return [name, `./node_modules/reparam/${target.default}`];
    }),
  );
  const script = "import { report } from './app.js'; globalThis.result = { page: await report() };";
  const file = path.join(project, 'map.html');
  const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
  await writeFile(file, `<!doctype html>\n${map}\n<script type="module">${script}</script>\n`);
  check((await pages.open('free', file)).page, names);
});

describe('a strict Content-Security-Policy', () => {
  it("with 'wasm-unsafe-eval' changes nothing, in page and worker", async () => {
    const out = await build('vite', projects.withPeers);
    checkBoth(await pages.open('wasm', path.join(out, 'index.html')), pageEntries(projects.withPeers));
  });

  it('without it: float32 says at once what helps, and each of the three ways helps', async () => {
    const out = await build('vite', projects.withPeers);
    const { page, worker } = await pages.open('strict', path.join(out, 'index.html'));
    for (const report of [page, worker]) {
      expect([report?.float32.error, report?.float32.typed]).toEqual(['OptionError', true]);
      for (const way of ["'wasm-unsafe-eval'", 'simd: false', 'webgpu()']) expect(report?.float32.message).toContain(way);
      for (const device of ['float64', 'loops', 'webgpu'] as const) {
        expect([device, report?.[device].error, report?.[device].gradient?.length]).toEqual([device, undefined, expected.length]);
      }
    }
  });
});

it('a bundle for a page holds no part of Dawn', async () => {
  const out = await build('rollup', projects.withPeers);
  const chunks = await Promise.all(['main.js', 'worker.js'].map((file) => readFile(path.join(out, file), 'utf8')));
  expect(chunks.join('\n')).not.toMatch(/from ['"]webgpu['"]|import\(['"]webgpu['"]\)|dawn\.node/);
});
