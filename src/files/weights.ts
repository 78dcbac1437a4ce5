/** @file Weights to and from files, with the checksum that vouches for every byte. */
import path from 'node:path';
import { DataFileError } from '../contract/errors.ts';
import { readSafetensors, type Safetensors, writeCheckedSafetensors } from '../export/safetensors.ts';
import type { StateDict } from '../nn/module.ts';
import { ListedFolder, nodeSha256 } from './listed-folder.ts';

/** The bytes of a safetensors file with a checksum. */
export function weightBytes(state: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  return writeCheckedSafetensors(state, { format: 'pt', ...metadata }, { sha256: nodeSha256 });
}

/**
 * Reads a safetensors file. DataFormatError if it is damaged, DataFileError if the list of its folder names it and it is not what was written,
 * or if it has lost its checksum. A file that no list names, of another program, needs none.
 */
export async function readWeights(file: string): Promise<Safetensors> {
  const folder = await ListedFolder.open(path.dirname(file));
  const { bytes, standing } = await folder.read(path.basename(file));
  // First what is wrong inside, which says where; then whether it is another file altogether.
  const found = readSafetensors({ name: file, bytes }, { sha256: nodeSha256 });
  if (standing === 'changed' || (standing === 'whole' && found.checksum === undefined))
    throw new DataFileError(`${file} is damaged: it is not what was written (reparam verify ${folder.path})`);
  return found;
}
