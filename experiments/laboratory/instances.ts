/** @file What was measured on one fixture, measured on many random ones: direction, sign and size of the published form, estimators, baselines. */
import { type Device, key } from 'reparam';
import {
  type BaselineReport,
  baselineSpreads,
  dagFixture,
  enumerate,
  type Estimator,
  type EstimatorReport,
  gumbelRao,
  type HeadName,
  pathwise,
  runLaboratory,
  scoreTimesCredit,
  singleEdgeFixture,
  straightThroughGumbel,
} from 'reparam/credit';
import { edgeObjective } from './identity/objectives.ts';
import { identityTerms } from './identity/quadrature.ts';

/** Preferences that are not equal, so that no component of a gradient is 0 by symmetry. */
export function unequalLogits(edges: number, operations: number): number[][] {
  return Array.from({ length: edges }, (_, e) => Array.from({ length: operations }, (_u, k) => 0.5 * Math.cos(1.7 * e + 2.3 * k)));
}

export interface EdgeInstance {
  readonly seed: number;
  /** E[dL/dl_1] and E[score c . O~], of the relaxed objective. */
  readonly gradient: number;
  readonly published: number;
}

/** One edge with two operations at temperature 0.5, by quadrature: exact for each instance. */
export async function edgeInstances(device: Device, head: HeadName, instances: number): Promise<EdgeInstance[]> {
  const out: EdgeInstance[] = [];
  for (let seed = 1; seed <= instances; seed++) {
    const t = await identityTerms(edgeObjective(singleEdgeFixture(device, { head, seed })), [0.3, -0.2], 0.5);
    out.push({ seed, gradient: t.path, published: t.published });
  }
  return out;
}

export interface SpaceInstance {
  readonly seed: number;
  /** Of the published form at one-hot Z, which is its limit as the temperature falls: |published - g| / |g|, cosine, share of wrong signs. */
  readonly published: Difference;
  /** Of the trapezoid rule, which is the limit of straight-through, Gumbel-Rao and ReinMax. */
  readonly trapezoid: Difference;
}

export interface Difference {
  readonly gap: number;
  readonly cosine: number;
  readonly wrongSigns: number;
}

function difference(found: ArrayLike<number>, exact: ArrayLike<number>): Difference {
  const pairs = Array.from(exact, (g, i) => [found[i]!, g] as const);
  const dot = pairs.reduce((s, [f, g]) => s + f * g, 0);
  const length = Math.hypot(...pairs.map(([, g]) => g));
  return {
    gap: Math.hypot(...pairs.map(([f, g]) => f - g)) / length,
    cosine: dot / (length * Math.hypot(...pairs.map(([f]) => f))),
    wrongSigns: pairs.filter(([f, g]) => f * g < 0).length / pairs.length,
  };
}

/** Three edges with three operations, all 27 architectures: exact for each instance. */
export async function spaceInstances(device: Device, head: HeadName, instances: number): Promise<SpaceInstance[]> {
  const out: SpaceInstance[] = [];
  for (let seed = 1; seed <= instances; seed++) {
    const fixture = dagFixture(device, { head, nodes: 2, operations: 3, seed });
    const e = await enumerate(fixture, unequalLogits(3, 3));
    out.push({ seed, published: difference(e.taylorGradient, e.gradient), trapezoid: difference(e.trapezoidGradient, e.gradient) });
  }
  return out;
}

export interface BiasInstance {
  readonly seed: number;
  /** Bias at temperature 0.5 relative to the exact discrete gradient, sampling noise taken out (`EstimatorReport.bias`). */
  readonly pathwise: number;
  readonly published: number;
  readonly second: number;
  /** Squared bias, with its sampling noise taken out and so perhaps below 0: to be compared. */
  readonly squared: readonly [pathwise: number, published: number, second: number];
}

/** The same spaces by sampling: SNAS's gradient, the published form, and the second-order credit in its place. */
export async function biasInstances(device: Device, head: HeadName, instances: number, samples: number): Promise<BiasInstance[]> {
  const estimators = [pathwise, scoreTimesCredit('taylor'), scoreTimesCredit('taylor2')];
  const out: BiasInstance[] = [];
  for (let seed = 1; seed <= instances; seed++) {
    const fixture = dagFixture(device, { head, nodes: 2, operations: 3, seed });
    const report = await runLaboratory({
      fixture,
      logits: unequalLogits(3, 3),
      temperature: 0.5,
      samples,
      key: key(seed),
      estimators,
    });
    const [a, b, c] = report.estimators as [EstimatorReport, EstimatorReport, EstimatorReport];
    const squared = (e: EstimatorReport): number =>
      (e.mean.reduce((s, m, i) => s + (m - report.exact[i]!) ** 2, 0) - e.spread ** 2 / e.samples) / lengthSquared(report.exact);
    out.push({ seed, pathwise: a.bias, published: b.bias, second: c.bias, squared: [squared(a), squared(b), squared(c)] });
  }
  return out;
}

function lengthSquared(v: readonly number[]): number {
  return v.reduce((s, x) => s + x * x, 0);
}

export interface BaselineInstance {
  readonly seed: number;
  readonly baselines: readonly BaselineReport[];
}

/** Six edges with three operations, all 729 architectures: exact variances for each instance. */
export async function baselineInstances(device: Device, head: HeadName, instances: number): Promise<BaselineInstance[]> {
  const out: BaselineInstance[] = [];
  for (let seed = 1; seed <= instances; seed++) {
    const fixture = dagFixture(device, { head, nodes: 3, operations: 3, seed });
    const logits = unequalLogits(6, 3);
    out.push({ seed, baselines: baselineSpreads(fixture, logits, await enumerate(fixture, logits)) });
  }
  return out;
}

export interface LimitReport {
  readonly head: HeadName;
  /** The limit by enumeration. */
  readonly limit: number;
  readonly estimators: readonly {
    readonly name: string;
    readonly temperature: number;
    readonly bias: number;
    readonly interval: readonly [number, number];
  }[];
}

/** Straight-through and Gumbel-Rao at low temperatures, beside the limit of both, on the first fixture. */
export async function trapezoidLimits(
  device: Device,
  head: HeadName,
  temperatures: readonly number[],
  samples: number,
): Promise<LimitReport> {
  const fixture = dagFixture(device, { head, nodes: 2, operations: 3, seed: 1 });
  const logits = unequalLogits(3, 3);
  const { gradient, trapezoidGradient } = await enumerate(fixture, logits);
  const estimators: readonly Estimator[] = [straightThroughGumbel, gumbelRao(20)];
  const rows: LimitReport['estimators'][number][] = [];
  for (const temperature of temperatures) {
    const report = await runLaboratory({ fixture, logits, temperature, samples, key: key(1), estimators });
    for (const e of report.estimators) rows.push({ name: e.name, temperature, bias: e.bias, interval: e.biasInterval });
  }
  return { head, limit: difference(trapezoidGradient, gradient).gap, estimators: rows };
}
