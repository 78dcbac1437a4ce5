/** @file Advice fits where it is read: each host's own browser, package, flag or driver, and no other's. */
import { describe, expect, it } from 'vitest';
import { installDawn, noAdapter, noWebGpu } from '../../../../src/backends/webgpu/runtime/advice.ts';
import type { Host } from '../../../../src/backends/webgpu/runtime/host.ts';

const node: Host = { runtime: 'node', system: 'linux', secure: true, worker: false };
const browser = (name: 'Firefox' | 'Chromium' | 'Safari', version: number, system: Host['system']): Host => ({
  runtime: 'browser',
  system,
  browser: { name, version },
  secure: true,
  worker: false,
});

describe('a browser without WebGPU', () => {
  // Versions: gpuweb's implementation status and MDN's compatibility data of April 2026.
  it.each([
    [browser('Firefox', 153, 'linux'), ['Firefox 153', 'Linux', 'dom.webgpu.enabled']],
    [browser('Firefox', 153, 'windows'), ['Firefox 153', 'switched off', 'dom.webgpu.enabled']],
    [browser('Firefox', 140, 'windows'), ['version 141', 'this is 140']],
    [browser('Firefox', 146, 'macos'), ['version 147', 'Apple silicon', 'this is 146']],
    [browser('Firefox', 150, 'macos'), ['Firefox 150', 'Apple silicon alone', 'switched off']],
    [browser('Firefox', 150, 'android'), ['Android', 'dom.webgpu.enabled']],
    [browser('Firefox', 150, 'ios'), ['Safari', 'iOS 26']],
    [browser('Chromium', 112, 'windows'), ['version 113', 'this is 112']],
    [browser('Chromium', 120, 'android'), ['version 121']],
    [browser('Chromium', 140, 'linux'), ['version 144']],
    [browser('Chromium', 150, 'linux'), ['--enable-unsafe-webgpu']],
    [browser('Chromium', 150, 'windows'), ['chrome://gpu']],
    [browser('Safari', 18, 'macos'), ['version 26', 'this is 18']],
    [browser('Safari', 26, 'macos'), ['Feature Flags']],
    [{ ...browser('Firefox', 150, 'linux'), browser: undefined }, ['Chrome and Edge', 'Safari', 'Firefox']],
  ] as const)('%o', (host, parts) => {
    const line = noWebGpu(host);
    for (const part of parts) expect(line).toContain(part);
    expect(line).toContain("cpu({ dtype: 'float32' })");
    expect(line).not.toMatch(/apt-get|npm|\n/);
  });

  it('does not tell Firefox 153 that it needs 141', () => {
    for (const system of ['linux', 'windows', 'macos'] as const)
      expect(noWebGpu(browser('Firefox', 153, system))).not.toContain('141');
  });

  it('asks for https before anything else, and says that a worker is one', () => {
    expect(noWebGpu({ ...browser('Chromium', 150, 'linux'), secure: false })).toMatch(/^WebGPU needs a secure context: .*https/);
    expect(noWebGpu({ ...browser('Chromium', 150, 'linux'), worker: true })).toContain('this worker');
  });
});

describe('no adapter', () => {
  it.each(['Firefox', 'Chromium', 'Safari'] as const)('in %s names its own pages and no package', (name) => {
    const line = noAdapter(browser(name, 150, 'linux'));
    expect(line).not.toMatch(/apt-get|npm|Vulkan driver|\n/);
    expect(line).toContain({ Firefox: 'about:support', Chromium: 'chrome://gpu', Safari: 'graphics' }[name]);
  });

  it('on Linux names a Vulkan driver, elsewhere what the system has', () => {
    expect(noAdapter(node)).toContain('apt-get install');
    expect(noAdapter({ ...node, system: 'macos' })).toMatch(/Metal/);
    expect(noAdapter({ ...node, system: 'macos' })).not.toMatch(/apt-get/);
    expect(noAdapter({ ...node, system: 'windows' })).toMatch(/Direct3D 12/);
    expect(noAdapter({ ...node, runtime: 'deno', system: 'unknown' })).toMatch(/wgpu/);
    expect(noAdapter({ ...node, runtime: 'bun' })).toContain('apt-get install');
  });
});

it('Deno is told its flag, Bun and Node their own commands', () => {
  expect(noWebGpu({ ...node, runtime: 'deno' })).toContain('--unstable-webgpu');
  expect(installDawn({ ...node, runtime: 'bun' })).toBe('bun add webgpu');
  expect(installDawn(node)).toBe('npm install webgpu');
});
