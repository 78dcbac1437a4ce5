/** @file The table of docs/snas.md: every finding of the published figures in a line. */
import { describePart } from '../figures/verdict.ts';
import type { PublishedFigure } from './figures.ts';

/** A Markdown table: figure, claim, comparisons, verdict. */
export function figureTable(figures: readonly PublishedFigure[]): string {
  return [
    '| figure | the article | here | verdict |',
    '| --- | --- | --- | --- |',
    ...figures.flatMap(({ name, findings }) =>
      findings.map(
        ({ claim, parts, verdict }) =>
          `| [${name}](results/${name}.md) | ${claim} | ${parts.map(describePart).join('; ')} | ${verdict} |`,
      ),
    ),
  ].join('\n');
}
