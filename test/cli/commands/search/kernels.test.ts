/** @file A stored run goes on with the SIMD kernels that it was begun with, where the engine has them. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeIdxFolder } from '../../../support/idx-folder.ts';
import { KERNELS, type Kernels, withRelaxed } from '../../../support/kernels.ts';
import { runReparam } from '../../../support/run-reparam.ts';
import { decided, tinyArgs } from '../../../support/tiny-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-kernels-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
const NAMES = { plain: 'cpu float32 (WASM SIMD)', relaxed: 'cpu float32 (WASM relaxed SIMD)' };

/** A run of two epochs of each kind, and what its seed decided. */
const whole = (kernels: Kernels): string => path.join(scratch, kernels);
beforeAll(async () => {
  for (const kernels of KERNELS) {
    const { code, err } = await withRelaxed(kernels === 'relaxed', () => runReparam(...tinyArgs(data, whole(kernels))));
    if (code !== 0 || err !== '') throw new Error(`the run of ${kernels} kernels ended with ${code}: ${err}`);
  }
}, 60_000);

const adapterOf = (folder: string): unknown =>
  (JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as Record<string, unknown>)['adapter'];

/** Goes on from the checkpoint after the first epoch. */
async function goOn(kernels: Kernels, relaxed: boolean): Promise<{ folder: string; err: string }> {
  const folder = path.join(scratch, `${kernels} with relaxed SIMD ${relaxed}`);
  cpSync(whole(kernels), folder, { recursive: true });
  rmSync(path.join(folder, 'checkpoint-4.safetensors'));
  const { code, err } = await withRelaxed(relaxed, () => runReparam('search', '--resume', folder, '--quiet'));
  expect(code).toBe(0);
  return { folder, err };
}

const withoutLost = (err: string): string => err.replaceAll(/^.*checkpoint-4.*\n/gm, '');

it('config.json names the kernels, which decide the bits', () => {
  for (const kernels of KERNELS) expect(adapterOf(whole(kernels))).toBe(NAMES[kernels]);
  expect(decided(whole('plain'))['child.safetensors']).not.toBe(decided(whole('relaxed'))['child.safetensors']);
});

it.each([
  ['plain', false],
  ['plain', true],
  ['relaxed', true],
] as const)(
  'a run of %s kernels goes on to its own bits (relaxed SIMD there: %s), and nothing is said',
  async (kernels, relaxed) => {
    const { folder, err } = await goOn(kernels, relaxed);
    expect(withoutLost(err)).toBe('');
    expect(decided(folder)).toEqual(decided(whole(kernels)));
  },
);

it('a run of relaxed kernels goes on without them, and one line says that bits differ', async () => {
  const { folder, err } = await goOn('relaxed', false);
  const said = `begun elsewhere \\(device ${NAMES.relaxed}, now ${NAMES.plain}\\): its figures may differ`.replaceAll(
    / \(W(.*?)\)/g,
    ' \\(W$1\\)',
  );
  expect(withoutLost(err)).toMatch(new RegExp(`^reparam: note: [^\\n]*${said}[^\\n]*\\n$`));
  expect(decided(folder)['child.safetensors']).not.toBe(decided(whole('relaxed'))['child.safetensors']);
});
