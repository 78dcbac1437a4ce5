/** @file Figures 12 to 15: cells under a resource penalty, their evolution and what three strengths of it leave. */
import { cpu, key } from 'reparam';
import { above, below, type Interval, near } from 'reparam/credit';
import { loadData } from 'reparam/data/node';
import { lineChart } from 'reparam/plot';
import {
  activeEdges,
  CELL_TYPES,
  type CostTable,
  costTable,
  darts,
  drawCell,
  drawEvolution,
  ETA_PRESETS,
  type Genotype,
  genotypeArchitecture,
  type NetworkConfig,
  networkContext,
  printGenotype,
  SearchSpace,
} from 'reparam/snas';
import { type Experiment, experiment, type ExperimentContext, type Measured, type Report } from './experiment.ts';
import { type KeptRun, kept } from './comparison.ts';
import { describeScale, searchJob } from './settings.ts';
import { depth, inDegrees, inputEdges, liveEdges, liveNodes } from './topology.ts';
import { minus, overSeeds, part, SHARE, show } from './verdict.ts';

/** Prices in nats for the most expensive network. */
export const ETAS = [0, 0.3, 1, 3, 10, 30] as const;

/** What the edges of a network cost for one image [channels, height, width]. */
function costsOf(network: NetworkConfig, image: readonly number[]): CostTable {
  const space = new SearchSpace(darts(network), networkContext(cpu(), key(0), { shape: image, classes: network.classes }));
  try {
    return costTable(space);
  } finally {
    space.dispose();
  }
}

interface SweptRun extends Omit<KeptRun, 'config'> {
  readonly eta: number;
  /** Of the edges of the child. */
  readonly parameters: number;
  /** The child as DARTS's literal. */
  readonly literal: string;
}

interface Sweep {
  readonly etas: readonly number[];
  /** What the most expensive network costs. */
  readonly largestCost: { readonly parameters: number; readonly flops: number; readonly memory: number };
  readonly runs: readonly SweptRun[];
}

async function measureSweep(context: ExperimentContext): Promise<Measured<Sweep>> {
  const { train } = await loadData(context.data);
  const jobs = ETAS.flatMap((eta) => context.seeds.map((seed) => searchJob(context, train, 'snas', seed, { eta })));
  const runs = await context.search(jobs);
  const table = costsOf(jobs[0]!.config.network, [train.channels, train.height, train.width]);
  return {
    setting: `${describeScale(context)}; the cost is relative, 1 being the most expensive network`,
    data: {
      etas: ETAS,
      largestCost: table.extremes().largest,
      runs: runs.map((run) => {
        const { config, ...rest } = kept(run);
        const { parameters } = table.of(genotypeArchitecture(rest.genotype));
        return { ...rest, eta: config.eta, parameters, literal: printGenotype(rest.genotype) };
      }),
    },
  };
}

function reportSweep({ data: { etas, runs } }: Measured<Sweep>): Report {
  const at = (eta: number): SweptRun[] => runs.filter((r) => r.eta === eta);
  const values = (eta: number, figure: (run: SweptRun) => number): number[] => at(eta).map(figure);
  const { genotype } = runs[0]!;
  const totalEdges = genotype.normal.length + genotype.reduce.length;
  const totalNodes = genotype.normalConcat.length + genotype.reduceConcat.length;
  const expected = (r: SweptRun): number => r.epochs.at(-1)!.expectedCost;
  const child = (r: SweptRun): number => r.epochs.at(-1)!.childAccuracy;
  const edges = (r: SweptRun): number => liveEdges(r.genotype);
  const nodes = (r: SweptRun): number => liveNodes(r.genotype);
  const parameters = (r: SweptRun): number => r.parameters;
  const deepest = (r: SweptRun): number => Math.max(...CELL_TYPES.map((type) => depth(r.genotype, type)));
  const positive = { range: [0, Infinity] } as const;
  const rows = etas.map((eta) => ({
    eta,
    expectedCost: overSeeds(values(eta, expected), SHARE),
    edges: overSeeds(values(eta, edges), { range: [0, totalEdges] }),
    nodes: overSeeds(values(eta, nodes), { range: [0, totalNodes] }),
    depth: overSeeds(values(eta, deepest), positive),
    inputs: overSeeds(
      values(eta, (r) => mean(CELL_TYPES.flatMap((type) => inDegrees(r.genotype, type)))),
      positive,
    ),
    parameters: overSeeds(values(eta, parameters), positive),
    child: overSeeds(values(eta, child), SHARE),
  }));
  const named = presets(rows, totalEdges, totalNodes);
  const { mild, moderate, aggressive } = named;
  const less = (from: number, to: number, figure: (run: SweptRun) => number): number[] =>
    minus(values(from, figure), values(to, figure));
  return {
    findings: [
      {
        id: 'cheaper',
        claim: 'A larger penalty gives a cheaper architecture.',
        seen: '',
        parts: etas
          .slice(1)
          .map((eta, i) => part(`expected cost at eta ${etas[i]} less that at ${eta}`, less(etas[i]!, eta, expected), above(0), 4)),
      },
      {
        id: 'simple',
        claim: 'A penalty that deletes no edges makes the operations simpler.',
        seen: `The smallest one that was swept, eta ${etas[1]}.`,
        parts: [
          part(`parameters at eta 0 less those at ${etas[1]}`, less(0, etas[1]!, parameters), above(0), 0),
          part(`live edges at eta 0 less those at ${etas[1]}`, less(0, etas[1]!, edges), near(0, 1), 1),
        ],
      },
      {
        id: 'vanish',
        claim: 'Under a mild penalty edges begin to vanish; under an aggressive one whole nodes do.',
        seen: `Of ${totalEdges} edges and ${totalNodes} nodes of both cells. By the rule under the table: mild eta ${mild}, moderate ${moderate}, aggressive ${aggressive}.`,
        parts: [
          part('live edges without a penalty less those under a mild one', less(0, mild, edges), above(0), 1),
          part('live nodes without a penalty less those under an aggressive one', less(0, aggressive, nodes), above(0), 1),
        ],
      },
      {
        id: 'input',
        claim: 'Under an aggressive penalty input k-1 has no edges.',
        seen: '',
        parts: [
          part(
            'edges from input k-1 in both cells',
            values(aggressive, (r) => sum(CELL_TYPES.map((type) => inputEdges(r.genotype, type, 1)))),
            below(1),
            1,
          ),
        ],
      },
      {
        id: 'smaller',
        claim: 'A moderate penalty reduces depth and parameters, compared with a mild one.',
        seen: 'Depth is the number of edges on the longest way from an input to a node, in the deeper of the two cells.',
        parts: [
          part('depth under the mild penalty less that under the moderate one', less(mild, moderate, deepest), above(0), 1),
          part(
            'parameters under the mild penalty less those under the moderate one',
            less(mild, moderate, parameters),
            above(0),
            0,
          ),
        ],
      },
      {
        id: 'accuracy',
        claim: 'A moderate penalty regularises: a higher accuracy than under the mild one.',
        seen: 'Children without retraining; the article compares retrained networks.',
        parts: [part('child accuracy, moderate less mild', less(moderate, mild, child), above(0))],
      },
    ],
    table: [
      '| eta | expected cost | live edges | live nodes | depth | inputs of a live node | parameters of the edges | child accuracy | name |',
      '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
      ...rows.map(
        (r) =>
          `| ${r.eta} | ${show(r.expectedCost)} | ${show(r.edges, 1)} | ${show(r.nodes, 1)} | ${show(r.depth, 1)} | ${show(r.inputs, 1)} | ${show(r.parameters, 0)} | ${show(r.child)} | ${Object.entries(
            named,
          )
            .filter(([, eta]) => eta === r.eta)
            .map(([name]) => name)
            .join(', ')} |`,
      ),
      '',
      'Mild: the smallest eta at which more edges are gone than without a penalty. Aggressive: the smallest at which at least one node in four is gone. Moderate: the eta between them (the geometric middle of those tried). The names are read off the same searches, so what they are defined by is no evidence.',
    ].join('\n'),
    pictures: {
      '': lineChart({
        title: 'Expected cost by strength of the penalty',
        description: `Expected relative cost of the architecture during the search for each eta, mean and interval over ${at(0).length} seeds.`,
        xLabel: 'epoch',
        yLabel: 'expected cost (1: the most expensive network)',
        yInclude: [0],
        series: etas.map((eta) => ({
          name: `eta ${eta}`,
          points: at(eta)[0]!.epochs.map((_, e) => {
            const {
              mean: y,
              low,
              high,
            } = overSeeds(
              at(eta).map((r) => r.epochs[e]!.expectedCost),
              SHARE,
            );
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

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** 0 of nothing: a cell without live nodes. */
function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

/** Names three strengths by what they do, from the sweep itself. */
function presets(
  rows: readonly { readonly eta: number; readonly edges: Interval; readonly nodes: Interval }[],
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

interface FilmedRun extends Omit<KeptRun, 'config'> {
  readonly frames: readonly { readonly step: number; readonly genotype: Genotype }[];
}

interface Evolution {
  readonly eta: number;
  readonly runs: readonly FilmedRun[];
}

async function measureEvolution(context: ExperimentContext): Promise<Measured<Evolution>> {
  const { train } = await loadData(context.data);
  const eta = ETA_PRESETS.aggressive;
  const probe = searchJob(context, train, 'snas', context.seeds[0]!, { eta });
  const stepsPerEpoch = Math.floor(probe.trainImages / probe.config.batchSize);
  const frameEvery = Math.max(1, Math.floor((stepsPerEpoch * probe.config.epochs) / 24));
  const runs = await context.search(context.seeds.map((seed) => searchJob(context, train, 'snas', seed, { eta, frameEvery })));
  return {
    setting: `${describeScale(context)}, eta ${eta}`,
    data: {
      eta,
      runs: runs.map((run) => {
        const { config: _config, ...rest } = kept(run);
        return rest;
      }),
    },
  };
}

/** The part of the search, of frames after its beginning, at which something that was gone is seen again; 1 where it never is. */
function returnsAt(frames: FilmedRun['frames'], there: (genotype: Genotype) => boolean): number {
  const gone = frames.findIndex((f) => !there(f.genotype));
  if (gone < 0) return 0;
  const back = frames.findIndex((f, i) => i > gone && there(f.genotype));
  return back < 0 ? 1 : back / (frames.length - 1);
}

function reportEvolution({ data: { runs } }: Measured<Evolution>): Report {
  const { genotype } = runs[0]!;
  const total = genotype.normal.length + genotype.reduce.length;
  const nodes = genotype.reduceConcat.length;
  const gone = (fraction: number): number[] =>
    runs.map(
      ({ frames }) => total - liveEdges(frames[Math.min(frames.length - 1, Math.floor(frames.length * fraction))]!.genotype),
    );
  const share = (values: readonly number[]): string => show(overSeeds(values, { range: [0, total] }), 1);
  const returns = runs.map(({ frames }) => returnsAt(frames, (g) => inputEdges(g, 'reduce') > 0));
  const innerReturns = runs.map(({ frames }) =>
    returnsAt(frames, (g) => activeEdges(g, 'reduce').length > inputEdges(g, 'reduce')),
  );
  const captioned = runs[0]!.frames.map(({ step, genotype: g }) => ({ genotype: g, caption: `step ${step}` }));
  return {
    findings: [
      {
        id: 'early',
        claim: 'Under an aggressive penalty most edges are deleted very early in the search.',
        seen: `Of ${total} edges, deleted (none, or cut off by it) after a quarter of the search: ${share(gone(0.25))}; after half: ${share(gone(0.5))}; at the end: ${share(gone(1))}. The film shows seed ${runs[0]!.seed}.`,
        parts: [part('edges deleted after a quarter', gone(0.25), above(total / 2), 1, { range: [0, total] })],
      },
      {
        id: 'late',
        claim:
          'Edges from the input nodes of the reduction cell appear only after half of the search (80 of 150 epochs); until then it is skipped.',
        seen: `As a part of the search, when an edge from an input is there again after all had gone; edges between its nodes return at ${show(overSeeds(innerReturns, SHARE), 2)}.`,
        parts: [part("return of the reduction cell's input edges", returns, above(0.5), 2, SHARE)],
      },
      {
        id: 'two-inputs',
        claim: 'In the normal cell each node ends with exactly two inputs.',
        seen: 'The claim of two is read as between 1.75 and 2.25 in the mean over the nodes that are left; a cell without nodes counts as 0.',
        parts: [
          part(
            'inputs of a live node of the normal cell',
            runs.map((r) => mean(inDegrees(r.genotype, 'normal'))),
            near(2, 0.25),
            2,
          ),
        ],
      },
      {
        id: 'half-used',
        claim: 'Half of the nodes of the reduction cell are not used in the end.',
        seen: 'Half is read as between a quarter and three quarters.',
        parts: [
          part(
            'part of the nodes of the reduction cell that is gone',
            runs.map((r) => 1 - inDegrees(r.genotype, 'reduce').length / nodes),
            near(0.5, 0.25),
            2,
            SHARE,
          ),
        ],
      },
    ],
    pictures: {
      '': lineChart({
        title: 'Live edges during a search under an aggressive penalty',
        description: `Edges of both cells that carry something, of ${total}, by step, one line a seed.`,
        xLabel: 'step',
        yLabel: 'live edges of both cells',
        yInclude: [0, total],
        series: runs.map((r) => ({
          name: `seed ${r.seed}`,
          points: r.frames.map((f) => ({ x: f.step, y: liveEdges(f.genotype) })),
        })),
      }),
      '-classes': lineChart({
        title: 'Live edges by class, mean over seeds',
        description: 'Edges from input nodes and edges between nodes, of the normal and of the reduction cell, by step.',
        xLabel: 'step',
        yLabel: 'live edges',
        yInclude: [0],
        series: CELL_TYPES.flatMap((type) => [
          { name: `${type}, from inputs`, points: classCurve(runs, (g) => inputEdges(g, type)) },
          { name: `${type}, between nodes`, points: classCurve(runs, (g) => activeEdges(g, type).length - inputEdges(g, type)) },
        ]),
      }),
      '-normal': drawEvolution(captioned, 'normal', { secondsPerFrame: 0.6 }),
      '-reduction': drawEvolution(captioned, 'reduce', { secondsPerFrame: 0.6 }),
    },
  };
}

function classCurve(
  runs: readonly FilmedRun[],
  count: (genotype: Genotype) => number,
): { readonly x: number; readonly y: number }[] {
  return runs[0]!.frames.map(({ step }, f) => ({ x: step, y: mean(runs.map((r) => count(r.frames[f]!.genotype))) }));
}

const PLAN = 'Stopping rule: the seeds asked for, three for the published run; none was added after a look at the figures.';

export const penaltyExperiments: readonly Experiment[] = [
  experiment<Evolution>({
    name: 'fig12',
    figure: 'figure 12',
    summary: 'evolution of the cells under an aggressive penalty, as a film',
    plan: PLAN,
    measure: measureEvolution,
    report: reportEvolution,
  }),
  experiment<Sweep>({
    name: 'fig13-15',
    figure: 'figures 13 to 15',
    summary: 'cells under mild, moderate and aggressive penalties, from a sweep of eta',
    plan: PLAN,
    measure: measureSweep,
    report: reportSweep,
  }),
];
