/** @file `npm run credit -- jitter`: the variance of Monte Carlo values by state, with the reward at the end and with each reward at once. */
import { type Judgement, holm, judgeMean, near, above } from 'reparam/credit';
import { markdownTable, textTable } from 'reparam/command';
import { lineChart } from 'reparam/plot';
import { jitter, type JitterRow } from '../laboratory/delayed/jitter.ts';
import { show, writeResults } from './report.ts';

export interface JitterFlags {
  readonly depth: number;
  readonly options: number;
  readonly episodes: number;
  readonly repeats: number;
  readonly processes: number;
  readonly rate: number;
  readonly out: string;
}

interface Claim extends Judgement {
  readonly claim: string;
}

export async function runJitter(flags: JitterFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const { depth, options: actions, episodes, repeats, processes, rate } = flags;
  const found: JitterRow[][] = [];
  for (let seed = 1; seed <= processes; seed++) {
    found.push(jitter({ depth, actions, episodes, rate, repeats, seed: 1000 * seed }));
    say(`process ${seed}: done after ${seconds().toFixed(0)} s`);
  }
  const steps = found[0]!.map((r) => r.step);
  const mean = (step: number, f: (r: JitterRow) => number): number => found.reduce((s, rows) => s + f(rows[step]!), 0) / processes;
  const table = [
    [
      'step',
      'states',
      'variance of the return',
      'sample average',
      'closed form',
      `rate ${rate}`,
      'closed form',
      'reward at once, TD(0)',
      'sum over states',
    ],
    ...steps.map((step) => [
      String(step),
      String(found[0]![step]!.states),
      show(mean(step, (r) => r.returnVariance)),
      show(
        mean(step, (r) => r.average),
        4,
      ),
      show(
        mean(step, (r) => r.averageExpected),
        4,
      ),
      show(
        mean(step, (r) => r.fixed),
        4,
      ),
      show(
        mean(step, (r) => r.fixedExpected),
        4,
      ),
      show(
        mean(step, (r) => r.immediate),
        4,
      ),
      show(
        mean(step, (r) => r.states * r.average),
        3,
      ),
    ]),
  ];
  const last = steps.at(-1)!;
  const logs = (f: (rows: readonly JitterRow[]) => number): number[] => found.map((rows) => Math.log(f(rows)));
  const claims: Claim[] = holm([
    ...steps.flatMap((step): Claim[] => [
      {
        claim: `step ${step}: the variance of a sample average is that of the return over the visits, within 10 %`,
        ...judgeMean(
          logs((r) => r[step]!.average / r[step]!.averageExpected),
          near(0, 0.1),
        ),
      },
      {
        claim: `step ${step}: at a fixed rate it is a / (2 - a) (1 - (1 - a)^2n) of the return's, within 10 %`,
        ...judgeMean(
          logs((r) => r[step]!.fixed / r[step]!.fixedExpected),
          near(0, 0.1),
        ),
      },
    ]),
    {
      claim: 'values of the second last decision jitter more than those of the first, sample average',
      ...judgeMean(
        logs((r) => r[last - 1]!.average / r[0]!.average),
        above(0),
      ),
    },
    {
      claim: 'delay makes the first value jitter more: reward at the end against reward at once, same rate',
      ...judgeMean(
        logs((r) => r[0]!.fixed / r[0]!.immediate),
        above(0),
      ),
    },
  ]);
  const claimTable = [
    ['claim', 'ratio', '95 % interval', 'p (corrected)', 'verdict'],
    ...claims.map((c) => [
      c.claim,
      Math.exp(c.estimate).toFixed(3),
      `${Math.exp(c.low).toFixed(3)} to ${Math.exp(c.high).toFixed(3)}`,
      show(c.p, 3),
      c.verdict,
    ]),
  ];
  const head =
    `${processes} processes of ${depth} steps with ${actions} options, a reward of variance 1 for each prefix, uniform choices, ${episodes} episodes, ${repeats} repeats. ` +
    `Variances of the values by step from the first state, means over states and processes. Delayed, the sum of the rewards is paid at the end and learnt by Monte Carlo, by sample average or at a fixed rate; at once, each reward is paid as it is earned and learnt by TD(0) at the same rate. Learners at a fixed rate start at the truth, so that what is seen is jitter alone. ` +
    `A sample average of a state t steps in has seen about ${episodes} / ${actions}^t returns: its variance grows by ${actions} a step as long as the return's does not fall faster, and there are ${actions}^t such states, so what jitters is exponentially many values.`;
  say(`\n${head}\n${textTable(table)}\n\n${textTable(claimTable)}`);
  await writeResults({
    out: flags.out,
    name: 'credit-jitter',
    command: `npm run credit -- jitter --depth ${depth} --options ${actions} --episodes ${episodes} --repeats ${repeats} --processes ${processes} --rate ${rate}`,
    seconds: seconds(),
    data: { found, claims },
    markdown: [
      '# Jitter of Monte Carlo values by state',
      head,
      markdownTable(table),
      `Ratios paired over processes, corrected by Holm for all ${claims.length} comparisons:`,
      markdownTable(claimTable),
    ].join('\n\n'),
    pictures: {
      '': lineChart({
        title: 'Variance of a value, by step',
        description:
          'Sample averages jitter more with every step from the first state, for fewer episodes visit a state; at a fixed rate what counts is the variance of the return that is still to come.',
        xLabel: 'steps from the first state',
        yLabel: 'variance of the value',
        yScale: 'log',
        series: (
          [
            ['sample average, delayed', 'average'],
            ['fixed rate, delayed', 'fixed'],
            ['TD(0), reward at once', 'immediate'],
          ] as const
        ).map(([name, field]) => ({ name, points: steps.map((step) => ({ x: step, y: mean(step, (r) => r[field]) })) })),
      }),
    },
  });
  say(`\nwritten to ${flags.out}/credit-jitter.* in ${seconds().toFixed(0)} s`);
}
