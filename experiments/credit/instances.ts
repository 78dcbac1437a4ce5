/** @file `npm run credit -- instances`: quantiles and sign tests over random instances, in place of one fixture's figures. */
import { cpu } from 'reparam';
import {
  above,
  baselineNames,
  below,
  type HeadName,
  headNames,
  holm,
  type Judgement,
  judgeShare,
  type Region,
} from 'reparam/credit';
import { markdownTable, textTable } from 'reparam/command';
import {
  baselineInstances,
  biasInstances,
  type EdgeInstance,
  edgeInstances,
  type LimitReport,
  spaceInstances,
  trapezoidLimits,
} from '../laboratory/instances.ts';
import { quantile, quantiles, showQuantiles } from '../laboratory/quantiles.ts';
import { show, writeResults } from './report.ts';

export interface InstancesFlags {
  readonly edges: number;
  readonly spaces: number;
  readonly networks: number;
  readonly samples: number;
  readonly limitSamples: number;
  readonly out: string;
}

/** The linear head is left out: the published form is exact there. */
const HEADS = headNames.filter((h) => h !== 'linear');
const LIMIT_HEADS: readonly HeadName[] = ['tanh', 'scale-invariant', 'relu'];
const LIMIT_TEMPERATURES = [0.5, 0.1, 0.02];

interface Claim extends Judgement {
  readonly claim: string;
  readonly head: string;
}

type Measured = Awaited<ReturnType<typeof measure>>;

export async function runInstances(flags: InstancesFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const measured = await measure(flags, (what) =>
    say(`${what}: done after ${((performance.now() - started) / 1000).toFixed(0)} s`),
  );
  const claims = claimsOf(measured);
  const sections = sectionsOf(measured, claims, flags);
  for (const { title, table } of sections) say(`\n${title}\n${textTable(table)}`);
  await writeResults({
    out: flags.out,
    name: 'credit-instances',
    command: `npm run credit -- instances --edges ${flags.edges} --spaces ${flags.spaces} --networks ${flags.networks} --samples ${flags.samples} --limit-samples ${flags.limitSamples}`,
    seconds: (performance.now() - started) / 1000,
    data: { ...measured, claims },
    markdown: [
      '# Random instances',
      'Networks differ in their seed: weights, operations and head are drawn anew. A cell is the median over instances, with the bounds between which 80 % of them lie.',
      ...sections.flatMap(({ title, table }) => [title, markdownTable(table)]),
    ].join('\n\n'),
    pictures: {},
  });
  say(`\nwritten to ${flags.out}/credit-instances.* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

async function measure(flags: InstancesFlags, done: (what: string) => void) {
  const device = cpu();
  const heads = [];
  for (const head of HEADS) {
    const edges = await edgeInstances(device, head, flags.edges);
    const spaces = await spaceInstances(device, head, flags.spaces);
    const biases = await biasInstances(device, head, flags.spaces, flags.samples);
    const baselines = await baselineInstances(device, head, flags.networks);
    heads.push({ head, edges, spaces, biases, baselines });
    done(`${head} head`);
  }
  const limits: LimitReport[] = [];
  for (const head of LIMIT_HEADS) limits.push(await trapezoidLimits(device, head, LIMIT_TEMPERATURES, flags.limitSamples));
  done('limits');
  return { heads, limits };
}

/** Every comparison that this command makes, with its share of instances, corrected for their number. */
function claimsOf({ heads }: Measured): Claim[] {
  const claims: Claim[] = [];
  const add = (head: string, claim: string, wins: readonly boolean[], region: Region): void =>
    void claims.push({ head, claim, ...judgeShare(wins.filter(Boolean).length, wins.length, region) });
  for (const { head, edges, spaces, biases, baselines } of heads) {
    const signs = edges.map((i) => i.gradient * i.published < 0);
    add(head, 'one edge: the published form has the wrong sign in fewer than 5 %', signs, below(0.05));
    const cosines = spaces.map((i) => i.published.cosine > 0.9);
    add(head, '27 architectures: its cosine to the gradient is above 0.9 in more than 95 %', cosines, above(0.95));
    const first = biases.map(({ squared: [a, b] }) => a < b);
    add(head, "SNAS's gradient is less biased than the published form in most", first, above(0.5));
    const second = biases.map(({ squared: [, b, c] }) => c < b);
    add(head, 'the second-order credit is less biased than the first in most', second, above(0.5));
    const pair = (a: string, b: string, of: 'spread' | 'spreadAtEqualCost'): boolean[] =>
      baselines.map(({ baselines: list }) => list.find((r) => r.name === a)![of] < list.find((r) => r.name === b)![of]);
    add(
      head,
      'at equal samples: conditional mean spreads less than ablation in most',
      pair('conditional mean', 'ablation', 'spread'),
      above(0.5),
    );
    add(
      head,
      'at equal samples: ablation spreads less than the mean baseline in most',
      pair('ablation', 'mean', 'spread'),
      above(0.5),
    );
    add(
      head,
      'at equal operations: the mean baseline spreads less than ablation in most',
      pair('mean', 'ablation', 'spreadAtEqualCost'),
      above(0.5),
    );
    add(
      head,
      'at equal operations: the mean baseline spreads less than the conditional mean in most',
      pair('mean', 'conditional mean', 'spreadAtEqualCost'),
      above(0.5),
    );
  }
  return holm(claims);
}

/** |published / gradient - 1|; a head that is flat over the whole edge has both 0, and the published form is exact. */
function offBy({ gradient, published }: EdgeInstance): number {
  const gap = Math.abs(published - gradient);
  return gap === 0 ? 0 : gap / Math.abs(gradient);
}

interface Section {
  readonly title: string;
  readonly table: readonly (readonly string[])[];
}

function sectionsOf({ heads, limits }: Measured, claims: readonly Claim[], flags: InstancesFlags): Section[] {
  const percent = (v: number): string => `${(100 * v).toFixed(1)} %`;
  const share = (values: readonly boolean[]): string => percent(values.filter(Boolean).length / values.length);
  return [
    {
      title: `One edge, two operations, temperature 0.5, by quadrature, ${flags.edges} instances a head: the published form E[score c.O~] against the gradient of the relaxed objective.`,
      table: [
        ['head', 'wrong sign', '|off by|'],
        ...heads.map(({ head, edges }) => [
          head,
          share(edges.map((i) => i.gradient * i.published < 0)),
          showQuantiles(quantiles(edges.map(offBy))),
        ]),
      ],
    },
    {
      title: `27 architectures (3 edges, 3 operations), by enumeration, ${flags.spaces} instances a head: the published form at one-hot Z, which is its limit as the temperature falls, and the trapezoid rule, which is that of straight-through and Gumbel-Rao.`,
      table: [
        ['head', 'published: off by', 'cosine', '5 % quantile of it', 'below 0.9', 'wrong signs', 'trapezoid: off by'],
        ...heads.map(({ head, spaces }) => [
          head,
          showQuantiles(quantiles(spaces.map((i) => i.published.gap))),
          showQuantiles(quantiles(spaces.map((i) => i.published.cosine))),
          quantile(
            spaces.map((i) => i.published.cosine),
            0.05,
          ).toFixed(2),
          share(spaces.map((i) => i.published.cosine < 0.9)),
          percent(spaces.reduce((s, i) => s + i.published.wrongSigns, 0) / spaces.length),
          showQuantiles(quantiles(spaces.map((i) => i.trapezoid.gap)), 3),
        ]),
      ],
    },
    {
      title: `The same spaces at temperature 0.5, ${flags.samples} samples each: bias against the exact discrete gradient, sampling noise taken out.`,
      table: [
        ['head', 'pathwise', 'published', 'second order', 'pathwise below published', 'second below first order'],
        ...heads.map(({ head, biases }) => [
          head,
          ...(['pathwise', 'published', 'second'] as const).map((name) => showQuantiles(quantiles(biases.map((b) => b[name])))),
          share(biases.map(({ squared: [a, b] }) => a < b)),
          share(biases.map(({ squared: [, b, c] }) => c < b)),
        ]),
      ],
    },
    {
      title:
        'Straight-through and Gumbel-Rao (K = 20) as the temperature falls, 27 architectures, seed 1: bias with 95 % interval, and the limit by enumeration.',
      table: [
        ['head, estimator', ...LIMIT_TEMPERATURES.map((t) => `temperature ${t}`), 'limit'],
        ...limits.flatMap(({ head, limit, estimators }) =>
          [...new Set(estimators.map((e) => e.name))].map((name) => [
            `${head}, ${name}`,
            ...LIMIT_TEMPERATURES.map((t) => {
              const e = estimators.find((x) => x.name === name && x.temperature === t)!;
              return `${show(e.bias)} [${e.interval.map((v) => show(v)).join(', ')}]`;
            }),
            show(limit),
          ]),
        ),
      ],
    },
    {
      title: `Baselines of REINFORCE on 729 architectures (6 edges, 3 operations), exact variances by enumeration, ${flags.networks} networks a head: sd of a sample over |g|, and the same times the root of the forward passes that a sample takes.`,
      table: [
        ['head', ...baselineNames.flatMap((n) => [n, `${n}, at equal operations`])],
        ...heads.map(({ head, baselines }) => [
          head,
          ...baselineNames.flatMap((name) => {
            const rows = baselines.map(({ baselines: list }) => list.find((r) => r.name === name)!);
            return [rows.map((r) => r.spread), rows.map((r) => r.spreadAtEqualCost)].map((v) => quantile(v, 0.5).toFixed(2));
          }),
        ]),
      ],
    },
    {
      title: `Claims as sign tests over instances, corrected by Holm for all ${claims.length} comparisons of this page.`,
      table: [
        ['head', 'claim', 'share of instances', '95 % interval', 'p (corrected)', 'verdict'],
        ...claims.map((c) => [
          c.head,
          c.claim,
          `${Math.round(c.estimate * c.n)} of ${c.n}`,
          `${percent(c.low)} to ${percent(c.high)}`,
          show(c.p, 3),
          c.verdict,
        ]),
      ],
    },
  ];
}
