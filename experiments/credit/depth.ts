/** @file `npm run credit -- depth`: how the spread of gradient estimators grows with depth, by family of chains. */
import { cpu } from 'reparam';
import { above, holm, type Judgement, judgeShare } from 'reparam/credit';
import { markdownTable, textTable } from 'reparam/command';
import { lineChart } from 'reparam/plot';
import { chainFamilies } from '../laboratory/delayed/deep-chain.ts';
import { depthInstances, type DepthInstance } from '../laboratory/delayed/depth.ts';
import { quantile, quantiles, showQuantiles } from '../laboratory/quantiles.ts';
import { show, writeResults } from './report.ts';

export interface DepthFlags {
  readonly depths: readonly number[];
  readonly chains: number;
  readonly samples: number;
  readonly temperature: number;
  readonly out: string;
}

interface Claim extends Judgement {
  readonly claim: string;
  readonly family: string;
}

export async function runDepth(flags: DepthFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const { depths, chains, samples, temperature } = flags;
  const options = { families: chainFamilies, depths, chains, temperature, samples };
  const instances = await depthInstances(cpu(), options, (what) => say(`${what}: done after ${seconds().toFixed(0)} s`));
  const of = (family: string, depth: number): DepthInstance[] => instances.filter((i) => i.family === family && i.depth === depth);
  const table = [
    [
      'family, T',
      '|g|',
      'pathwise: sd / |g|',
      'bias',
      'REINFORCE, mean: sd / |g|',
      'published: sd / |g|',
      'bias of it',
      'REINFORCE / pathwise',
      'at equal operations',
    ],
    ...chainFamilies.flatMap((family) =>
      depths.map((depth) => {
        const list = of(family, depth);
        const cell = (f: (i: DepthInstance) => number, digits = 1): string => showQuantiles(quantiles(list.map(f)), digits);
        return [
          `${family}, ${depth}`,
          quantile(
            list.map((i) => i.length),
            0.5,
          ).toPrecision(2),
          cell((i) => i.pathwise),
          cell((i) => i.pathwiseBias, 2),
          cell((i) => i.reinforce),
          cell((i) => i.published),
          cell((i) => i.publishedBias, 2),
          cell((i) => i.reinforce / i.pathwise),
          cell(advantage),
        ];
      }),
    ),
  ];
  const claims = claimsOf(instances, depths);
  const claimTable = [
    ['family', 'claim', 'share of chains', 'p (corrected)', 'verdict'],
    ...claims.map((c) => [c.family, c.claim, `${Math.round(c.estimate * c.n)} of ${c.n}`, show(c.p, 3), c.verdict]),
  ];
  const head = `Chains of T linear cells with three operations under a quadratic loss, ${chains} chains a family and depth, ${samples} samples each, temperature ${temperature}: median (80 % of the chains). Spreads are those of one sample over the length of the exact gradient of the discrete objective; a ratio above 1 is in favour of the pathwise gradient, which takes ${instances[0]!.pathwiseOperations} forward passes of one architecture a sample against ${instances[0]!.reinforceOperations}.`;
  say(`\n${head}\n${textTable(table)}\n\n${textTable(claimTable)}`);
  await writeResults({
    out: flags.out,
    name: 'credit-depth',
    command: `npm run credit -- depth --depths ${depths.join(',')} --chains ${chains} --samples ${samples} --temperature ${temperature}`,
    seconds: seconds(),
    data: { instances, claims },
    markdown: [
      '# Spread by depth, by family of chains',
      head,
      markdownTable(table),
      `Sign tests over chains, corrected by Holm for all ${claims.length} comparisons:`,
      markdownTable(claimTable),
    ].join('\n\n'),
    pictures: { '': chart(depths, of) },
  });
  say(`\nwritten to ${flags.out}/credit-depth.* in ${seconds().toFixed(0)} s`);
}

/** How many times REINFORCE's error is the pathwise gradient's spread for the same number of operations. */
function advantage(i: DepthInstance): number {
  return (i.reinforce * Math.sqrt(i.reinforceOperations)) / (i.pathwise * Math.sqrt(i.pathwiseOperations));
}

function claimsOf(instances: readonly DepthInstance[], depths: readonly number[]): Claim[] {
  const [first, last] = [depths[0]!, depths.at(-1)!];
  const claims = chainFamilies.flatMap((family): Claim[] => {
    const at = (depth: number): DepthInstance[] => instances.filter((i) => i.family === family && i.depth === depth);
    const [shallow, deep] = [at(first), at(last)];
    const share = (claim: string, wins: readonly boolean[]): Claim => ({
      family,
      claim,
      ...judgeShare(wins.filter(Boolean).length, wins.length, above(0.5)),
    });
    return [
      share(
        `the pathwise spread grows to more than 1.5 times from T = ${first} to ${last} in most chains`,
        deep.map((d, i) => d.pathwise > 1.5 * shallow[i]!.pathwise),
      ),
      share(
        `REINFORCE's spread grows to more than 1.5 times from T = ${first} to ${last} in most chains`,
        deep.map((d, i) => d.reinforce > 1.5 * shallow[i]!.reinforce),
      ),
      share(
        `at equal samples and T = ${last} the pathwise gradient spreads less in most chains`,
        deep.map((d) => d.pathwise < d.reinforce),
      ),
      share(
        `at equal operations and T = ${last} the pathwise gradient spreads less in most chains`,
        deep.map((d) => advantage(d) > 1),
      ),
      share(
        `at T = ${last} the pathwise bias is above 20 % in most chains`,
        deep.map((d) => d.pathwiseBias > 0.2),
      ),
    ];
  });
  return holm(claims);
}

function chart(depths: readonly number[], of: (family: string, depth: number) => DepthInstance[]): string {
  return lineChart({
    title: 'Spread of one gradient sample, by depth',
    description:
      'Median over chains of the spread over the length of the exact gradient, for the pathwise gradient and REINFORCE with a mean baseline, by family of chains.',
    xLabel: 'decisions T',
    yLabel: 'sd / |gradient|',
    xScale: 'log',
    yScale: 'log',
    series: chainFamilies.flatMap((family) =>
      (['pathwise', 'reinforce'] as const).map((name) => ({
        name: `${name === 'pathwise' ? 'pathwise' : 'REINFORCE'}, ${family}`,
        points: depths.map((depth) => {
          const q = quantiles(of(family, depth).map((i) => i[name]));
          return { x: depth, y: q.median };
        }),
      })),
    ),
    height: 520,
  });
}
