/** @file A server of files whose first folder says under which Content-Security-Policy they come, and Chromium to open them. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright';
import { chromiumOptions } from '../test/support/chromium.ts';

const POLICIES: Readonly<Record<string, string | undefined>> = {
  free: undefined,
  strict: "script-src 'self'",
  wasm: "script-src 'self' 'wasm-unsafe-eval'",
  isolated: "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
};

/** What makes a page cross-origin isolated, so that threads may share memory. */
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' } as const;

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json' };

/** What a device gave in a page: its name and a gradient, or the error. */
export interface DeviceReport {
  readonly name?: string;
  readonly gradient?: readonly number[];
  readonly error?: string;
  readonly typed?: boolean;
  readonly message?: string;
}

/** What page/app.js reports. */
export interface Report {
  readonly entries: readonly (readonly [string, number])[];
  readonly float64: DeviceReport;
  readonly float32: DeviceReport;
  readonly loops: DeviceReport;
  readonly webgpu: DeviceReport;
  readonly step: number;
  readonly names: Readonly<Record<string, string>>;
  readonly thrown: string;
  readonly threads: ThreadsReport;
}

/** What a device that was asked for two threads did, until it shared work or two seconds had passed. */
export interface ThreadsReport {
  readonly isolated: boolean;
  /** Workers started, lines written to the console, calls of Atomics.wait, and claims of shared calls: at first and in the end. */
  readonly workers: number;
  readonly said: number;
  readonly waits: number;
  readonly atFirst: number;
  readonly claims: number;
  /** Whether all results were the first one. */
  readonly same: boolean;
  /** 'no' if what the device returned lies in memory of its own. */
  readonly shared: string;
}

export interface PageReport {
  readonly page: Report;
  readonly worker?: Report;
}

export interface Pages {
  /** Opens a file under a policy, and waits for what the page puts into `globalThis.result`; fails on anything that it logs as an error. */
  open(policy: 'free' | 'strict' | 'wasm' | 'isolated', file: string): Promise<PageReport>;
  /** The same from another server. */
  openUrl(url: string): Promise<PageReport>;
  close(): Promise<void>;
}

export async function servePages(folder: string): Promise<Pages> {
  const server: Server = createServer((request, response) => {
    const [, policy = '', ...rest] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/');
    const file = path.join(folder, ...rest);
    try {
      const bytes = readFileSync(file);
      const header = POLICIES[policy];
      const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, {
        'content-type': type,
        ...(header !== undefined && { 'content-security-policy': header }),
        ...(policy === 'isolated' && ISOLATION),
      });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const browser: Browser = await chromium.launch(chromiumOptions());

  async function openUrl(url: string): Promise<PageReport> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(url);
    // Playwright's own waiting evaluates strings in the page, which a strict policy forbids.
    const ask = (): Promise<(PageReport & { failure?: string }) | null> => page.evaluate('globalThis.result ?? null');
    let result = await ask();
    for (const until = Date.now() + 60_000; result === null; result = await ask()) {
      if (Date.now() > until) throw new Error(`${url} gave no result; the page says: ${problems.join('; ')}`);
      await setTimeout(50);
    }
    await page.close();
    // A page without an icon is no problem of ours.
    const wrong = [...problems.filter((problem) => !problem.includes('404')), ...(result.failure ? [result.failure] : [])];
    if (wrong.length > 0) throw new Error(`${url}: ${wrong.join('; ')}`);
    return result;
  }

  return {
    openUrl,
    open: (policy, file) => openUrl(`http://127.0.0.1:${port}/${policy}/${path.relative(folder, file)}`),
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
