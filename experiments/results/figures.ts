/** @file The published figures: what their committed data say, beside what stands in the folder. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EXPERIMENTS } from '../figures/experiments.ts';
import { type Account, accountOf, type ResultFile } from '../figures/published.ts';

/** A published figure, its account computed anew from its data. */
export interface PublishedFigure extends Account {
  readonly name: string;
  readonly command: string;
}

/** All figures whose data are in a folder. */
export function publishedFigures(folder: string): PublishedFigure[] {
  return EXPERIMENTS.flatMap((experiment) => {
    const text = textOf(path.join(folder, `${experiment.name}.json`));
    if (text === undefined) return [];
    const { findings: _findings, ...file } = JSON.parse(text) as ResultFile & { readonly findings: unknown };
    return [{ name: experiment.name, command: file.command, ...accountOf(experiment, file) }];
  });
}

/** A file's text; undefined where there is none. */
export function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
