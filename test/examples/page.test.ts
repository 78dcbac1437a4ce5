/** @file The page of examples/page, served by Vite and run in Chromium, computes what Node computes. */
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { searchSteps } from '../../examples/page/search-steps.ts';
import { cpu } from '../../src/index.ts';
import { chromiumOptions } from '../support/chromium.ts';

let server: ViteDevServer;
let browser: Browser;
beforeAll(async () => {
  const configFile = fileURLToPath(new URL('../../examples/page/vite.config.ts', import.meta.url));
  server = await createServer({ configFile, logLevel: 'error', server: { port: 0, host: '127.0.0.1' } });
  await server.listen();
  browser = await chromium.launch(chromiumOptions());
}, 60_000);
afterAll(async () => {
  await browser.close();
  await server.close();
});

it('three search steps in the page have the losses of Node in float64 to 1e-4, and the same child', async () => {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto(server.resolvedUrls?.local[0] ?? '');
  await page.waitForFunction("['done', 'failed'].includes(document.getElementById('status').textContent)", undefined, {
    timeout: 100_000,
  });
  const text = async (id: string): Promise<string> => (await page.textContent(`#${id}`)) ?? '';
  expect([await text('status'), await text('note'), problems]).toEqual(['done', '', []]);
  const expected = await searchSteps(cpu({ dtype: 'float64' }));
  const losses = (await text('losses')).trim().split('\n').map(Number);
  expect(losses.length).toBe(expected.losses.length);
  losses.forEach((loss, i) => expect(Math.abs(loss - expected.losses[i]!)).toBeLessThan(1e-4));
  expect(await text('genotype')).toBe(expected.genotype);
  expect(await page.locator('figure svg').count()).toBe(2);
}, 120_000);
