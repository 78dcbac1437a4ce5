/** @file `--space FILE`: a module whose default export makes a network with choices. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataFileError } from '../../contract/errors.ts';
import { loadModule } from '../../command/load-module.ts';
import { UsageError } from '../../command/usage-error.ts';
import { nodeSha256 } from '../../files/listed-folder.ts';
import { Layer } from '../../nn/module.ts';
import type { NetworkContext, SpaceDefinition } from '../../snas/space/search-space.ts';

/** Whether the name of a space is that of a file. */
export function isSpaceFile(name: string): boolean {
  return /\.[cm]?[jt]s$/.test(name);
}

export interface SpaceFile {
  /** Absolute path, and SHA-256 of what is in it. */
  readonly file: string;
  readonly digest: string;
  readonly definition: SpaceDefinition;
}

/** UsageError for a file that is not there or has no such export; what it throws when it loads or makes a network is told with its name. */
export async function loadSpaceFile(name: string): Promise<SpaceFile> {
  const file = path.resolve(name);
  const { default: make } = await loadModule(name);
  if (typeof make !== 'function') {
    throw new UsageError(
      `${name} has no default export that is a function: export default ({ device, key, channels, height, width, classes }) => network`,
    );
  }
  const network = (context: NetworkContext): Layer => {
    let made: unknown;
    try {
      made = (make as (context: NetworkContext) => unknown)(context);
    } catch (cause) {
      throw new DataFileError(
        `${name} makes no network: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`,
        { cause },
      );
    }
    if (made instanceof Layer) return made;
    const foreign = typeof made === 'object' && made !== null && 'forward' in made && 'stateDict' in made;
    const why = foreign
      ? 'its Layer is of another copy of reparam than the one that runs: run the reparam that is installed beside the file (npx reparam)'
      : 'its default export must return a Layer of reparam/nn';
    throw new DataFileError(`${name} makes no network: ${why}`);
  };
  const digest = nodeSha256(await readFile(file));
  return { file, digest, definition: { name: path.basename(name), settings: {}, network } };
}
