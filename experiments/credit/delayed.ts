/** @file `npm run credit -- delayed`: credit when the reward comes only at the end, by tables, RUDDER, REINFORCE and SNAS. */
import { cpu } from 'reparam';
import { chainCurves, chainEpisodes, type EpisodesByDepth, treeEpisodes } from '../laboratory/delayed/curves.ts';
import { creditRace, type DepthReport, gradientByDepth, type RacePoint } from '../laboratory/delayed/race.ts';
import { episodesToShare } from '../laboratory/delayed/tabular.ts';
import { learnWatchRepair, watchMethods, type WatchResult } from '../laboratory/delayed/watch-repair.ts';
import { interval } from 'reparam/credit';
import { lineChart, type LineSeries } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { show, writeResults } from './report.ts';

export interface DelayedFlags {
  readonly seeds: number;
  readonly samples: number;
  readonly watchSeeds: number;
  readonly watchLimit: number;
  readonly out: string;
}

const RATE = 0.1;
const HALF_DEPTHS = [4, 8, 16, 32];
const TEMPERATURE = 0.5;

export async function runDelayed(flags: DelayedFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const device = cpu();
  const curves = chainCurves([4, 16], RATE, 400);
  const half = [
    ['decisions T', 'TD(0)', 'TD(0.9)', 'MC', 'first correction of the first state, a^T'],
    ...HALF_DEPTHS.map((T) => [
      String(T),
      ...[0, 0.9, 1].map((l) => String(episodesToShare(T, RATE, l))),
      (RATE ** T).toExponential(0),
    ]),
  ];
  say('Chain: episodes until the first state has half its value, learning rate 0.1:');
  say(textTable(half));
  const chain = chainEpisodes([2, 4, 8, 16, 32], RATE);
  const tree = treeEpisodes([1, 2, 3, 4, 5, 6], 3, RATE, flags.seeds, 100_000);
  say('\nTree of 3^T sequences: episodes until the first state is within 10 %:');
  const treeTable = byDepthTable(tree);
  say(textTable(treeTable));

  const depths = await gradientByDepth(device, [3, 9, 27], TEMPERATURE, flags.samples);
  const depthTable = [
    ['T, estimator', 'bias', 'sd / |g|', ...[10, 100, 1000, 10_000].map((n) => `error at ${n}`)],
    ...depths.flatMap((d) =>
      d.estimators.map((e) => [
        `${d.depth}, ${e.name}`,
        e.unbiased ? '0' : show(e.bias),
        (e.spread / d.length).toFixed(1),
        ...[10, 100, 1000, 10_000].map((n) => errorAt(e, d.length, n).toFixed(2)),
      ]),
    ),
  ];
  say(`\nGradient of a deep chain (exact answer known), temperature ${TEMPERATURE}; error = root mean square / |g|:`);
  say(textTable(depthTable));
  const overtakes = overtaking(depths.at(-1)!);
  say(overtakes);

  const race = await creditRace(device, {
    depth: 6,
    operations: 3,
    checkpoints: [10, 30, 100, 300, 1000, 3000],
    seeds: flags.seeds,
    temperature: TEMPERATURE,
    lstmSteps: 300,
  });
  const raceTable = racePivot(race);
  say('\nOne NAS process, T = 6, 3 options: error of the policy gradient that each method implies, by episodes:');
  say(textTable(raceTable));

  const watch: WatchResult[] = [];
  for (const method of watchMethods) {
    for (let seed = 1; seed <= flags.watchSeeds; seed++)
      watch.push(await learnWatchRepair(device, method, seed, { limit: flags.watchLimit }));
  }
  const watchTable = [
    ['method', 'episodes to solve, by seed', 'geometric mean and 95 % interval'],
    ...watchMethods.map((method) => {
      const runs = watch.filter((w) => w.method === method);
      // Episodes differ by factors, so the interval is taken of their logarithms.
      const i = interval(runs.map((w) => Math.log(w.episodes)));
      const bound = runs.some((w) => !w.solved) ? 'more than ' : '';
      return [
        method,
        runs.map((w) => (w.solved ? String(w.episodes) : `>${w.episodes}`)).join(', '),
        `${bound}${Math.exp(i.mean).toFixed(0)} [${Math.exp(i.low).toFixed(0)}, ${Math.exp(i.high).toFixed(0)}]`,
      ];
    }),
  ];
  say('\nWatch repair, 50 steps:');
  say(textTable(watchTable));
  const halves = bothHalves(overtakes);
  say(`\n${halves.join('\n')}`);
  await writeResults({
    out: flags.out,
    name: 'credit-delayed',
    command: `npm run credit -- delayed --seeds ${flags.seeds} --samples ${flags.samples} --watch-seeds ${flags.watchSeeds} --watch-limit ${flags.watchLimit}`,
    seconds: (performance.now() - started) / 1000,
    data: {
      half: half.slice(1),
      curves: curves.map((c) => ({ ...c, points: c.points.filter((p) => p.episodes % 20 === 0) })),
      chain,
      tree,
      depths,
      race,
      watch,
    },
    markdown: [
      '# Credit under delayed reward',
      ...halves,
      '## Chain: episodes until the first state has half its value',
      markdownTable(half),
      '## Tree of 3^T sequences: episodes until the first state is within 10 %',
      markdownTable(treeTable),
      '## Gradient by depth',
      markdownTable(depthTable),
      overtakes,
      '## Five ways on one process',
      markdownTable(raceTable),
      '## Watch repair',
      "Solved: 95 % of the last 750 greedy decisions right. RUDDER's authors report 1,900 to 3,800 episodes for RUDDER, about 71,800 for TD and 27,700 to more than 240,000 for MC, with the same learning rate of 0.1. Monte Carlo with a sample average instead of that fixed rate is our own control: most of its delay here is the fixed rate's noise, not the delay of the reward.",
      markdownTable(watchTable),
    ].join('\n\n'),
    pictures: {
      '-value': valueChart(curves),
      '-episodes': episodesChart(chain, tree),
      '-variance': varianceChart(depths),
      '-floor': floorChart(depths.at(-1)!),
      '-race': raceChart(race),
    },
  });
  say(`\nwritten to ${flags.out}/credit-delayed* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

function bothHalves(overtakes: string): string[] {
  return [
    '**What is exponential, and what is not.** On a chain the first correction that reaches the first state has size a^T: exponentially small. ' +
      'The number of episodes to learn its value grows only linearly, about T / a. With branching, tables need exponentially many episodes, ' +
      'because TD(0) must visit every prefix often enough; Monte Carlo of the first state does not.',
    `**Where the differentiable credit leads, and where it is overtaken.** Its spread does not grow with depth while REINFORCE's does, so with few samples it is far ahead; ` +
      `but it estimates the gradient of the relaxed objective, and that bias stays. ${overtakes}`,
  ];
}

type Estimate = DepthReport['estimators'][number];

/** Root mean square error after n samples, relative to the gradient: bias and spread together. */
function errorAt(e: Estimate, length: number, n: number): number {
  return Math.hypot(e.unbiased ? 0 : e.bias, e.spread / length / Math.sqrt(n));
}

function overtaking({ depth, length, estimators }: DepthReport): string {
  const snas = estimators[0]!;
  const plain = estimators.find((e) => e.name === 'REINFORCE, mean')!;
  const crossing = (plain.spread ** 2 - snas.spread ** 2) / (snas.bias * length) ** 2;
  return (
    `At T = ${depth} the differentiable credit has ${(plain.spread / snas.spread).toFixed(1)} times less error than REINFORCE with a baseline while samples are few, ` +
    `a bias floor of ${(100 * snas.bias).toFixed(0)} % at temperature ${TEMPERATURE}, and is overtaken after about ${Number(crossing.toPrecision(2))} samples.`
  );
}

function byDepthTable(rows: readonly EpisodesByDepth[]): string[][] {
  const methods = [...new Set(rows.map((r) => r.method))];
  const depths = [...new Set(rows.map((r) => r.depth))];
  return [
    ['T', ...methods],
    ...depths.map((d) => [
      String(d),
      ...methods.map((m) => {
        const r = rows.find((x) => x.depth === d && x.method === m)!;
        return `${r.unfinished > 0 ? '>' : ''}${r.episodes.mean.toFixed(0)}`;
      }),
    ]),
  ];
}

function racePivot(race: readonly RacePoint[]): string[][] {
  const checkpoints = [...new Set(race.map((p) => p.episodes))];
  const methods = [...new Set(race.map((p) => p.method))];
  return [
    ['episodes', ...checkpoints.map(String)],
    ...methods.map((m) => [
      m,
      ...checkpoints.map((c) => race.find((p) => p.method === m && p.episodes === c)!.error.mean.toFixed(2)),
    ]),
  ];
}

function valueChart(curves: ReturnType<typeof chainCurves>): string {
  const series: LineSeries[] = curves
    .filter((c) => c.method !== 'closed form')
    .map((c) => ({ name: `${c.method}, T = ${c.depth}`, points: c.points.map((p) => ({ x: p.episodes, y: p.value })) }));
  return lineChart({
    title: 'Value of the first state of a chain, by episodes',
    description:
      'TD(0) starts late and then rises; the delay grows in proportion to the depth. Monte Carlo does not depend on the depth.',
    xLabel: 'episodes',
    yLabel: 'value / true value',
    series,
  });
}

function episodesChart(chain: readonly EpisodesByDepth[], tree: readonly EpisodesByDepth[]): string {
  const series = (rows: readonly EpisodesByDepth[], where: string): LineSeries[] =>
    [...new Set(rows.map((r) => r.method))].map((method) => ({
      name: `${method}, ${where}`,
      points: rows
        .filter((r) => r.method === method)
        .map((r) => ({ x: r.depth, y: r.episodes.mean, low: Math.max(1, r.episodes.low), high: r.episodes.high })),
    }));
  return lineChart({
    title: 'Episodes until the first value is within 10 %',
    description:
      'On chains the episodes grow linearly with depth for TD(0); on trees of three options they grow exponentially; Monte Carlo stays flat on both.',
    xLabel: 'decisions T',
    yLabel: 'episodes',
    yScale: 'log',
    series: [...series(chain, 'chain'), ...series(tree, 'tree')],
  });
}

function varianceChart(depths: readonly DepthReport[]): string {
  return lineChart({
    title: 'Spread of one gradient sample, by depth',
    description:
      'Relative to the length of the exact gradient. REINFORCE spreads more with every decision; the pathwise gradient does not.',
    xLabel: 'decisions T',
    yLabel: 'sd / |gradient|',
    xScale: 'log',
    yScale: 'log',
    series: depths[0]!.estimators.map((first, i) => ({
      name: first.name,
      points: depths.map((d) => ({ x: d.depth, y: d.estimators[i]!.spread / d.length })),
    })),
  });
}

function floorChart(report: DepthReport): string {
  const counts = Array.from({ length: 33 }, (_, i) => 10 ** (1 + i / 8));
  const snas = report.estimators[0]!;
  return lineChart({
    title: `Gradient error by samples, T = ${report.depth}`,
    description:
      'The differentiable credit is ahead with few samples and stops at its bias; unbiased REINFORCE goes on and overtakes it.',
    xLabel: 'samples',
    yLabel: 'root mean square error / |gradient|',
    xScale: 'log',
    yScale: 'log',
    references: [{ y: snas.bias, label: 'bias floor of the differentiable credit' }],
    series: report.estimators.map((e) => ({
      name: e.name,
      points: counts.map((n) => ({ x: n, y: errorAt(e, report.length, n) })),
      markers: false,
    })),
  });
}

function raceChart(race: readonly RacePoint[]): string {
  return lineChart({
    title: 'Error of the implied policy gradient, one NAS process',
    description:
      'T = 6 decisions, three options: SNAS leads up to some hundreds of episodes and then stays at its bias; REINFORCE overtakes it; tables and RUDDER follow.',
    xLabel: 'episodes (architectures evaluated)',
    yLabel: 'error / |gradient|',
    xScale: 'log',
    yScale: 'log',
    series: [...new Set(race.map((p) => p.method))].map((method) => ({
      name: method,
      points: race
        .filter((p) => p.method === method)
        .map((p) => ({ x: p.episodes, y: p.error.mean, low: Math.max(0.02, p.error.low), high: p.error.high })),
    })),
  });
}
