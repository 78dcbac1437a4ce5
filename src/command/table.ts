/** @file Tables for a terminal and for Markdown, of the same rows. */
import { largestOf } from '../contract/extremes.ts';

/** Rows as columns of even width, the first column to the left, the others to the right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, c) => largestOf(rows.map((r) => r[c]!.length)));
  return rows.map((r) => r.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  ')).join('\n');
}

/** A table of Markdown, of the same rows. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  const [head, ...rest] = rows as [readonly string[], ...(readonly string[])[]];
  return [line(head), line(head.map((_, c) => (c === 0 ? '---' : '---:'))), ...rest.map(line)].join('\n');
}
