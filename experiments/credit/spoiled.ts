/** @file `npm run credit -- spoiled`: what a wrong value of a later state does to earlier ones, and how long TD takes to repair it. */
import { type Interval, interval, type Judgement, judgeIdentity } from 'reparam/credit';
import { markdownTable, textTable } from 'reparam/command';
import { lineChart } from 'reparam/plot';
import { tableMethods } from '../laboratory/delayed/curves.ts';
import { spoil, spoiledShare, type Spoiling } from '../laboratory/delayed/spoiled.ts';
import { show, writeResults } from './report.ts';

export interface SpoiledFlags {
  readonly seeds: number;
  readonly rate: number;
  readonly out: string;
}

const GAPS = [1, 2, 4, 8, 16, 32];
const TREE_GAPS = [1, 2, 3, 4];
const ACTIONS = 3;
const CHAIN_EPISODES = 2000;
const TREE_EPISODES = 30_000;

interface Row {
  readonly where: string;
  readonly gap: number;
  readonly method: string;
  readonly peak: Interval;
  readonly peakAt: Interval;
  readonly repairedAt: Interval;
}

export async function runSpoiled(flags: SpoiledFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const { rate, seeds } = flags;
  const rows: Row[] = [];
  const residuals: number[] = [];
  const monteCarlo: number[] = [];
  const courses: { readonly gap: number; readonly course: Float64Array }[] = [];
  for (const { name: method, lambda } of tableMethods) {
    for (const gap of GAPS) {
      const found = spoil({ depth: gap + 1, actions: 1, rate, lambda, gap, episodes: CHAIN_EPISODES, seed: 1 });
      rows.push(rowOf('chain', gap, method, [found]));
      if (lambda === 0) {
        found.course.forEach((v, m) => residuals.push(v - spoiledShare(rate, m, gap)));
        courses.push({ gap, course: found.course });
      }
      if (lambda === 1) found.course.forEach((v) => monteCarlo.push(v));
    }
    for (const gap of TREE_GAPS) {
      const runs = Array.from({ length: seeds }, (_, seed) =>
        spoil({ depth: gap + 1, actions: ACTIONS, rate, lambda, gap, episodes: TREE_EPISODES, seed: seed + 1 }),
      );
      rows.push(rowOf(`tree of ${ACTIONS} options`, gap, method, runs));
      if (lambda === 1) for (const run of runs) run.course.forEach((v) => monteCarlo.push(v));
    }
    say(`${method}: done after ${seconds().toFixed(0)} s`);
  }
  const claims: (Judgement & { readonly claim: string })[] = [
    { claim: 'TD(0) on a chain spoils the first state by C(m, gap) a^gap (1 - a)^(m - gap)', ...judgeIdentity(residuals, 1e-12) },
    { claim: 'Monte Carlo does not spoil it at all', ...judgeIdentity(monteCarlo, 0) },
  ];
  const table = [
    ['where, steps between', ...tableMethods.flatMap(({ name }) => [`${name}: peak`, 'at episode', 'below a twentieth of it'])],
    ...[...new Set(rows.map((r) => `${r.where}, ${r.gap}`))].map((label) => [
      label,
      ...tableMethods.flatMap(({ name }) => {
        const r = rows.find((x) => x.method === name && `${x.where}, ${x.gap}` === label)!;
        return r.peak.mean === 0 ? ['0', '-', '-'] : [show(r.peak.mean), r.peakAt.mean.toFixed(0), r.repairedAt.mean.toFixed(0)];
      }),
    ]),
  ];
  const claimTable = [
    ['claim', 'largest residual', 'tried', 'verdict'],
    ...claims.map((c) => [c.claim, c.estimate.toExponential(0), String(c.n), c.verdict]),
  ];
  const head =
    `An error of 1 is planted in the value of a state some steps after the first, all other values being right; what of it reaches the first state, when most, and when it is below a twentieth of that most for good. ` +
    `Learning rate ${rate}; trees under uniform choices, means over ${seeds} seeds. The error is passed back one state an episode in the share a, spread over about gap / a episodes, so its peak falls as 1 / sqrt(2 pi gap (1 - a)) while its sum over episodes stays 1 / a; it goes only as the planted state is visited again. ` +
    'On a tree that is seldom: the peak is lower by the branches that lead elsewhere, and the repair takes longer by as much. Monte Carlo reads no later value and is not spoiled.';
  say(`\n${head}\n${textTable(table)}\n\n${textTable(claimTable)}`);
  await writeResults({
    out: flags.out,
    name: 'credit-spoiled',
    command: `npm run credit -- spoiled --seeds ${seeds} --rate ${rate}`,
    seconds: seconds(),
    data: { rows, claims },
    markdown: ['# Spoiled later values and their repair by TD', head, markdownTable(table), markdownTable(claimTable)].join('\n\n'),
    pictures: { '': chart(courses) },
  });
  say(`\nwritten to ${flags.out}/credit-spoiled.* in ${seconds().toFixed(0)} s`);
}

function rowOf(where: string, gap: number, method: string, runs: readonly Spoiling[]): Row {
  const over = (f: (s: Spoiling) => number): Interval => interval(runs.map(f));
  return { where, gap, method, peak: over((s) => s.peak), peakAt: over((s) => s.peakAt), repairedAt: over((s) => s.repairedAt) };
}

function chart(courses: readonly { readonly gap: number; readonly course: Float64Array }[]): string {
  return lineChart({
    title: 'Error of the first state of a chain after a later value was spoiled, TD(0)',
    description:
      'An error of 1 some steps after the first state reaches it late, smeared over many episodes, and goes again: the closed form C(m, gap) a^gap (1 - a)^(m - gap).',
    xLabel: 'episodes',
    yLabel: 'error of the first state',
    series: courses.map(({ gap, course }) => ({
      name: `${gap} step${gap === 1 ? '' : 's'} between`,
      points: Array.from(course.subarray(0, 501)).flatMap((y, x) => (x % 4 === 0 ? [{ x, y }] : [])),
      markers: false,
    })),
  });
}
