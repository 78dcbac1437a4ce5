/** @file Weights to and from files. */
import { readFile, writeFile } from 'node:fs/promises';
import { readSafetensors, type Safetensors, writeSafetensors } from '../../export/safetensors.ts';
import type { StateDict } from '../../nn/module.ts';

/** Writes a state dict as safetensors. */
export async function saveWeights(file: string, state: StateDict, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
  await writeFile(file, writeSafetensors(state, { format: 'pt', ...metadata }));
}

/** Reads a safetensors file; DataFormatError if it is damaged. */
export async function loadWeights(file: string): Promise<Safetensors> {
  return readSafetensors({ name: file, bytes: await readFile(file) });
}
