/** @file What the credit commands share: results written with what made them, and numbers for tables. */
import path from 'node:path';
import { makeFolder, removeLeftovers, version, writeFileWhole } from 'reparam/command';

export interface ResultFiles {
  readonly out: string;
  readonly name: string;
  readonly command: string;
  readonly seconds: number;
  /** What it was computed on. Default: float64 on the CPU. */
  readonly on?: string;
  readonly data: unknown;
  readonly markdown: string;
  /** SVG by suffix. */
  readonly pictures: Readonly<Record<string, string>>;
}

/** Writes NAME.json, NAME.md and the pictures, each saying what made it. */
export async function writeResults({
  out,
  name,
  command,
  seconds,
  on = 'float64 on the CPU',
  data,
  markdown,
  pictures,
}: ResultFiles): Promise<void> {
  await makeFolder(out);
  await removeLeftovers(out);
  const made = {
    command,
    date: new Date().toISOString().slice(0, 10),
    reparam: version,
    node: process.version,
    seconds: Math.round(seconds),
  };
  const digits = (_name: string, v: unknown): unknown =>
    typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(8)) : v;
  await writeFileWhole(path.join(out, `${name}.json`), `${JSON.stringify({ ...made, ...(data as object) }, digits, 1)}\n`);
  const shown = Object.keys(pictures).map((suffix) => `![${name}${suffix}](${name}${suffix}.svg)`);
  const footer = `Made by \`${made.command}\` on ${made.date}, reparam ${made.reparam}, Node ${made.node}, ${on}.`;
  await writeFileWhole(path.join(out, `${name}.md`), `${[markdown, ...shown, footer].join('\n\n')}\n`);
  for (const [suffix, svg] of Object.entries(pictures)) await writeFileWhole(path.join(out, `${name}${suffix}.svg`), svg);
}

/** A number for a table: fixed where that reads well. */
export function show(v: number, digits = 3): string {
  if (Number.isNaN(v)) return '-';
  if (!Number.isFinite(v)) return String(v);
  return v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential(1) : v.toFixed(digits);
}
