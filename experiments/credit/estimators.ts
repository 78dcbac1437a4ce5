/** @file `npm run credit -- estimators`: gradient estimators against exact enumeration, and their bias and spread by temperature. */
import { cpu, key } from 'reparam';
import { dagFixture, type EstimatorReport, type HeadName, type LaboratoryReport, runLaboratory } from 'reparam/credit';
import { lineChart } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { show, writeResults } from './report.ts';

export interface EstimatorFlags {
  readonly head: HeadName;
  readonly nodes: number;
  readonly operations: number;
  readonly temperatures: readonly number[];
  readonly samples: number;
  readonly seed: number;
  readonly out: string;
}

export async function runEstimators(flags: EstimatorFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const { head, nodes, operations, seed } = flags;
  const fixture = dagFixture(cpu(), { head, nodes, operations, seed });
  const logits = fixture.edges.map((_, e) => Array.from({ length: operations }, (_u, k) => 0.5 * Math.cos(1.7 * e + 2.3 * k)));
  const reports: LaboratoryReport[] = [];
  for (const temperature of flags.temperatures) {
    const report = await runLaboratory({ fixture, logits, temperature, samples: flags.samples, key: key(seed) });
    reports.push(report);
    say(`temperature ${temperature}: done after ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
  const names = reports[0]!.estimators.map((e) => e.name);
  const first = reports[0]!;
  const middle = reports.reduce((a, b) =>
    Math.abs(Math.log(b.temperature / 0.5)) < Math.abs(Math.log(a.temperature / 0.5)) ? b : a,
  );
  const detail = [
    ['estimator', 'bias', '95 % interval', 'sd', 'cosine', 'max |z|', 'p', 'forward', 'backward'],
    ...middle.estimators.map((e) => [
      e.name,
      show(e.bias),
      e.biasInterval.map((v) => v.toFixed(3)).join(' to '),
      e.spread.toFixed(3),
      e.cosine.toFixed(4),
      e.maxZ.toFixed(1),
      e.unbiased ? show(e.p, 3) : '-',
      String(e.passes.forward),
      String(e.passes.backward),
    ]),
  ];
  const sweep = [
    ['bias / sd at temperature', ...reports.map((r) => String(r.temperature))],
    ...names.map((name, i) => [
      name,
      ...reports.map((r) => `${r.estimators[i]!.bias.toFixed(3)}/${r.estimators[i]!.spread.toFixed(2)}`),
    ]),
  ];
  const space = `${fixture.edges.length} edges, ${operations} operations, ${first.architectures} architectures, ${head} head, ${flags.samples} samples`;
  say(`\n${space}; bias relative to the exact gradient, sd of one sample. Temperature ${middle.temperature}:`);
  say(textTable(detail));
  say(`\n${textTable(sweep)}`);
  await writeResults({
    out: flags.out,
    name: 'estimators',
    command: `npm run credit -- estimators --head ${head} --nodes ${nodes} --operations ${operations} --temperatures ${flags.temperatures.join(',')} --samples ${flags.samples} --seed ${seed}`,
    seconds: (performance.now() - started) / 1000,
    data: { architectures: first.architectures, expected: first.expected, exact: first.exact, reports },
    markdown: [
      '# Gradient estimators against exact enumeration',
      `${space}. Bias: |mean - exact| / |exact| with the sampling noise taken out; sd: root of the summed variances of one sample. Passes are those of one sample. At temperature ${middle.temperature}:`,
      markdownTable(detail),
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
