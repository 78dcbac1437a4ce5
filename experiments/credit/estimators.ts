/** @file `npm run credit -- estimators`: gradient estimators against exact enumeration, and their bias and spread by temperature. */
import path from 'node:path';
import { cpu, key } from 'reparam';
import {
  allEstimators,
  type ArchitectureFixture,
  dagFixture,
  type EstimatorReport,
  type LaboratoryReport,
  runLaboratory,
} from 'reparam/credit';
import { lineChart } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { estimatorsOf, headOf, networkOf } from './own.ts';
import { show, writeResults } from './report.ts';

export interface EstimatorFlags {
  readonly head: string;
  readonly network?: string;
  readonly estimators?: string;
  readonly nodes: number;
  readonly operations: number;
  readonly temperatures: readonly number[];
  readonly samples: number;
  readonly seed: number;
  readonly out: string;
}

export async function runEstimators(flags: EstimatorFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const { seed } = flags;
  const { fixture, said, options } = await fixtureOf(flags);
  const { operations } = fixture;
  const logits = fixture.edges.map((_, e) => Array.from({ length: operations }, (_u, k) => 0.5 * Math.cos(1.7 * e + 2.3 * k)));
  const reports: LaboratoryReport[] = [];
  for (const temperature of flags.temperatures) {
    const context = { fixture, logits, temperature, key: key(seed) };
    const own = flags.estimators === undefined ? [] : await estimatorsOf(flags.estimators, context);
    const estimators = [...allEstimators(context), ...own];
    const report = await runLaboratory({ ...context, samples: flags.samples, estimators });
    reports.push(report);
    say(`temperature ${temperature}: done after ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
  const names = reports[0]!.estimators.map((e) => e.name);
  const first = reports[0]!;
  const middle = reports.reduce((a, b) =>
    Math.abs(Math.log(b.temperature / 0.5)) < Math.abs(Math.log(a.temperature / 0.5)) ? b : a,
  );
  const detail = [
    ['estimator', 'bias', '95 % interval', 'sd', 'cosine', 'max |z|', 'p', 'forward', 'backward', 'operations', 'fitting'],
    ...middle.estimators.map((e) => [
      e.name,
      show(e.bias),
      e.biasInterval.map((v) => show(v)).join(' to '),
      e.spread.toFixed(3),
      show(e.cosine, 4),
      e.maxZ.toFixed(1),
      e.unbiased ? show(e.p, 3) : '-',
      String(e.passes.forward),
      String(e.passes.backward),
      String(e.operations),
      String(e.fitting),
    ]),
  ];
  const sweep = [
    ['bias / sd at temperature', ...reports.map((r) => String(r.temperature))],
    ...names.map((name, i) => [
      name,
      ...reports.map((r) => `${show(r.estimators[i]!.bias)}/${r.estimators[i]!.spread.toFixed(2)}`),
    ]),
  ];
  const space = `${fixture.edges.length} edges, ${operations} operations, ${first.architectures} architectures, ${said}, ${flags.samples} samples`;
  say(`\n${space}; bias relative to the exact gradient, sd of one sample. Temperature ${middle.temperature}:`);
  say(textTable(detail));
  const rare =
    first.rare > 0
      ? `z and p leave out ${first.rare} operations that fewer than 10 samples are expected to choose, or to leave.`
      : '';
  if (rare) say(rare);
  say(`\n${textTable(sweep)}`);
  await writeResults({
    out: flags.out,
    name: 'estimators',
    command: `npm run credit -- estimators ${options} --temperatures ${flags.temperatures.join(',')} --samples ${flags.samples} --seed ${seed}`,
    seconds: (performance.now() - started) / 1000,
    data: { architectures: first.architectures, expected: first.expected, exact: first.exact, reports },
    markdown: [
      '# Gradient estimators against exact enumeration',
      `${space}. Bias: |mean - exact| / |exact| with the sampling noise taken out; sd: root of the summed variances of one sample. Passes are those of one sample; operations are what they cost, in forward passes of one architecture (a pass over all n operations counts n, a backward pass twice its forward pass), and fitting what came before the first sample. At temperature ${middle.temperature}:`,
      markdownTable(detail),
      ...(rare ? [rare] : []),
      'By temperature, bias / sd (methods that do not use the temperature repeat themselves):',
      markdownTable(sweep),
    ].join('\n\n'),
    pictures: {
      '-bias': sweepChart(reports, 'bias', 'Bias', '|mean - exact| / |exact|', (e) => e.relaxed && !e.unbiased),
      '-spread': sweepChart(reports, 'spread', 'Spread of one sample', 'root of the summed variances', () => true),
    },
  });
  say(`\nwritten to ${flags.out}/estimators* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

/** The network that the flags ask for, what is said of it, and the flags again. */
async function fixtureOf(flags: EstimatorFlags): Promise<{
  readonly fixture: ArchitectureFixture;
  readonly said: string;
  readonly options: string;
}> {
  const { head, nodes, operations, seed, network, estimators } = flags;
  const device = cpu();
  const own = estimators === undefined ? '' : ` --estimators ${estimators}`;
  if (network !== undefined) {
    const name = path.basename(network);
    return { fixture: await networkOf(network, device, seed), said: `network of ${name}`, options: `--network ${network}${own}` };
  }
  const fixture = dagFixture(device, { head: await headOf(head, device, seed), nodes, operations, seed });
  return {
    fixture,
    said: `${path.basename(head)} head`,
    options: `--head ${head} --nodes ${nodes} --operations ${operations}${own}`,
  };
}

function sweepChart(
  reports: readonly LaboratoryReport[],
  value: 'bias' | 'spread',
  title: string,
  yLabel: string,
  chosen: (e: EstimatorReport) => boolean,
): string {
  const series = reports[0]!.estimators.flatMap((first, i) => {
    if (!chosen(first)) return [];
    const points = reports.map((r) => {
      const e = r.estimators[i]!;
      return value === 'bias'
        ? { x: r.temperature, y: e.bias, low: e.biasInterval[0], high: e.biasInterval[1] }
        : { x: r.temperature, y: e.spread };
    });
    return [{ name: first.name, points }];
  });
  return lineChart({
    title: `${title} by temperature`,
    description: `${title} of ${series.map((s) => s.name).join(', ')} at temperatures ${reports.map((r) => r.temperature).join(', ')}.`,
    xLabel: 'temperature lambda',
    yLabel,
    xScale: 'log',
    yScale: value === 'spread' ? 'log' : 'linear',
    ...(value === 'bias' && { yInclude: [0] }),
    series,
    height: Math.max(440, 60 + 18 * series.length),
  });
}
