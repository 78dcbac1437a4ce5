/** @file Weight files as they are on disk: what is written is read back, tensor by tensor. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadWeights, saveWeights } from '../../../src/cli/shared/weights.ts';

it('tensors read from a file hold their own elements, not those of the whole file', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'reparam-weights-'));
  try {
    const file = path.join(folder, 'two.safetensors');
    await saveWeights(file, {
      a: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      b: { shape: [3], data: Float64Array.of(0.1, -0.2, 0.3) },
    });
    const { tensors } = await loadWeights(file);
    expect(Array.from(tensors['a']!.data)).toEqual([1, 2, 3, 4]);
    expect(Array.from(tensors['b']!.data)).toEqual([0.1, -0.2, 0.3]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
