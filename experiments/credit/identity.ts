/** @file `npm run credit -- identity`: the published form of the credit identity and the true ones, by quadrature and by sampling. */
import { cpu, type Device, key } from 'reparam';
import { conservation, dagFixture, type HeadName, headNames, singleEdgeFixture } from 'reparam/credit';
import { type IdentityReport, monteCarloIdentity } from '../laboratory/identity/monte-carlo.ts';
import { batchNormFixture } from '../laboratory/identity/batch-norm.ts';
import { edgeObjective, tiedChainObjective } from '../laboratory/identity/objectives.ts';
import { identityTerms, type IdentityTerms } from '../laboratory/identity/quadrature.ts';
import { lineChart } from 'reparam/plot';
import { markdownTable, textTable } from 'reparam/command';
import { show, writeResults } from './report.ts';

export interface IdentityFlags {
  readonly head?: HeadName;
  readonly lambda: readonly number[];
  readonly samples: number;
  readonly seed: number;
  readonly out: string;
}

const LOGITS = [0.3, -0.2] as const;
const EPSILONS = [0, 1e-6, 1e-5, 1e-4, 1e-3];

interface Row extends IdentityTerms {
  readonly head: HeadName;
  readonly lambda: number;
}

export async function runIdentity(flags: IdentityFlags, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const device = cpu();
  const rows: Row[] = [];
  for (const head of flags.head ? [flags.head] : headNames) {
    const objective = edgeObjective(singleEdgeFixture(device, { head }));
    for (const lambda of flags.lambda) rows.push({ head, lambda, ...(await identityTerms(objective, LOGITS, lambda)) });
  }
  const table = [
    ['head', 'lambda', 'E dL/dl_1', 'E score c.O~', 'curvature', 'surface', 'residual I1', 'residual I3', 'published is off by'],
    ...rows.map((r) => [
      r.head,
      String(r.lambda),
      r.path.toFixed(9),
      r.published.toFixed(9),
      r.curvature.toFixed(6),
      r.surface.toFixed(6),
      (r.published - r.path - r.curvature - r.surface).toExponential(0),
      (r.ablation - r.path).toExponential(0),
      `${(100 * (r.published / r.path - 1)).toFixed(1)} %`,
    ]),
  ];
  say('One edge, two operations, by quadrature (the mean of the first component of the gradient in log alpha):');
  say(textTable(table));

  const tied: { cells: number; factor: number; withCurvature: number; ablation: number }[] = [];
  for (const cells of [1, 2, 3, 4]) {
    const t = await identityTerms(tiedChainObjective(device, cells), LOGITS, 0.5);
    tied.push({
      cells,
      factor: t.published / t.path,
      withCurvature: t.published - t.path - t.curvature,
      ablation: t.ablation - t.path,
    });
  }
  const tiedTable = [
    ['cells that share Z', 'published / true', 'residual I1', 'residual I3'],
    ...tied.map((t) => [String(t.cells), t.factor.toFixed(9), t.withCurvature.toExponential(0), t.ablation.toExponential(0)]),
  ];
  say('\nA chain of linear cells with one shared Z (the curvature then joins the cells):');
  say(textTable(tiedTable));

  const norms = await batchNormSums(device);
  const normTable = [
    ['eps of batch norm', '|sum of R_ij| into the node', 'largest |R_ij|'],
    ...norms.map((n) => [n.eps.toExponential(0), n.sum.toExponential(2), show(n.largest)]),
  ];
  say('\nCredits into a node that only a bias-free convolution and batch norm consume:');
  say(textTable(normTable));

  const head = flags.head ?? 'softmax';
  say(`\nSix edges, four operations, ${head} head, lambda 0.5, ${flags.samples} paired samples:`);
  const sampled = await sampledIdentity(device, head, flags);
  const sampledTable = [
    ['form', 'max |z|', 'chi-square', 'p'],
    ...(['i1', 'publishedForm', 'i3'] as const).map((name) => {
      const test = sampled[name];
      const label = { i1: 'I1 (with curvature)', publishedForm: 'published', i3: 'I3 (ablation)' }[name];
      return [label, test.maxZ.toFixed(1), test.chiSquare.toFixed(1), show(test.p, 4)];
    }),
  ];
  say(textTable(sampledTable));
  const summary = `published against pathwise gradient: relative gap ${sampled.relativeGap.toFixed(3)}, cosine ${sampled.cosine.toFixed(3)}`;
  say(summary);
  const curvature = curvatureTable(sampled);
  say('\nThe curvature term by edge (norms over operations):');
  say(textTable(curvature));
  await writeResults({
    out: flags.out,
    name: 'credit-identity',
    command: `npm run credit -- identity${flags.head ? ` --head ${flags.head}` : ''} --lambda ${flags.lambda.join(',')} --samples ${flags.samples} --seed ${flags.seed}`,
    seconds: (performance.now() - started) / 1000,
    data: { logits: LOGITS, quadrature: rows, tied, batchNorm: norms, sampled },
    markdown: [
      '# The credit identity, and its correction',
      'One edge with two operations, quadrature to rounding. I1: published - curvature - surface = path. I3: the ablation form.',
      markdownTable(table),
      'Cells that share Z:',
      markdownTable(tiedTable),
      'Credits into a node that only batch norm (after a bias-free convolution) consumes:',
      markdownTable(normTable),
      `Six edges, four operations, ${head} head, lambda 0.5, ${flags.samples} paired samples; ${summary}.`,
      markdownTable(sampledTable),
      markdownTable(curvature),
    ].join('\n\n'),
    pictures: { '-gap': gapChart(rows) },
  });
  say(`\nwritten to ${flags.out}/credit-identity.* in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

function sampledIdentity(device: Device, head: HeadName, flags: IdentityFlags): Promise<IdentityReport> {
  const fixture = dagFixture(device, { head });
  const logits = fixture.edges.map((_, e) => [0.2, -0.3, 0.1, 0].map((v, k) => v * Math.cos(e + k)));
  return monteCarloIdentity(fixture, { logits, temperature: 0.5, samples: flags.samples, key: key(flags.seed) });
}

function curvatureTable(report: IdentityReport): string[][] {
  const length = (row: readonly number[]): string => Math.hypot(...row).toFixed(4);
  return [
    ['edge', '|E dL/dl|', '|curvature|', '|published|'],
    ...report.path.map((row, e) => [String(e), length(row), length(report.curvature[e]!), length(report.published[e]!)]),
  ];
}

async function batchNormSums(device: Device): Promise<{ eps: number; sum: number; largest: number }[]> {
  const out: { eps: number; sum: number; largest: number }[] = [];
  for (const eps of EPSILONS) {
    const { nodes, groups } = await conservation(batchNormFixture(device, eps));
    out.push({ eps, sum: Math.abs(nodes[0]!.inflow), largest: Math.max(...[...groups.values()].map(Math.abs)) });
  }
  return out;
}

function gapChart(rows: readonly Row[]): string {
  const heads = [...new Set(rows.map((r) => r.head))];
  return lineChart({
    title: 'Relative gap of the published form',
    description:
      'Error of E[score c.O~] as an estimate of the gradient of the relaxed objective, by head and temperature. It does not vanish as the temperature falls; it is zero for the linear head.',
    xLabel: 'temperature lambda',
    yLabel: 'gap, % of the gradient',
    xScale: 'log',
    yInclude: [0],
    series: heads.map((head) => ({
      name: head,
      points: rows.filter((r) => r.head === head).map((r) => ({ x: r.lambda, y: 100 * (r.published / r.path - 1) })),
    })),
  });
}
