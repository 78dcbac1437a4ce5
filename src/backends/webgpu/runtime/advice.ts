/**
 * @file What helps where there is no WebGPU, by host: which browser has it on which system (gpuweb's implementation status and MDN's table of
 * April 2026), which package or flag brings it elsewhere, and which driver is wanted.
 */
import type { Host, System } from './host.ts';

/** What always helps. */
export const CPU_INSTEAD = "or compute on the processor: cpu({ dtype: 'float32' })";
const SYSTEMS: Readonly<Record<System, string>> = {
  linux: 'Linux',
  macos: 'macOS',
  windows: 'Windows',
  android: 'Android',
  ios: 'iOS',
  unknown: 'this system',
};

/** The whole line where the host has no WebGPU at all. */
export function noWebGpu(host: Host): string {
  if (host.runtime === 'deno')
    return `Deno has WebGPU behind a flag here: run it as deno run --unstable-webgpu ..., ${CPU_INSTEAD}`;
  if (host.runtime !== 'browser') throw new Error('the package webgpu brings WebGPU to this runtime');
  if (!host.secure) return `WebGPU needs a secure context: serve this page by https or from localhost, ${CPU_INSTEAD}`;
  const place = host.worker ? 'worker' : 'page';
  return `this ${place} has no navigator.gpu: ${browserAdvice(host)}, ${CPU_INSTEAD}`;
}

function browserAdvice({ browser, system }: Host): string {
  const on = SYSTEMS[system];
  if (browser?.name === 'Firefox') return firefoxAdvice(browser.version, system);
  if (browser?.name === 'Chromium') {
    const first = system === 'android' ? 121 : system === 'linux' ? 144 : 113;
    if (browser.version < first)
      return `Chrome and Edge have WebGPU on ${on} from version ${first} on, and this is ${browser.version}`;
    const flags =
      system === 'linux' || system === 'unknown'
        ? 'start it with --enable-unsafe-webgpu --enable-features=Vulkan where its driver is not on the list'
        : 'look at chrome://gpu for why it is switched off, or switch on chrome://flags/#enable-unsafe-webgpu';
    return `Chrome ${browser.version} has WebGPU on ${on} for the graphics drivers that it trusts; ${flags}`;
  }
  if (browser?.name === 'Safari') {
    return browser.version < 26
      ? `Safari has WebGPU from version 26 on, and this is ${browser.version}`
      : `Safari ${browser.version} has WebGPU, and it is switched off here: Settings, Feature Flags, WebGPU`;
  }
  return 'Chrome and Edge have it from 113 on (Linux 144, Android 121), Safari from 26 on, Firefox from 141 on on Windows and 147 on Apple silicon';
}

function firefoxAdvice(version: number, system: System): string {
  const first = system === 'windows' ? 141 : system === 'macos' ? 147 : undefined;
  const on = SYSTEMS[system];
  const preference =
    'set dom.webgpu.enabled in about:config (and gfx.webgpu.ignore-blocklist where about:support blocks the driver)';
  if (system === 'ios') return 'browsers on iOS have the WebGPU of Safari, from iOS 26 on';
  if (first === undefined) return `Firefox ${version} has no WebGPU on ${on} unless you ${preference}`;
  const macs = system === 'macos' ? ', on Apple silicon alone' : '';
  if (version < first) return `Firefox has WebGPU on ${on} from version ${first} on${macs}, and this is ${version}`;
  return `Firefox ${version} has WebGPU on ${on}${macs}, and it is switched off here: ${preference}`;
}

/** How to get the package that brings WebGPU to Node or Bun. */
export function installDawn({ runtime }: Host): string {
  return runtime === 'bun' ? 'bun add webgpu' : 'npm install webgpu';
}

/** The whole line where WebGPU is there and finds no adapter. */
export function noAdapter(host: Host): string {
  if (host.runtime === 'browser') {
    const page: Readonly<Record<string, string>> = {
      Firefox: 'about:support says why, under Graphics',
      Chromium: 'chrome://gpu says why; --enable-unsafe-webgpu tries drivers that are not on its list',
      Safari: 'this machine or window has no graphics processor to give',
    };
    return `this browser has WebGPU but offers no adapter: ${page[host.browser?.name ?? ''] ?? 'its page on graphics says why'}; ${CPU_INSTEAD}`;
  }
  return `no WebGPU adapter was found: ${driverAdvice(host)}; ${CPU_INSTEAD}`;
}

/** The driver that a runtime other than a browser wants. */
function driverAdvice({ runtime, system }: Host): string {
  if (system === 'macos') return 'Metal is part of macOS, and a virtual machine or a session without graphics may lack it';
  if (system === 'windows') return 'it takes a driver for Direct3D 12; Windows Update or the maker of the graphics card has one';
  if (system === 'linux') {
    return (
      'it takes a Vulkan driver, and a software one will do; on Debian or Ubuntu: apt-get install -y --no-install-recommends ' +
      'mesa-vulkan-drivers libvulkan1 (Debian 12: from bookworm-backports)'
    );
  }
  return `${runtime === 'deno' ? 'wgpu' : 'Dawn'} has no driver for this system`;
}
