/** @file Section 2.4: what a hand-made rule does to the child of one alpha, and whether a budget (equation 14) is kept by an adapted price (15). */
import { above, below, judgeShare } from 'reparam/credit';
import { loadData } from 'reparam/data/node';
import type { SearchRun } from 'reparam/jobs';
import { lineChart } from 'reparam/plot';
import { ETA_PRESETS, type Genotype } from 'reparam/snas';
import { type Experiment, experiment, type ExperimentContext, type Measured, type Report } from './experiment.ts';
import { describeScale, searchJob } from './settings.ts';
import { liveEdges } from './topology.ts';
import { minus, overSeeds, part, SHARE, show } from './verdict.ts';

/** Two children of one alpha and its weights. */
interface Decoded {
  readonly seed: number;
  readonly eta: number;
  readonly argmax: { readonly genotype: Genotype; readonly accuracy: number };
  readonly strongest: { readonly genotype: Genotype; readonly accuracy: number };
}

const PRICES = [0, ETA_PRESETS.moderate] as const;

async function measureDecodings(context: ExperimentContext): Promise<Measured<readonly Decoded[]>> {
  const { train } = await loadData(context.data);
  const jobs = PRICES.flatMap((eta) =>
    context.seeds.map((seed) => searchJob(context, train, 'snas', seed, { eta, short: true, decodings: true })),
  );
  const runs = await context.search(jobs);
  return {
    setting: describeScale(context, true),
    data: runs.map(({ job, decodings }) => ({ seed: job.config.seed, eta: job.config.eta, ...decodings! })),
  };
}

function reportDecodings({ data }: Measured<readonly Decoded[]>): Report {
  const at = (eta: number): Decoded[] => data.filter((d) => d.eta === eta);
  const edges = (eta: number, rule: 'argmax' | 'strongest'): number[] => at(eta).map((d) => liveEdges(d[rule].genotype));
  const accuracy = (eta: number, rule: 'argmax' | 'strongest'): number[] => at(eta).map((d) => d[rule].accuracy);
  const [free, priced] = PRICES;
  return {
    findings: [
      {
        id: 'rule',
        claim: "Rules made by hand (DARTS's two edges a node, never none) keep the search from making a network sparse by itself.",
        seen: `The same alpha and weights, decoded by both rules; eta ${priced}.`,
        parts: [part('live edges, top-2 less argmax', minus(edges(priced, 'strongest'), edges(priced, 'argmax')), above(0), 1)],
      },
      {
        id: 'accuracy',
        claim: 'What the rule gives is not what was optimised: the child by top-2 is less accurate than that by argmax.',
        seen: 'Children without retraining.',
        parts: PRICES.map((eta) =>
          part(`accuracy at eta ${eta}, argmax less top-2`, minus(accuracy(eta, 'argmax'), accuracy(eta, 'strongest')), above(0)),
        ),
      },
    ],
    table: [
      '| eta | rule | live edges | accuracy of the child |',
      '| --- | --- | --- | --- |',
      ...[free, priced].flatMap((eta) =>
        (['argmax', 'strongest'] as const).map(
          (rule) =>
            `| ${eta} | ${rule === 'argmax' ? 'argmax of all eight' : 'top-2 a node, never none'} | ${show(overSeeds(edges(eta, rule), { range: [0, Infinity] }), 1)} | ${show(overSeeds(accuracy(eta, rule), SHARE))} |`,
        ),
      ),
    ].join('\n'),
    pictures: {},
  };
}

/** What the child may have, in parameters, at each scale. */
const LIMITS = { smoke: 600, default: 2000, paper: 3_000_000 } as const;

interface Budgeted {
  readonly seed: number;
  readonly limit: number;
  /** Of the child, and of the one that the argmax would have been. */
  readonly reached: number;
  readonly derived: number;
  /** E[parameters] and price by epoch, and what they were in the end. */
  readonly expected: readonly number[];
  readonly multiplier: number;
  readonly accuracy: number;
  /** Of the search without a budget. */
  readonly freeAccuracy: number;
}

async function measureBudget(context: ExperimentContext): Promise<Measured<readonly Budgeted[]>> {
  const { train } = await loadData(context.data);
  const parameters = LIMITS[context.scale];
  const free = await context.search(
    context.seeds.map((seed) => searchJob(context, train, 'snas', seed, { short: true, decodings: true })),
  );
  const runs = await context.search(
    context.seeds.map((seed) => searchJob(context, train, 'snas', seed, { short: true, budget: { parameters } })),
  );
  return {
    setting: `${describeScale(context, true)}; at most ${parameters} parameters`,
    data: runs.map((run, i) => budgeted(run, free[i]!)),
  };
}

function budgeted(run: SearchRun, free: SearchRun): Budgeted {
  const { limit, reached, derived, multiplier } = run.budget!.limits[0]!;
  return {
    seed: run.job.config.seed,
    limit,
    reached,
    derived,
    expected: [...run.epochs.map((e) => e.budget![0]!.expected)],
    multiplier,
    accuracy: run.childAccuracy!,
    freeAccuracy: free.childAccuracy!,
  };
}

function reportBudget({ data }: Measured<readonly Budgeted[]>): Report {
  const over = data.map((d) => d.expected.at(-1)! / d.limit);
  return {
    findings: [
      {
        id: 'budget',
        claim:
          'A budget for the child (equation 14) becomes a price by the Lagrangian (equation 15): the price makes the search keep to it.',
        seen: `The price, adapted in every step, ends at ${show(
          overSeeds(
            data.map((d) => d.multiplier),
            { range: [0, Infinity] },
          ),
          2,
        )} nats; the most probable child would have had ${show(
          overSeeds(
            data.map((d) => d.derived),
            { range: [0, Infinity] },
          ),
          0,
        )} parameters. Kept: at most a tenth above the limit.`,
        parts: [
          part('E[parameters] at the end, in limits', over, below(1.1), 2),
          {
            name: 'children within the limit',
            judgement: judgeShare(data.filter((d) => d.reached <= d.limit).length, data.length, above(0.5)),
            digits: 2,
          },
        ],
      },
      {
        id: 'price',
        claim: 'The price of the budget is paid in accuracy.',
        seen: 'Children without retraining.',
        parts: [
          part(
            'accuracy without the budget less with it',
            data.map((d) => d.freeAccuracy - d.accuracy),
            above(0),
          ),
        ],
      },
    ],
    pictures: {
      '': lineChart({
        title: 'E[parameters] during searches with a budget',
        description: `One line a seed; the limit is ${data[0]!.limit} parameters.`,
        xLabel: 'epoch',
        yLabel: 'E[parameters]',
        yInclude: [0],
        series: data.map((d) => ({ name: `seed ${d.seed}`, points: d.expected.map((y, i) => ({ x: i + 1, y })) })),
        references: [{ y: data[0]!.limit, label: 'limit' }],
      }),
    },
  };
}

const PLAN = 'Stopping rule: the seeds asked for, eight for the published run.';

export const decodingExperiments: readonly Experiment[] = [
  experiment({
    name: 'decoding',
    figure: 'section 2.4',
    summary: 'the child of one alpha by two rules',
    plan: PLAN,
    measure: measureDecodings,
    report: reportDecodings,
  }),
  experiment({
    name: 'eq14',
    figure: 'equation 14',
    summary: 'a budget for the child, kept by a price that is adapted',
    plan: PLAN,
    measure: measureBudget,
    report: reportBudget,
  }),
];
