/** @file A genotype from what stands on a command line: a published name, a literal, JSON, a file, the folder of a search, or a random draw. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { randomArchitecture } from '../../baselines/index.ts';
import { DataFileError, GenotypeError } from '../../contract/errors.ts';
import { ListedFolder } from '../../files/listed-folder.ts';
import { foldIn, type Key, key } from '../../core/random.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import { architectureGenotype, dartsLayout } from '../../snas/spaces/darts/choices.ts';
import type { Genotype } from '../../snas/spaces/darts/genotype.ts';
import { hasLiteral } from '../../snas/spaces/darts/literal-reader.ts';
import { genotype, PUBLISHED_NAMES } from '../../snas/spaces/darts/published.ts';
import { UsageError } from '../../command/usage-error.ts';

export interface NamedGenotype {
  /** The published name, the name of the file or folder, `random`, or `literal`. */
  readonly name: string;
  readonly genotype: Genotype;
}

export interface RandomDraw {
  readonly seed: number;
  /** 0, 1, ...: which of the seed's draws. The first is the one of figures 16 and 17. */
  readonly draw: number;
  /** Intermediate nodes of a cell. */
  readonly nodes: number;
}

/**
 * UsageError for a source that is none of these or a malformed literal, DataFileError for a file that holds no genotype. `random` is one
 * operation an edge, uniformly, of a cell of `nodes` nodes.
 */
export function genotypeFromSource(source: string, random: RandomDraw): NamedGenotype {
  const text = source.trim();
  if (text === 'random') {
    const first = foldIn(key(random.seed), RUN_KEYS.randomGenotype);
    return { name: text, genotype: randomGenotype(random.draw === 0 ? first : foldIn(first, random.draw), random.nodes) };
  }
  const published = PUBLISHED_NAMES.some((n) => n === text);
  if (published || text.startsWith('{') || hasLiteral(text)) {
    return { name: published ? text : 'literal', genotype: usable(source, (message) => new UsageError(`--genotype: ${message}`)) };
  }
  if (!existsSync(text)) {
    throw new UsageError(
      `--genotype '${text.slice(0, 60)}' is no published name (${PUBLISHED_NAMES.join(', ')}), no literal Genotype(...), not 'random', and no file or folder of a search`,
    );
  }
  const folder = statSync(text).isDirectory();
  const file = folder ? path.join(text, 'genotype.json') : text;
  if (!existsSync(file)) throw new DataFileError(`${text} holds no genotype.json: the search that it is for has not ended`);
  const name = folder ? path.basename(path.resolve(text)) : path.basename(text).replace(/\.[^.]*$/, '');
  return { name, genotype: usable(inFile(readFileSync(file, 'utf8')), (message) => new DataFileError(`${file}: ${message}`)) };
}

/** One operation an edge, each equally likely, `none` included. */
function randomGenotype(drawn: Key, nodes: number): Genotype {
  return architectureGenotype(randomArchitecture(drawn, dartsLayout(nodes)), nodes);
}

/** DataFileError for a source that is a file of a run, or its folder, and has changed since it was written. */
export async function checkSource(source: string): Promise<void> {
  const text = source.trim();
  const file = fileOf(text);
  if (file === undefined || !existsSync(file)) return;
  const folder = await ListedFolder.open(path.dirname(file));
  await folder.readWhole(path.basename(file));
}

/** The file that a source is read from, if it is one. */
function fileOf(text: string): string | undefined {
  if (!existsSync(text)) return undefined;
  return statSync(text).isDirectory() ? path.join(text, 'genotype.json') : text;
}

function usable(text: string, refuse: (message: string) => Error): Genotype {
  try {
    return genotype(text);
  } catch (error) {
    if (error instanceof GenotypeError) throw refuse(error.message);
    throw error;
  }
}

/** A search writes the genotype beside its accuracies; of such a file, the genotype alone. */
function inFile(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'genotype' in parsed) return JSON.stringify(parsed.genotype);
  } catch {
    // Not JSON: a literal, or an error that `genotype` explains.
  }
  return text;
}
