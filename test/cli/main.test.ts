/** @file The `reparam` command as a process: exit codes, messages, and what `doctor` finds. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { installLine, type System } from '../../src/command/system.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

function reparam(args: readonly string[], env: Record<string, string> = {}): { code: number | null; out: string; err: string } {
  const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));
  const child = spawnSync(process.execPath, [tsx, 'src/cli/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

describe('doctor', () => {
  it('without a Vulkan driver says so, names the line for this system and still succeeds', () => {
    const { code, out } = reparam(['doctor', '--json'], {
      VK_ICD_FILENAMES: '/nonexistent.json',
      VK_DRIVER_FILES: '/nonexistent.json',
    });
    const report: unknown = JSON.parse(out);
    expect(report).toMatchObject({ adapter: null, node: process.version });
    expect(report).toHaveProperty('install', expect.stringMatching(/install/));
    expect(code).toBe(0);
  });
});

describe('a command line that cannot be obeyed', () => {
  it.each([
    [['doctor', '--jsn'], "unknown option '--jsn'"],
    [['docter'], "unknown command 'docter'"],
    [['doctor', 'now'], "too many arguments for 'doctor'"],
  ])('%j ends with code 2 and names the culprit', (args, message) => {
    const { code, err } = reparam(args);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  it('help lists every command and succeeds', () => {
    const { code, out } = reparam(['--help']);
    expect(out).toContain('doctor');
    expect(code).toBe(0);
  });
});

describe('the install line', () => {
  const linux = (distribution: string, release: number): System => ({
    platform: 'linux',
    arch: 'x64',
    distribution,
    release,
    root: false,
  });

  it('names no host where no mirror is configured on Debian 12, and says what to put there', () => {
    const line = installLine({ ...linux('debian', 12), root: true });
    expect(line).toMatch(/^echo 'deb MIRROR bookworm-backports main' \| tee .* \(MIRROR: the address of your Debian mirror\)$/);
    expect(line).not.toMatch(/https?:/);
  });

  it('takes Debian 12 to backports, from the mirror in use', () => {
    const line = installLine({ ...linux('debian', 12), root: true, mirror: 'http://mirror.example/debian' });
    expect(line).toBe(
      "echo 'deb http://mirror.example/debian bookworm-backports main' | tee /etc/apt/sources.list.d/backports.list && apt-get update && " +
        'apt-get install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1',
    );
  });

  it('needs no backports on Debian 13 and Ubuntu, and asks for sudo where the user is not root', () => {
    for (const system of [linux('debian', 13), linux('ubuntu', 24.04)]) {
      expect(installLine(system)).toBe(
        'sudo apt-get update && sudo apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1',
      );
    }
  });

  it('is the npm package alone on macOS and Windows', () => {
    for (const platform of ['darwin', 'win32'])
      expect(installLine({ platform, arch: 'arm64', root: false })).toContain('npm install webgpu');
  });
});
