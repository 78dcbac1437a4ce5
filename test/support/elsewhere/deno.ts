/**
 * @file The tests of the WebGPU kernels in Deno, whose WebGPU is wgpu: `deno run -A --import-map test/support/elsewhere/deno.json
 * test/support/elsewhere/deno.ts [part of a name]`.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { runTests } from './run.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const part = process.argv[2] ?? '';
const names = readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(devices|webgpu)\.test\.ts$/.test(name) && name.includes(part))
  // Deno has no canvas to read pixels from.
  .filter((name) => name !== 'data/bitmap.webgpu.test.ts')
  .toSorted();
const files = new Map(names.map((name) => [name, () => import(`file://${path.join(root, 'test', name)}`) as Promise<unknown>]));
const { failed, passed } = await runTests({ files, device: 'webgpu', say: (line) => console.log(line) });
process.exit(failed > 0 || passed === 0 ? 1 : 0);
