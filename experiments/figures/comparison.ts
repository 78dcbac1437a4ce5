/** @file Figures 9, 10 and 11: SNAS, ENAS and DARTS on the same supernet, images, seeds and number of steps. */
import type { StrategyName } from 'reparam/baselines';
import { lineChart, type LineSeries } from 'reparam/plot';
import type { Experiment, ExperimentContext, ExperimentResult } from './experiment.ts';
import type { Interval } from 'reparam/credit';
import { overSeeds, show, verdictOnPositive } from './verdict.ts';
import { type SearchRun } from 'reparam/jobs';
import { loadData } from 'reparam/data/node';
import { describeScale, searchJob } from './settings.ts';

type Epoch = SearchRun['epochs'][number];

const LABELS: Partial<Record<StrategyName, string>> = {
  snas: 'SNAS',
  enas: 'ENAS',
  'darts-1': 'DARTS, first order',
  'darts-single': 'DARTS, single level',
};

async function runsOf(context: ExperimentContext, strategies: readonly StrategyName[]): Promise<Map<StrategyName, SearchRun[]>> {
  const { train } = await loadData(context.data);
  const jobs = context.seeds.flatMap((seed) => strategies.map((s) => searchJob(context, train, s, seed)));
  const runs = await context.search(jobs);
  return new Map(strategies.map((s) => [s, runs.filter((r) => r.job.strategy === s)]));
}

/** Mean and interval by epoch; an interval is cut where the figure itself must end: 0, and `largest`. */
function curve(runs: readonly SearchRun[], figure: (epoch: Epoch) => number, largest = 1): LineSeries['points'] {
  return runs[0]!.epochs.map((_, e) => {
    const { mean: y, low, high } = overSeeds(runs.map((r) => figure(r.epochs[e]!)));
    return { x: e + 1, y, low: Math.max(0, low), high: Math.min(largest, high) };
  });
}

function curves(runs: ReadonlyMap<StrategyName, SearchRun[]>, figure: (epoch: Epoch) => number, largest = 1): LineSeries[] {
  return [...runs].map(([name, list]) => ({ name: LABELS[name] ?? name, points: curve(list, figure, largest) }));
}

const final = (runs: readonly SearchRun[], figure: (epoch: Epoch) => number): number[] => runs.map((r) => figure(r.epochs.at(-1)!));
const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, i) => v - b[i]!);

async function accuracyByEpoch(context: ExperimentContext): Promise<ExperimentResult> {
  const runs = await runsOf(context, ['snas', 'enas', 'darts-1']);
  const parent = (e: Epoch): number => e.parentAccuracy;
  const snas = final(runs.get('snas')!, parent);
  const enas = final(runs.get('enas')!, parent);
  const darts = final(runs.get('darts-1')!, parent);
  const meanOverEpochs = (list: readonly SearchRun[]): number[] =>
    list.map((r) => r.epochs.reduce((s, e) => s + e.parentAccuracy, 0) / r.epochs.length);
  const faster = minus(meanOverEpochs(runs.get('snas')!), meanOverEpochs(runs.get('enas')!));
  return {
    findings: [
      {
        claim: 'The validation accuracy of SNAS rises faster than that of ENAS and ends far higher.',
        seen:
          `${describeScale(context)}. Final validation accuracy of sampled architectures: SNAS ${show(overSeeds(snas))}, ENAS ${show(overSeeds(enas))}; ` +
          `paired difference ${show(overSeeds(minus(snas, enas)))}; difference of the mean over epochs (speed) ${show(overSeeds(faster))}.`,
        verdict: verdictOnPositive(minus(snas, enas)),
      },
      {
        claim:
          'DARTS rises faster than SNAS and ends about as high, but its figure is that of the whole parent, which no child has.',
        seen: `First-order DARTS ends at ${show(overSeeds(darts))}; DARTS less SNAS ${show(overSeeds(minus(darts, snas)))}.`,
        verdict: verdictOnPositive(minus(darts, snas)),
      },
    ],
    data: summarise(runs),
    pictures: {
      '': lineChart({
        title: 'Validation accuracy during the search',
        description: `Mean and 95 % interval over ${context.seeds.length} seeds by epoch. SNAS and ENAS: sampled architectures; DARTS: the parent with all operations.`,
        xLabel: 'epoch',
        yLabel: 'validation accuracy',
        series: curves(runs, parent),
      }),
    },
  };
}

async function childWithoutRetraining(context: ExperimentContext): Promise<ExperimentResult> {
  const runs = await runsOf(context, ['snas', 'darts-1']);
  const rows = [...runs].map(([name, list]) => {
    const parent = final(list, (e) => e.parentAccuracy);
    const child = final(list, (e) => e.childAccuracy);
    const running = list.map((r) => r.childWithRunningStatistics);
    return { name: LABELS[name]!, parent, child, running, loss: minus(parent, child) };
  });
  const [snas, darts] = rows as [(typeof rows)[number], (typeof rows)[number]];
  const cell = (values: readonly number[]): string => show(overSeeds(values));
  return {
    findings: [
      {
        claim: 'A child of SNAS keeps the accuracy of the search without retraining (88 % becomes 90 % on CIFAR-10).',
        seen: `${describeScale(context)}. Parent less child under SNAS: ${cell(snas.loss)} (negative: the child is better). The child's batch-norm statistics are recomputed by forward passes; with the supernet's running ones it has ${cell(snas.running)}.`,
        verdict: keeps(overSeeds(snas.loss))
          ? 'held'
          : overSeeds(snas.loss).mean < 0.03
            ? 'held in the mean, within the noise'
            : 'did not hold',
      },
      {
        claim: 'A child of DARTS (top-2 rule) loses it (88 % becomes 55 %).',
        seen: `Parent less child under first-order DARTS: ${cell(darts.loss)}; more than under SNAS by ${cell(minus(darts.loss, snas.loss))} (paired).`,
        verdict: verdictOnPositive(minus(darts.loss, snas.loss)),
      },
    ],
    data: summarise(runs),
    table: [
      '| search | parent | child, statistics recomputed | child, running statistics |',
      '| --- | --- | --- | --- |',
      ...rows.map((r) => `| ${r.name} | ${cell(r.parent)} | ${cell(r.child)} | ${cell(r.running)} |`),
    ].join('\n'),
    pictures: {
      '': lineChart({
        title: 'Search accuracy and the child without retraining',
        description: `Mean and 95 % interval over ${context.seeds.length} seeds by epoch, validation images: parent and derived child for SNAS and DARTS.`,
        xLabel: 'epoch',
        yLabel: 'validation accuracy',
        series: [...runs].flatMap(([name, list]) => [
          { name: `${LABELS[name]}: parent`, points: curve(list, (e) => e.parentAccuracy) },
          { name: `${LABELS[name]}: child`, points: curve(list, (e) => e.childAccuracy) },
        ]),
      }),
    },
  };
}

/** Within three points of the parent over the whole interval. */
function keeps(loss: Interval): boolean {
  return loss.high < 0.03;
}

async function entropyByEpoch(context: ExperimentContext): Promise<ExperimentResult> {
  const runs = await runsOf(context, ['snas', 'darts-1', 'darts-single']);
  const entropy = (e: Epoch): number => e.entropy;
  const snas = final(runs.get('snas')!, entropy);
  const darts = final(runs.get('darts-1')!, entropy);
  const single = final(runs.get('darts-single')!, entropy);
  return {
    findings: [
      {
        claim:
          "After the same number of epochs SNAS's distribution over operations is more certain than DARTS's softmax: its entropy is lower.",
        seen:
          `${describeScale(context)}. Mean entropy of an edge in nats (ln 8 = 2.079 at the start), the same Adam on log alpha for all: SNAS ${show(overSeeds(snas))}, ` +
          `DARTS first order ${show(overSeeds(darts))}, single level ${show(overSeeds(single))}. DARTS first order less SNAS, paired: ${show(overSeeds(minus(darts, snas)))}; ` +
          `single level less SNAS: ${show(overSeeds(minus(single, snas)))}.`,
        verdict: verdictOnPositive(minus(darts, snas)),
      },
    ],
    data: summarise(runs),
    pictures: {
      '': lineChart({
        title: 'Entropy of the architecture distribution',
        description: `Mean entropy of an edge in nats by epoch, mean and 95 % interval over ${context.seeds.length} seeds.`,
        xLabel: 'epoch',
        yLabel: 'entropy, nats an edge',
        series: curves(runs, entropy, Math.log(8)),
        references: [{ y: Math.log(8), label: 'uniform, ln 8' }],
      }),
    },
  };
}

function summarise(runs: ReadonlyMap<StrategyName, SearchRun[]>): unknown {
  return Object.fromEntries(
    [...runs].map(([name, list]) => [
      name,
      list.map(({ job, ...rest }) => ({ seed: job.config.seed, config: job.config, ...rest })),
    ]),
  );
}

export const comparisonExperiments: readonly Experiment[] = [
  { name: 'fig9', figure: 'figure 9', summary: 'validation accuracy by epoch: SNAS, ENAS, DARTS', run: accuracyByEpoch },
  {
    name: 'fig10',
    figure: 'figure 10',
    summary: 'search accuracy against the child without retraining: SNAS, DARTS',
    run: childWithoutRetraining,
  },
  { name: 'fig11', figure: 'figure 11', summary: 'entropy of the architecture distribution: SNAS, DARTS', run: entropyByEpoch },
];
