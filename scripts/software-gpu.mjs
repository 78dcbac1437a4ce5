/**
 * @file The software Vulkan driver (SwiftShader) and the headless Chromium that the dev dependency @sparticuz/chromium carries, unpacked
 * into node_modules/.cache, so that `npm ci` alone gives a real WebGPU on Linux x64, with nothing from the system's packages.
 *
 *   node scripts/software-gpu.mjs COMMAND [ARGUMENT...]     runs the command on it
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Whether the dev dependency is there and is built for this machine. */
export function softwareGpuAvailable() {
  return process.platform === 'linux' && process.arch === 'x64' && existsSync(archive('chromium'));
}

function archive(name) {
  return path.join(root, 'node_modules/@sparticuz/chromium/bin', `${name}.br`);
}

/** Unpacks the archives once per version of the package; the rename makes two processes at the same time safe. */
function unpack() {
  const manifest = path.join(root, 'node_modules/@sparticuz/chromium/package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  const folder = path.join(root, 'node_modules/.cache/software-gpu', version);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  for (const name of ['swiftshader.tar', 'al2023.tar', 'fonts.tar']) {
    const tar = spawnSync('tar', ['xf', '-', '-C', unfinished], { input: brotliDecompressSync(readFileSync(archive(name))) });
    if (tar.status !== 0) throw new Error(`tar could not unpack ${name}: ${String(tar.stderr)}`);
  }
  const chromium = path.join(unfinished, 'chromium');
  writeFileSync(chromium, brotliDecompressSync(readFileSync(archive('chromium'))));
  chmodSync(chromium, 0o755);
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(unfinished, { recursive: true });
  }
  return folder;
}

/** Environment variables that make Dawn use this driver. */
export function softwareDriver() {
  const folder = unpack();
  return {
    VK_ICD_FILENAMES: path.join(folder, 'vk_swiftshader_icd.json'),
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  };
}

/** Environment variables that make vitest.config.ts launch this Chromium with the libraries that a bare system lacks. */
export function carriedChromium() {
  const folder = unpack();
  const libraries = [folder, path.join(folder, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  return { CHROMIUM: path.join(folder, 'chromium'), CHROMIUM_LIBRARIES: libraries };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, ...args] = process.argv.slice(2);
  if (!command || !softwareGpuAvailable()) {
    console.error(
      command ? 'software-gpu: needs Linux x64 and npm ci' : 'usage: node scripts/software-gpu.mjs COMMAND [ARGUMENT...]',
    );
    process.exit(2);
  }
  const env = { ...process.env, ...softwareDriver(), ...carriedChromium() };
  process.exit(spawnSync(command, args, { stdio: 'inherit', env }).status ?? 1);
}
