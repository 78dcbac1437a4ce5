/** @file `npm run results:check`: every published interval and verdict computed anew from the committed data, and where docs say otherwise. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { claimsPage } from './claims.ts';
import { figureTable } from './figure-table.ts';
import { publishedFigures, textOf } from './figures.ts';

/** A file that is not what its data say. */
export interface Difference {
  /** Relative to the repository's root. */
  readonly file: string;
  /** The first line that differs, or the interval that no result has. */
  readonly what: string;
  /** What the file should hold, where it is generated whole. */
  readonly expected?: string;
}

/** Pages whose intervals are quoted from results, and those quoted there that no kept data have, each with a reason in the page. */
const QUOTING: Readonly<Record<string, readonly string[]>> = {
  'README.md': [],
  'docs/credit.md': [],
  'docs/snas.md': ['[-0.27, 1.13]', '[-2.47, 3.29]'],
};

const BLOCK = { begin: '<!-- figures: npm run results:check -- --write -->', end: '<!-- /figures -->' };

/** All differences between docs and data under a root; none where they agree. */
export function differences(root: string): Difference[] {
  const results = path.join(root, 'docs/results');
  const figures = publishedFigures(results);
  const found: Difference[] = [];
  const compare = (file: string, expected: string): void => {
    const given = textOf(path.join(root, file));
    if (given !== expected) found.push({ file, what: firstDifference(given ?? '', expected), expected });
  };
  for (const { name, files } of figures) {
    for (const [suffix, text] of Object.entries(files)) compare(`docs/results/${name}${suffix}`, text);
  }
  compare('docs/claims.md', claimsPage(root, figures));
  const page = textOf(path.join(root, 'docs/snas.md')) ?? '';
  compare('docs/snas.md', withBlock(page, figureTable(figures)));
  const given = new Set(accounts(results).flatMap(intervals));
  for (const [file, apart] of Object.entries(QUOTING)) {
    const quoted = intervals(textOf(path.join(root, file)) ?? '');
    for (const text of quoted) {
      if (!given.has(text) && !apart.includes(text))
        found.push({ file, what: `quotes ${text}, which no result in docs/results has` });
    }
  }
  return found;
}

function accounts(results: string): string[] {
  return readdirSync(results)
    .filter((name) => name.endsWith('.md'))
    .map((name) => textOf(path.join(results, name)) ?? '');
}

/** Brackets of two numbers, as pages quote intervals; a line may end within one, and thousands may have commas. */
function intervals(text: string): string[] {
  const found = text.match(/\[-?\d[\d.,]*(?:e-?\d+)?,\s+-?\d[\d.,]*(?:e-?\d+)?\]/g) ?? [];
  return found.map((t) => t.replace(/,(?=\d{3})/g, '').replace(/\s+/g, ' '));
}

function withBlock(page: string, block: string): string {
  const begin = page.indexOf(BLOCK.begin);
  const end = page.indexOf(BLOCK.end);
  if (begin < 0 || end < begin) return `${page}\n${BLOCK.begin}\n${block}\n${BLOCK.end}\n`;
  return `${page.slice(0, begin + BLOCK.begin.length)}\n${block}\n${page.slice(end)}`;
}

function firstDifference(given: string, expected: string): string {
  const [a, b] = [given.split('\n'), expected.split('\n')];
  const line = b.findIndex((text, i) => text !== a[i]);
  const at = line < 0 ? b.length : line;
  return `line ${at + 1} is ${excerpt(a[at], b[at])}, and by the data ${excerpt(b[at], a[at])}`;
}

/** Around the place where a line departs from the other. */
function excerpt(text: string | undefined, other: string | undefined): string {
  if (text === undefined) return 'not there';
  let apart = 0;
  while (apart < text.length && text[apart] === other?.[apart]) apart++;
  const start = Math.max(0, apart - 40);
  return JSON.stringify(text.slice(start, start + 90));
}
