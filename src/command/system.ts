/** @file What this machine is, and the line that installs a WebGPU adapter on it. */
import { readdirSync, readFileSync } from 'node:fs';

export interface System {
  readonly platform: string;
  readonly arch: string;
  /** `ID` of /etc/os-release: debian, ubuntu, fedora, ... */
  readonly distribution?: string | undefined;
  /** `VERSION_ID` of /etc/os-release, as a number. */
  readonly release?: number | undefined;
  /** `PRETTY_NAME` of /etc/os-release. */
  readonly name?: string | undefined;
  /** Whether commands need no `sudo`. */
  readonly root: boolean;
  /** Where apt gets this Debian from. */
  readonly mirror?: string | undefined;
}

/** Reads what is known of this machine. */
export function readSystem(): System {
  const osRelease = Object.fromEntries(
    [...readText('/etc/os-release').matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  return {
    platform: process.platform,
    arch: process.arch,
    distribution: osRelease['ID'],
    release: osRelease['VERSION_ID'] === undefined ? undefined : Number(osRelease['VERSION_ID']),
    name: osRelease['PRETTY_NAME'],
    root: process.getuid?.() === 0,
    mirror: aptMirror(),
  };
}

/** How to get a Vulkan driver that Dawn accepts, as a command to paste, or a sentence where no command does it. */
export function installLine(system: System): string {
  const sudo = system.root ? '' : 'sudo ';
  const apt = (options: string): string =>
    `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${options}mesa-vulkan-drivers libvulkan1`;
  switch (system.platform) {
    case 'darwin':
      return 'npm install webgpu (it uses Metal; nothing else is needed)';
    case 'win32':
      return 'npm install webgpu (it uses Direct3D 12; nothing else is needed)';
    case 'linux':
      break;
    default:
      return `the package webgpu has no build for ${system.platform}: use the CPU backend, or a browser`;
  }
  switch (system.distribution) {
    case 'debian': {
      if (system.release !== 12) return apt('');
      // Debian 12's own Mesa 22.3 lacks what Dawn requires.
      const source = `echo 'deb ${system.mirror ?? 'MIRROR'} bookworm-backports main' | ${sudo}tee /etc/apt/sources.list.d/backports.list`;
      const line = `${source} && ${apt('-t bookworm-backports ')}`;
      return system.mirror === undefined ? `${line} (MIRROR: the address of your Debian mirror)` : line;
    }
    case 'ubuntu':
    case 'linuxmint':
    case 'pop':
      return apt('');
    case 'fedora':
    case 'rhel':
    case 'centos':
    case 'rocky':
    case 'almalinux':
      return `${sudo}dnf install -y mesa-vulkan-drivers vulkan-loader`;
    case 'arch':
      return `${sudo}pacman -S --needed vulkan-swrast vulkan-icd-loader`;
    case 'alpine':
      return 'the package webgpu needs glibc, which Alpine has not: use the CPU backend, or a Debian image';
    default:
      return "install your distribution's Mesa Vulkan drivers (24 or later; on Debian: mesa-vulkan-drivers) and Vulkan loader (libvulkan1)";
  }
}

function aptMirror(): string | undefined {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...readFolder(folder).map((name) => `${folder}/${name}`)];
  return files
    .map(readText)
    .join('\n')
    .match(/(?:https?|mirror\+\w+):\S*\/debian(?=\/?\s|\/?$)/m)?.[0];
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
