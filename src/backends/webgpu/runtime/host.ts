/** @file Where this code runs, as far as advice depends on it. */

export type Runtime = 'node' | 'deno' | 'bun' | 'browser';
export type System = 'linux' | 'macos' | 'windows' | 'android' | 'ios' | 'unknown';

export interface Host {
  readonly runtime: Runtime;
  readonly system: System;
  /** In a browser. */
  readonly browser?: { readonly name: 'Firefox' | 'Chromium' | 'Safari'; readonly version: number } | undefined;
  /** Whether a page may have WebGPU: served by https, or from this machine. */
  readonly secure: boolean;
  /** Whether this is a worker of a page. */
  readonly worker: boolean;
}

/** What of the global object tells one host from another. */
export interface HostGlobals {
  readonly process?: { readonly versions?: { readonly node?: string; readonly bun?: string }; readonly platform?: string };
  readonly Deno?: { readonly build?: { readonly os?: string } };
  readonly navigator?: { readonly userAgent?: string; readonly maxTouchPoints?: number };
  readonly isSecureContext?: boolean;
  readonly document?: unknown;
}

export function readHost(globals: HostGlobals = globalThis): Host {
  const { process, Deno, navigator } = globals;
  const runtime: Runtime = Deno ? 'deno' : process?.versions?.bun ? 'bun' : process?.versions?.node ? 'node' : 'browser';
  const agent = navigator?.userAgent ?? '';
  const inBrowser = runtime === 'browser';
  return {
    runtime,
    system: inBrowser ? systemOfAgent(agent, navigator?.maxTouchPoints ?? 0) : systemOf(Deno?.build?.os ?? process?.platform ?? ''),
    browser: inBrowser ? browserOf(agent) : undefined,
    secure: !inBrowser || globals.isSecureContext !== false,
    worker: inBrowser && globals.document === undefined,
  };
}

/** By Node's names and Deno's. */
function systemOf(name: string): System {
  const systems: Readonly<Record<string, System>> = {
    linux: 'linux',
    darwin: 'macos',
    win32: 'windows',
    windows: 'windows',
    android: 'android',
  };
  return systems[name] ?? 'unknown';
}

function systemOfAgent(agent: string, touchPoints: number): System {
  if (/Android/.test(agent)) return 'android';
  // An iPad calls itself a Macintosh, but no Macintosh has a touch screen.
  if (/iPhone|iPad/.test(agent) || (/Macintosh/.test(agent) && touchPoints > 1)) return 'ios';
  if (/Windows/.test(agent)) return 'windows';
  if (/Macintosh/.test(agent)) return 'macos';
  return /Linux|CrOS|X11/.test(agent) ? 'linux' : 'unknown';
}

function browserOf(agent: string): Host['browser'] {
  const version = (pattern: RegExp): number => Number(pattern.exec(agent)?.[1]);
  if (/Firefox\//.test(agent)) return { name: 'Firefox', version: version(/Firefox\/(\d+)/) };
  if (/Chrome\//.test(agent)) return { name: 'Chromium', version: version(/Chrome\/(\d+)/) };
  if (/Version\/\d+.*Safari\//.test(agent)) return { name: 'Safari', version: version(/Version\/(\d+)/) };
  return undefined;
}
