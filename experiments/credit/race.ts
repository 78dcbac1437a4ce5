/** @file `npm run credit -- race`: tables, RUDDER, REINFORCE and SNAS on the same processes, by operation count. */
import { cpu } from 'reparam';
import { above, holm, type Interval, interval, type Judgement, judgeMean } from 'reparam/credit';
import { markdownTable, textTable } from 'reparam/command';
import { lineChart } from 'reparam/plot';
import { creditRace, type RacePoint } from '../laboratory/delayed/race.ts';
import { show, writeResults } from './report.ts';

export interface RaceFlags {
  readonly instances: number;
  readonly seeds: number;
  readonly rudderSeeds: number;
  readonly budgets: readonly number[];
  readonly lstmSteps: number;
  readonly temperature: number;
  readonly out: string;
}

const DEPTH = 6;
const CHOICES = 3;
const SNAS = 'SNAS, pathwise';

interface Claim extends Judgement {
  readonly method: string;
  readonly operations: number;
}

export async function runRace(flags: RaceFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const { instances, seeds, budgets, lstmSteps, temperature, rudderSeeds } = flags;
  const options = { depth: DEPTH, choices: CHOICES, instances, seeds, rudderSeeds, budgets, lstmSteps, temperature };
  const points = await creditRace(cpu(), options, (i) => say(`process ${i}: done after ${seconds().toFixed(0)} s`));
  const methods = [...new Set(points.map((p) => p.method))].sort();
  const errors = methods.map((method) => ({ method, cells: budgets.map((b) => geometricMean(byInstance(points, method, b))) }));
  const table = [
    ['operations', ...budgets.map(String)],
    ...errors.map(({ method, cells }) => [
      method,
      ...cells.map((c) => `${show(c.mean, 2)} [${show(c.low, 2)}, ${show(c.high, 2)}]`),
    ]),
  ];
  const claims = claimsOf(points, methods, budgets);
  const pairTable = [
    ['error of it / error of SNAS', ...budgets.map(String)],
    ...methods
      .filter((m) => m !== SNAS)
      .map((method) => [
        method,
        ...budgets.map((b) => {
          const c = claims.find((x) => x.method === method && x.operations === b)!;
          const ratio = [c.estimate, c.low, c.high].map((v) => Math.exp(v).toFixed(2));
          return `${ratio[0]} [${ratio[1]}, ${ratio[2]}] ${{ held: 'SNAS', refuted: 'it', undecided: '-' }[c.verdict]}`;
        }),
      ]),
  ];
  const head =
    `${instances} processes of T = ${DEPTH} choices among ${CHOICES} (729 architectures each, chains of linear cells under a quadratic loss), ${seeds} seeds on each (RUDDER: ${Math.min(rudderSeeds, seeds)}), temperature ${temperature}. ` +
    'Error: |implied policy gradient - exact| / |exact|, the geometric mean over seeds and processes with the 95 % interval of Student over processes, of logarithms. ' +
    `Operations are forward passes of one architecture: an episode takes one, SNAS's relaxed pass over ${CHOICES} operations with its backward pass ${3 * CHOICES}. ` +
    `RUDDER's ${lstmSteps} LSTM steps at every budget are not counted. Rewards are counted from the mean of the first ten episodes. A method with "exact states" is given the true ` +
    'probability of every state for free, which no learner of a real process has; without that a critic weighs states by the episodes that went there.';
  const pairs = `Paired over the ${instances} processes, corrected by Holm for all ${claims.length} comparisons; who errs less at the corrected level of 5 % stands behind the interval, which is that of the comparison alone:`;
  say(`\n${head}\n${textTable(table)}\n\n${pairs}\n${textTable(pairTable)}`);
  await writeResults({
    out: flags.out,
    name: 'credit-race',
    command: `npm run credit -- race --instances ${instances} --seeds ${seeds} --rudder-seeds ${rudderSeeds} --budgets ${budgets.join(',')} --lstm-steps ${lstmSteps} --temperature ${temperature}`,
    seconds: seconds(),
    data: { points, claims },
    markdown: ['# The race of credits, by operation count', head, markdownTable(table), pairs, markdownTable(pairTable)].join(
      '\n\n',
    ),
    pictures: { '': chart(errors, budgets) },
  });
  say(`\nwritten to ${flags.out}/credit-race.* in ${seconds().toFixed(0)} s`);
}

/** Mean of the logarithm of the error, by process, over the seeds that another method ran on too. */
function byInstance(points: readonly RacePoint[], method: string, operations: number, beside = method): number[] {
  const shared = new Set(points.filter((p) => p.method === beside).map((p) => p.seed));
  const logs = new Map<number, number[]>();
  for (const p of points) {
    if (p.method !== method || p.operations !== operations || !shared.has(p.seed)) continue;
    logs.set(p.instance, [...(logs.get(p.instance) ?? []), Math.log(p.error)]);
  }
  return [...logs.values()].map((list) => list.reduce((a, b) => a + b, 0) / list.length);
}

/** An error is above 0 and differs by factors: so is its interval. */
function geometricMean(logs: readonly number[]): Interval {
  const { n, mean, low, high } = interval(logs);
  return { n, mean: Math.exp(mean), low: Math.exp(low), high: Math.exp(high) };
}

/** "SNAS errs less than this method at this budget", in logarithms, paired over processes. */
function claimsOf(points: readonly RacePoint[], methods: readonly string[], budgets: readonly number[]): Claim[] {
  const claims = methods
    .filter((m) => m !== SNAS)
    .flatMap((method) =>
      budgets.map((operations): Claim => {
        const snas = byInstance(points, SNAS, operations, method);
        const ratios = byInstance(points, method, operations).map((v, i) => v - snas[i]!);
        return { method, operations, ...judgeMean(ratios, above(0)) };
      }),
    );
  return holm(claims);
}

function chart(
  errors: readonly { readonly method: string; readonly cells: readonly Interval[] }[],
  budgets: readonly number[],
): string {
  return lineChart({
    title: 'Error of the implied policy gradient, by operations',
    description:
      'Geometric mean over processes and seeds, with 95 % intervals over processes, for tables, RUDDER, REINFORCE and SNAS at the same number of forward passes of one architecture.',
    xLabel: 'forward passes of one architecture',
    yLabel: 'error / |gradient|',
    xScale: 'log',
    yScale: 'log',
    series: errors.map(({ method, cells }) => ({
      name: method,
      points: cells.map((c, i) => ({ x: budgets[i]!, y: c.mean, low: c.low, high: c.high })),
    })),
    height: 520,
  });
}
