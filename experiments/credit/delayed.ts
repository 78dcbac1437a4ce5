/** @file `npm run credit -- delayed`: credit when the reward comes only at the end, by tables on chains and trees, and RUDDER's own task. */
import { cpu } from 'reparam';
import { chainCurves, chainEpisodes, type EpisodesByDepth, treeEpisodes } from '../laboratory/delayed/curves.ts';
import { episodesToShare } from '../laboratory/delayed/tabular.ts';
import { learnWatchRepair, watchMethods, type WatchResult } from '../laboratory/delayed/watch-repair.ts';
import { interval } from 'reparam/credit';
import { lineChart, type LineSeries } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { writeResults } from './report.ts';

export interface DelayedFlags {
  readonly seeds: number;
  readonly watchSeeds: number;
  readonly watchLimit: number;
  readonly out: string;
}

const RATE = 0.1;
const HALF_DEPTHS = [4, 8, 16, 32];

const EXPONENTIAL =
  '**What is exponential, and what is not.** On a chain the first correction that reaches the first state has size a^T: exponentially small. ' +
  'The number of episodes to learn its value grows only linearly, about T / a. With branching, tables need exponentially many episodes, ' +
  'because TD(0) must visit every prefix often enough; Monte Carlo of the first state does not.';

const ANCHOR =
  'Solved: 95 % of the last 750 decisions right. A figure behind > is censored: that seed was given up there, so the mean is more than what is printed and its interval is left out. ' +
  "RUDDER's authors report, for three seeds, 1,900 to 3,800 episodes for RUDDER, 71,800 to 71,900 for TD, and for MC 27,700 in one seed, with two seeds that were not done after ten minutes and 240,000 episodes. " +
  'Their learner of TD differs from ours in its setting: values start at 10 and not at 0, an unrepaired watch meets jams and flat tyres too (without a cost), 10 % and not 20 % of the decisions are explored, and a decision counts as it was made. ' +
  'The first two make the difference: with them the values of both options have to be corrected through the same states, lag alike, and are in the right order long before they are right. In our setting the value of leaving is known at once, and that of repairing has to be right to within 1.5. ' +
  'Monte Carlo with a sample average instead of the fixed rate of 0.1 is our own control: most of its delay is the noise of the fixed rate, not the delay of the reward.';

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
      const censored = runs.some((w) => !w.solved);
      return [
        method,
        runs.map((w) => (w.solved ? String(w.episodes) : `>${w.episodes}`)).join(', '),
        censored
          ? `more than ${Math.exp(i.mean).toFixed(0)}`
          : `${Math.exp(i.mean).toFixed(0)} [${Math.exp(i.low).toFixed(0)}, ${Math.exp(i.high).toFixed(0)}]`,
      ];
    }),
  ];
  say('\nWatch repair, 50 steps:');
  say(textTable(watchTable));
  say(`\n${EXPONENTIAL}\n\n${ANCHOR}`);
  await writeResults({
    out: flags.out,
    name: 'credit-delayed',
    command: `npm run credit -- delayed --seeds ${flags.seeds} --watch-seeds ${flags.watchSeeds} --watch-limit ${flags.watchLimit}`,
    seconds: (performance.now() - started) / 1000,
    data: {
      half: half.slice(1),
      curves: curves.map((c) => ({ ...c, points: c.points.filter((p) => p.episodes % 20 === 0) })),
      chain,
      tree,
      watch,
    },
    markdown: [
      '# Credit under delayed reward',
      EXPONENTIAL,
      '## Chain: episodes until the first state has half its value',
      markdownTable(half),
      '## Tree of 3^T sequences: episodes until the first state is within 10 %',
      markdownTable(treeTable),
      '## Watch repair',
      ANCHOR,
      markdownTable(watchTable),
    ].join('\n\n'),
    pictures: {
      '-value': valueChart(curves),
      '-episodes': episodesChart(chain, tree),
    },
  });
  say(`\nwritten to ${flags.out}/credit-delayed* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
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
