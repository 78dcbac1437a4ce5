/** @file The device that a benchmark is asked to run on, and where software Vulkan drivers are found. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { softwareDriver, softwareGpuAvailable } from '../scripts/software-gpu.mjs';
import type { Device } from '../src/index.ts';
import { HERE, type Library } from './library.ts';

export async function openDevice(kind: string, { cpu, webgpu }: Library = HERE): Promise<Device> {
  if (kind === 'cpu') return cpu({ dtype: 'float32' });
  // On so many threads; a checkout from before there were threads has one.
  if (/^cpu-[1-8]$/.test(kind)) return cpu({ dtype: 'float32', threads: Number(kind.slice(4)) });
  if (kind === 'cpu64') return cpu({ dtype: 'float64' });
  if (kind === 'webgpu') return webgpu();
  throw new Error(`--device ${kind}: must be webgpu, cpu, cpu-1 to cpu-8 (threads) or cpu64`);
}

export const ADAPTERS = ['default', 'llvmpipe', 'swiftshader'] as const;

const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  llvmpipe: ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'],
  swiftshader: ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/usr/lib64/chromium-browser', '/opt/google/chrome'],
};
const MANIFESTS: Readonly<Record<string, RegExp>> = { llvmpipe: /^lvp_icd.*\.json$/, swiftshader: /^vk_swiftshader_icd\.json$/ };

/** Environment that makes Dawn take this adapter; `default` leaves the choice, or VK_ICD_FILENAMES, as it is. */
export function adapterEnvironment(adapter: string): Readonly<Record<string, string>> {
  if (adapter === 'default') return {};
  const manifest = MANIFESTS[adapter];
  if (!manifest) throw new Error(`--adapter ${adapter}: must be one of ${ADAPTERS.join(', ')}`);
  for (const folder of FOLDERS[adapter]!) {
    const file = existsSync(folder) && readdirSync(folder).find((name) => manifest.test(name));
    if (file) return { VK_ICD_FILENAMES: path.join(folder, file), VK_DRIVER_FILES: path.join(folder, file) };
  }
  if (adapter === 'swiftshader' && softwareGpuAvailable()) return softwareDriver();
  throw new Error(
    `--adapter ${adapter}: no driver manifest in ${FOLDERS[adapter]!.join(', ')}; name it in VK_ICD_FILENAMES and use --adapter default`,
  );
}
