/** @file Weight files as they are on disk: read back tensor by tensor, every flipped bit found, files of other programs read. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/export/index.ts';
import { ListedFolder } from '../../src/files/listed-folder.ts';
import { readWeights, weightBytes } from '../../src/files/weights.ts';
import { DataFormatError, ReparamError } from '../../src/contract/errors.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-weights-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const state = {
  a: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  b: { shape: [3], data: Float64Array.of(0.1, -0.2, 0.3) },
};

it('tensors read from a file hold their own elements, not those of the whole file', async () => {
  const file = path.join(scratch, 'two.safetensors');
  writeFileSync(file, weightBytes(state));
  const { tensors, checksum } = await readWeights(file);
  expect(Array.from(tensors['a']!.data)).toEqual([1, 2, 3, 4]);
  expect(Array.from(tensors['b']!.data)).toEqual([0.1, -0.2, 0.3]);
  expect(checksum).toMatch(/^[0-9a-f]{64}$/);
});

it('a flip of any bit is found by what the file says of itself: length, header, padding, checksum and its names, elements', () => {
  const whole = weightBytes(state, { step: '12' });
  expect(() => readSafetensors({ name: 'f', bytes: whole })).not.toThrow();
  for (let i = 0; i < whole.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Uint8Array.from(whole);
      bytes[i]! ^= 1 << bit;
      expect(() => readSafetensors({ name: 'f', bytes }), `byte ${i}, bit ${bit}`).toThrow(DataFormatError);
    }
  }
});

it('a file that its folder lists is damaged without a checksum, and if it is another whole file', async () => {
  const folder = path.join(scratch, 'listed');
  const listed = await ListedFolder.open(folder);
  await listed.prepare();
  await listed.write({ 'w.safetensors': weightBytes(state) });
  const file = path.join(folder, 'w.safetensors');
  await expect(readWeights(file)).resolves.toHaveProperty('tensors.a');
  const refused = async (bytes: Uint8Array): Promise<void> => {
    writeFileSync(file, bytes);
    await expect(readWeights(file)).rejects.toThrow(ReparamError);
    await expect(readWeights(file)).rejects.toThrow(`${file} `);
  };
  await refused(writeSafetensors(state));
  await refused(weightBytes({ a: state.a }));
  await refused(new Uint8Array(0));
  // The same bytes in a folder without a list are another program's file.
  const elsewhere = path.join(scratch, 'elsewhere.safetensors');
  writeFileSync(file, writeSafetensors(state));
  copyFileSync(file, elsewhere);
  expect((await readWeights(elsewhere)).checksum).toBeUndefined();
  expect(readFileSync(elsewhere)).toEqual(readFileSync(file));
});
