/** @file Hosts told apart by what their global objects say, with the user agents that browsers send. */
import { expect, it } from 'vitest';
import { type Host, type HostGlobals, readHost } from '../../../../src/backends/webgpu/runtime/host.ts';

const page = (userAgent: string, more: object = {}): HostGlobals => ({
  navigator: { userAgent, ...more },
  isSecureContext: true,
  document: {},
});
const FIREFOX = 'Gecko/20100101 Firefox/153.0';
const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0';
const SAFARI = 'AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5';

const BROWSERS: readonly (readonly [string, HostGlobals, Host['system'], string])[] = [
  ['Firefox on Linux', page(`Mozilla/5.0 (X11; Linux x86_64; rv:153.0) ${FIREFOX}`), 'linux', 'Firefox 153'],
  ['Firefox on Windows', page(`Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) ${FIREFOX}`), 'windows', 'Firefox 153'],
  ['Firefox on macOS', page(`Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:153.0) ${FIREFOX}`), 'macos', 'Firefox 153'],
  ['Firefox on Android', page('Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0'), 'android', 'Firefox 140'],
  ['Chrome on Linux', page(`Mozilla/5.0 (X11; Linux x86_64) ${CHROME} Safari/537.36`), 'linux', 'Chromium 140'],
  [
    'Edge on Windows',
    page(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36 Edg/140.0.0.0`),
    'windows',
    'Chromium 140',
  ],
  ['Chrome on Android', page(`Mozilla/5.0 (Linux; Android 10; K) ${CHROME} Mobile Safari/537.36`), 'android', 'Chromium 140'],
  ['Safari on macOS', page(`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${SAFARI} Safari/605.1.15`), 'macos', 'Safari 18'],
  [
    'Safari on an iPad',
    page(`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${SAFARI} Safari/605.1.15`, { maxTouchPoints: 5 }),
    'ios',
    'Safari 18',
  ],
  [
    'Safari on an iPhone',
    page(`Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) ${SAFARI} Mobile/15E148 Safari/604.1`),
    'ios',
    'Safari 18',
  ],
];

it.each(BROWSERS)('%s', (_name, globals, system, browser) => {
  const host = readHost(globals);
  expect(host).toMatchObject({ runtime: 'browser', system, secure: true, worker: false });
  expect(`${host.browser?.name} ${host.browser?.version}`).toBe(browser);
});

it('a page without https is not secure, and a global object without a document is a worker', () => {
  expect(readHost({ navigator: { userAgent: '' }, isSecureContext: false, document: {} })).toMatchObject({ secure: false });
  expect(readHost({ navigator: { userAgent: '' }, isSecureContext: true })).toMatchObject({ worker: true, browser: undefined });
});

it('tells Node, Deno and Bun apart, all of which have process.versions.node', () => {
  const node = { versions: { node: '20.20.2' }, platform: 'linux' };
  const node22 = { process: node, navigator: { userAgent: 'Node.js/22' } };
  expect(readHost(node22)).toMatchObject({ runtime: 'node', system: 'linux', browser: undefined, secure: true });
  expect(readHost({ process: { versions: { node: '24.3.0', bun: '1.3.0' }, platform: 'darwin' } })).toMatchObject({
    runtime: 'bun',
    system: 'macos',
  });
  expect(readHost({ process: node, Deno: { build: { os: 'windows' } } })).toMatchObject({ runtime: 'deno', system: 'windows' });
});

it('is this process', () => {
  expect(readHost()).toMatchObject({ runtime: 'node', browser: undefined });
});
