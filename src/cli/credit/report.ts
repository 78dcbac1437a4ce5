/** @file What the credit commands share: lists of numbers as options, tables of text, and results written with what made them. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { version } from '../version.ts';

/** An option's list of positive numbers, with commas. */
export function positiveList(text: string): number[] {
  const list = text.split(',').map(Number);
  if (list.some((v) => !(v > 0) || !Number.isFinite(v)))
    throw new InvalidArgumentError('It must be positive numbers, with commas.');
  return list;
}

/** An option's integer of 1 or more. */
export function positiveInteger(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('It must be an integer of 1 or more.');
  return n;
}

/** Rows as columns of even width, the first column to the left, the others to the right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((r) => r[c]!.length)));
  return rows.map((r) => r.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  ')).join('\n');
}

/** A table of Markdown, of the same rows. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  const [head, ...rest] = rows as [readonly string[], ...(readonly string[])[]];
  return [line(head), line(head.map((_, c) => (c === 0 ? '---' : '---:'))), ...rest.map(line)].join('\n');
}

export interface ResultFiles {
  readonly out: string;
  readonly name: string;
  readonly command: string;
  readonly seconds: number;
  readonly data: unknown;
  readonly markdown: string;
  /** SVG by suffix. */
  readonly pictures: Readonly<Record<string, string>>;
}

/** Writes NAME.json, NAME.md and the pictures, each saying what made it. */
export async function writeResults({ out, name, command, seconds, data, markdown, pictures }: ResultFiles): Promise<void> {
  await mkdir(out, { recursive: true });
  const made = {
    command,
    date: new Date().toISOString().slice(0, 10),
    reparam: version,
    node: process.version,
    seconds: Math.round(seconds),
  };
  const digits = (_name: string, v: unknown): unknown =>
    typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(8)) : v;
  await writeFile(path.join(out, `${name}.json`), `${JSON.stringify({ ...made, ...(data as object) }, digits, 1)}\n`);
  const shown = Object.keys(pictures).map((suffix) => `![${name}${suffix}](${name}${suffix}.svg)`);
  const footer = `Made by \`${made.command}\` on ${made.date}, reparam ${made.reparam}, Node ${made.node}, float64 on the CPU.`;
  await writeFile(path.join(out, `${name}.md`), `${[markdown, ...shown, footer].join('\n\n')}\n`);
  for (const [suffix, svg] of Object.entries(pictures)) await writeFile(path.join(out, `${name}${suffix}.svg`), svg);
}

/** A number for a table: fixed where that reads well. */
export function show(v: number, digits = 3): string {
  if (!Number.isFinite(v)) return String(v);
  return v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential(1) : v.toFixed(digits);
}
