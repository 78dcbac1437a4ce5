/** @file Figures 12 to 15: cells under a resource penalty, their evolution and what three strengths of it leave. */
import { cpu, key } from 'reparam';
import {
  activeEdges,
  CELL_TYPES,
  type CostTable,
  costTable,
  darts,
  drawCell,
  drawEvolution,
  edgesOf,
  ETA_PRESETS,
  type Genotype,
  genotypeArchitecture,
  type NetworkConfig,
  networkContext,
  printGenotype,
  SearchSpace,
} from 'reparam/snas';
import { lineChart } from 'reparam/plot';
import type { Experiment, ExperimentContext, ExperimentResult } from './experiment.ts';
import type { Interval } from 'reparam/credit';
import { overSeeds, show } from './verdict.ts';
import { type SearchRun } from 'reparam/jobs';
import { loadData } from 'reparam/data/node';
import { describeScale, searchJob } from './settings.ts';

/** Prices in nats for the most expensive network. */
export const ETAS = [0, 0.3, 1, 3, 10, 30] as const;

/** Live edges and nodes of both cells. */
function shape(genotype: Genotype): { readonly edges: number; readonly nodes: number } {
  const live = CELL_TYPES.map((type) => activeEdges(genotype, type));
  return {
    edges: live[0]!.length + live[1]!.length,
    nodes: live.reduce((n, edges) => n + new Set(edges.map((e) => e.to)).size, 0),
  };
}

/** What the edges of a network cost for one image [channels, height, width]. */
function costsOf(network: NetworkConfig, image: readonly number[]): CostTable {
  const space = new SearchSpace(darts(network), networkContext(cpu(), key(0), { shape: image, classes: network.classes }));
  try {
    return costTable(space);
  } finally {
    space.dispose();
  }
}

async function sweep(context: ExperimentContext): Promise<ExperimentResult> {
  const { train } = await loadData(context.data);
  const jobs = ETAS.flatMap((eta) => context.seeds.map((seed) => searchJob(context, train, 'snas', seed, { eta })));
  const runs = await context.search(jobs);
  const { network } = jobs[0]!.config;
  const { nodes = 4 } = network;
  const table = costsOf(network, [train.channels, train.height, train.width]);
  const totalEdges = 2 * edgesOf(nodes).length;
  const totalNodes = 2 * nodes;
  const at = (eta: number): SearchRun[] => runs.filter((r) => r.job.config.eta === eta);
  const of = (eta: number, figure: (run: SearchRun) => number): Interval => overSeeds(at(eta).map(figure));
  const expected = (r: SearchRun): number => r.epochs.at(-1)!.expectedCost;
  const rows = ETAS.map((eta) => ({
    eta,
    expectedCost: of(eta, expected),
    edges: of(eta, (r) => shape(r.genotype).edges),
    nodes: of(eta, (r) => shape(r.genotype).nodes),
    parameters: of(eta, (r) => table.of(genotypeArchitecture(r.genotype)).parameters),
    child: of(eta, (r) => r.epochs.at(-1)!.childAccuracy),
  }));
  const steps = ETAS.slice(1).map((eta, i) => context.seeds.map((_, s) => expected(at(ETAS[i]!)[s]!) - expected(at(eta)[s]!)));
  const rises = steps.flatMap((d, i) =>
    overSeeds(d).mean < 0 ? [`${ETAS[i]} to ${ETAS[i + 1]} (${show(overSeeds(d.map((v) => -v)), 4)})`] : [],
  );
  const fallsAll = steps.every((d) => d.every((v) => v >= 0));
  const named = presets(rows, totalEdges, totalNodes);
  const nodesAtMild = rows.find((r) => r.eta === named.mild)!.nodes.mean;
  const nodesAtLargest = rows.at(-1)!.nodes.mean;
  return {
    findings: [
      {
        claim: 'A larger penalty gives a cheaper architecture.',
        seen:
          `${describeScale(context)}; the cost is relative, 1 being the most expensive network. Expected cost at the end for eta ${rows.map((r) => `${r.eta}: ${show(r.expectedCost)}`).join('; ')}. ` +
          (rises.length === 0 ? 'No step to a larger eta raised the mean.' : `Raised between eta ${rises.join(', ')}.`),
        verdict: rises.length > 0 ? 'did not hold' : fallsAll ? 'held' : 'held in the mean, within the noise',
      },
      {
        claim: 'Under a mild penalty edges begin to vanish; under an aggressive one whole nodes do.',
        seen:
          `Live edges of ${totalEdges} and nodes of ${totalNodes} in the children: ${rows.map((r) => `eta ${r.eta}: ${show(r.edges, 1)} edges, ${show(r.nodes, 1)} nodes`).join('; ')}. ` +
          `By the rule in the table: mild eta ${named.mild}, moderate ${named.moderate}, aggressive ${named.aggressive}.`,
        verdict: nodesAtLargest < nodesAtMild ? 'held' : 'did not hold',
      },
      {
        claim: 'A moderate penalty regularises: fewer parameters and a higher accuracy than under the mild one.',
        seen: `Child accuracy without retraining: mild ${show(rows.find((r) => r.eta === named.mild)!.child)}, moderate ${show(rows.find((r) => r.eta === named.moderate)!.child)}, aggressive ${show(rows.find((r) => r.eta === named.aggressive)!.child)}. (The article compares retrained networks.)`,
        verdict:
          rows.find((r) => r.eta === named.moderate)!.child.low > rows.find((r) => r.eta === named.mild)!.child.high
            ? 'held'
            : rows.find((r) => r.eta === named.moderate)!.child.mean > rows.find((r) => r.eta === named.mild)!.child.mean
              ? 'held in the mean, within the noise'
              : 'did not hold',
      },
    ],
    table: [
      '| eta | expected cost | live edges | live nodes | parameters of the edges | child accuracy | name |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows.map(
        (r) =>
          `| ${r.eta} | ${show(r.expectedCost)} | ${show(r.edges, 1)} | ${show(r.nodes, 1)} | ${show(r.parameters, 0)} | ${show(r.child)} | ${Object.entries(
            named,
          )
            .filter(([, eta]) => eta === r.eta)
            .map(([name]) => name)
            .join(', ')} |`,
      ),
      '',
      'Mild: the smallest eta at which more edges are gone than without a penalty. Aggressive: the smallest at which at least one node in four is gone. Moderate: the eta between them (the geometric middle of those tried).',
    ].join('\n'),
    data: {
      etas: ETAS,
      named,
      largestCost: table.extremes().largest,
      runs: runs.map(({ job, ...rest }) => ({
        seed: job.config.seed,
        eta: job.config.eta,
        ...rest,
        literal: printGenotype(rest.genotype),
      })),
    },
    pictures: {
      '': lineChart({
        title: 'Expected cost by strength of the penalty',
        description: `Expected relative cost of the architecture during the search for each eta, mean and interval over ${context.seeds.length} seeds.`,
        xLabel: 'epoch',
        yLabel: 'expected cost (1: the most expensive network)',
        yInclude: [0],
        series: ETAS.map((eta) => ({
          name: `eta ${eta}`,
          points: at(eta)[0]!.epochs.map((_, e) => {
            const { mean: y, low, high } = overSeeds(at(eta).map((r) => r.epochs[e]!.expectedCost));
            return { x: e + 1, y, low, high };
          }),
        })),
      }),
      ...Object.fromEntries(
        (['mild', 'moderate', 'aggressive'] as const).flatMap((name) =>
          CELL_TYPES.map((type) => [
            `-${name}-${type}`,
            drawCell(at(named[name])[0]!.genotype, type, {
              title: `${type === 'normal' ? 'Normal' : 'Reduction'} cell, ${name} penalty (eta ${named[name]})`,
            }),
          ]),
        ),
      ),
    },
  };
}

/** Names three strengths by what they do, from the sweep itself. */
function presets(
  rows: readonly { readonly eta: number; readonly edges: { readonly mean: number }; readonly nodes: { readonly mean: number } }[],
  totalEdges: number,
  totalNodes: number,
): { readonly mild: number; readonly moderate: number; readonly aggressive: number } {
  const penalised = rows.slice(1);
  const none = Math.min(totalEdges, rows[0]!.edges.mean);
  const mildAt = Math.max(
    0,
    penalised.findIndex((r) => r.edges.mean < none),
  );
  const found = penalised.findIndex((r) => r.nodes.mean <= 0.75 * totalNodes);
  const aggressiveAt = found < 0 ? penalised.length - 1 : Math.max(found, mildAt);
  return {
    mild: penalised[mildAt]!.eta,
    moderate: penalised[Math.floor((mildAt + aggressiveAt + 1) / 2)]!.eta,
    aggressive: penalised[aggressiveAt]!.eta,
  };
}

async function evolution(context: ExperimentContext): Promise<ExperimentResult> {
  const { train } = await loadData(context.data);
  const eta = ETA_PRESETS.aggressive;
  const probe = searchJob(context, train, 'snas', context.seeds[0]!, { eta });
  const stepsPerEpoch = Math.floor(probe.trainImages / probe.config.batchSize);
  const frameEvery = Math.max(1, Math.floor((stepsPerEpoch * probe.config.epochs) / 24));
  const runs = await context.search(context.seeds.map((seed) => searchJob(context, train, 'snas', seed, { eta, frameEvery })));
  const total = 2 * edgesOf(probe.config.network.nodes ?? 4).length;
  const edgesAt = (fraction: number): number[] =>
    runs.map(({ frames }) => shape(frames[Math.min(frames.length - 1, Math.floor(frames.length * fraction))]!.genotype).edges);
  const early = edgesAt(0.25);
  const half = edgesAt(0.5);
  const end = edgesAt(1);
  const gone = (live: readonly number[]): number[] => live.map((n) => total - n);
  const { frames } = runs[0]!;
  const captioned = frames.map(({ step, genotype }) => ({ genotype, caption: `step ${step}` }));
  return {
    findings: [
      {
        claim: 'Under an aggressive penalty most edges are deleted very early in the search.',
        seen:
          `${describeScale(context)}, eta ${eta}. Of ${total} edges, deleted (none, or cut off by it) after a quarter of the search: ${show(overSeeds(gone(early)), 1)}; after half: ${show(overSeeds(gone(half)), 1)}; ` +
          `at the end: ${show(overSeeds(gone(end)), 1)}. The film shows seed ${context.seeds[0]}.`,
        verdict: overSeeds(gone(early)).mean > total / 2 ? 'held' : 'did not hold',
      },
    ],
    data: { eta, runs: runs.map(({ job, ...rest }) => ({ seed: job.config.seed, ...rest })) },
    pictures: {
      '': lineChart({
        title: 'Live edges during a search under an aggressive penalty',
        description: `Edges of both cells that carry something, of ${total}, by step, one line a seed.`,
        xLabel: 'step',
        yLabel: 'live edges of both cells',
        yInclude: [0, total],
        series: runs.map((r) => ({
          name: `seed ${r.job.config.seed}`,
          points: r.frames.map((f) => ({ x: f.step, y: shape(f.genotype).edges })),
        })),
      }),
      '-normal': drawEvolution(captioned, 'normal', { secondsPerFrame: 0.6 }),
      '-reduction': drawEvolution(captioned, 'reduce', { secondsPerFrame: 0.6 }),
    },
  };
}

export const penaltyExperiments: readonly Experiment[] = [
  { name: 'fig12', figure: 'figure 12', summary: 'evolution of the cells under an aggressive penalty, as a film', run: evolution },
  {
    name: 'fig13-15',
    figure: 'figures 13 to 15',
    summary: 'cells under mild, moderate and aggressive penalties, from a sweep of eta',
    run: sweep,
  },
];
