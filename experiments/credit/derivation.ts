/** @file `npm run credit -- derivation`: each line of the argument by two independent computations, under each setting of its assumptions. */
import { cpu } from 'reparam';
import {
  type AssumptionName,
  assumptions,
  derivationLines,
  derivationPage,
  derive,
  singleSwitches,
  type Switches,
  switchTitle,
} from 'reparam/credit';
import { textTable, writeFileWhole } from 'reparam/command';
import { attentionGap } from '../laboratory/identity/attention-gap.ts';
import { show } from './report.ts';

export interface DerivationFlags {
  readonly drop?: readonly AssumptionName[];
  readonly operations: number;
  readonly seed: number;
  readonly page?: string;
}

export const assumptionNames: readonly string[] = assumptions.map(({ name }) => name);

export async function runDerivation(flags: DerivationFlags, say: (line: string) => void): Promise<void> {
  const device = cpu();
  const { operations, seed, drop, page } = flags;
  const dropped = (names: readonly string[]): Switches =>
    Object.fromEntries(assumptions.map(({ name }) => [name, names.includes(name)])) as unknown as Switches;
  const wanted = drop ? [dropped(drop)] : singleSwitches.filter((s) => operations === 2 || !s.kinks);
  for (const switches of wanted) {
    const { lines, firstBroken, kinks } = await derive(device, { switches, operations, seed });
    const mends = new Map(derivationLines.map((l) => [l.name, l.mend]));
    say(
      `\nDropped: ${switchTitle(switches)}${kinks.length > 0 ? ` (${kinks.length} kinks)` : ''}. First line that breaks: ${firstBroken ?? 'none'}.`,
    );
    say(
      textTable([
        ['line', 'left', 'right', 'gap', 'what mends it', 'left over'],
        ...lines.map((l, i) => [
          `${i + 1}. ${l.name}`,
          l.left.toFixed(9),
          l.right.toFixed(9),
          l.gap.toExponential(1),
          Object.entries(l.mend ?? {})
            .filter(([, v]) => v !== 0)
            .map(([name, v]) => `${name} ${show(v, 6)}`)
            .join(', '),
          l.mendedGap?.toExponential(1) ?? '',
        ]),
      ]),
    );
    const mend = firstBroken && mends.get(firstBroken);
    if (mend) say(`What mends it: ${mend}.`);
  }
  if (operations > 2 && !drop) say('\nKinks of more than two operations are surfaces: docs/derivation.md has their integrals.');
  if (!drop) {
    say(
      '\nEquations 18 and 19 on 100 chains of linear cells: |E[L(Z)] - L(E[Z])| / sd of L over architectures, median and largest:',
    );
    say(textTable([['cells', 'a Z of each cell', 'one Z for all cells'], ...[1, 2, 3, 4].map(attentionRow)]));
  }
  if (page) {
    await writeFileWhole(page, `${await derivationPage(device)}\n`);
    say(`\nwritten to ${page}`);
  }
}

function attentionRow(cells: number): string[] {
  const found = Array.from({ length: 100 }, (_, seed) => attentionGap(cells, seed + 1));
  const told = (values: readonly number[]): string => {
    const sorted = values.toSorted((a, b) => a - b);
    const largest = sorted.at(-1)!;
    return largest < 1e-9 ? '< 1e-9' : `${show(sorted[50]!)}, ${show(largest)}`;
  };
  const share = ({ gap, deviation }: { readonly gap: number; readonly deviation: number }): number => Math.abs(gap) / deviation;
  return [String(cells), told(found.map(({ own }) => share(own))), told(found.map(({ tied }) => share(tied)))];
}
