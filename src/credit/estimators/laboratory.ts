/** @file The estimator laboratory: every estimator on the same random numbers, judged against exact enumeration. */
import { largestOf, lengthOf } from '../../contract/extremes.ts';
import { enableGrad } from '../../core/grad-mode.ts';
import { concat } from '../../core/ops.ts';
import { foldIn, gumbel, type Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { ArchitectureFixture } from './fixture.ts';
import { VectorMoments } from '../statistics.ts';
import { rebar, relax } from './control-variates.ts';
import { scoreTimesCredit, scoreTimesLoss } from './credit-score.ts';
import { enumerate } from './enumerate.ts';
import { type Estimator, makeDraw, type Passes } from './estimator.ts';
import { gumbelRao, pathwise, straightThroughGumbel } from './pathwise.ts';
import { counterfactual, dsnas, emaBaseline, leaveOneOut, meanBaseline, reinforce } from './score-function.ts';

export interface LaboratoryOptions {
  readonly fixture: ArchitectureFixture;
  /** log alpha, [edges][operations]. */
  readonly logits: readonly (readonly number[])[];
  readonly temperature: number;
  readonly samples: number;
  readonly key: Key;
  /** Samples a batch, a multiple of every estimator's group. Default 512. */
  readonly batch?: number;
  /** Default: `allEstimators`. */
  readonly estimators?: readonly Estimator[];
  /** The exact answer where it is known otherwise. Default: by enumeration, up to 4,096 architectures. */
  readonly exact?: Exact;
}

/** E[f(D)] and its gradient in the logits, flat [edges, operations]. */
export interface Exact {
  readonly expected: number;
  readonly gradient: Float64Array;
}

export interface EstimatorReport {
  readonly name: string;
  readonly unbiased: boolean;
  readonly relaxed: boolean;
  readonly samples: number;
  readonly mean: readonly number[];
  /** |mean - exact| / |exact|, with the sampling noise's part taken out (0 where noise explains it all). */
  readonly bias: number;
  /** 95 % interval of it. */
  readonly biasInterval: readonly [number, number];
  /** Spread of one sample: the root of the summed variances of its components. */
  readonly spread: number;
  /** Cosine of the mean to the exact gradient. */
  readonly cosine: number;
  /** Largest |mean - exact| in standard errors; and the chi-square test over the independent components. */
  readonly maxZ: number;
  readonly p: number;
  readonly passes: Passes;
}

export interface LaboratoryReport {
  readonly architectures: number;
  readonly expected: number;
  readonly exact: readonly number[];
  readonly temperature: number;
  readonly estimators: readonly EstimatorReport[];
}

/** All estimators. REBAR and RELAX are fitted here, on random numbers of their rows. */
export function allEstimators(options: Omit<LaboratoryOptions, 'estimators' | 'samples' | 'batch'>): Estimator[] {
  const edges = options.fixture.edges.length;
  // Only these: the number of samples is the laboratory's rows.
  const { fixture, logits, temperature } = options;
  const fitting = { fixture, logits, temperature, key: foldIn(options.key, 0xf17) };
  return [
    pathwise,
    straightThroughGumbel,
    gumbelRao(),
    scoreTimesLoss,
    scoreTimesCredit('taylor', edges),
    scoreTimesCredit('taylor2', edges),
    scoreTimesCredit('integrated', edges),
    scoreTimesCredit('ablation', edges),
    dsnas,
    reinforce,
    meanBaseline,
    emaBaseline,
    leaveOneOut(),
    counterfactual(edges),
    rebar(fitting),
    relax(fitting),
  ];
}

/** Runs every estimator on common random numbers and compares its mean with the enumerated gradient. */
export async function runLaboratory(options: LaboratoryOptions): Promise<LaboratoryReport> {
  const { fixture, logits, temperature, samples, batch = 512 } = options;
  const exact = options.exact ?? (await enumerate(fixture, logits));
  const estimators = options.estimators ?? allEstimators(options);
  const width = exact.gradient.length;
  const means = estimators.map(() => new VectorMoments(width));
  const singles = estimators.map(() => new VectorMoments(width));
  for (let chunk = 0, done = 0; done < samples; chunk++) {
    const size = Math.min(batch, samples - done);
    const rows = enableGrad(() =>
      scope(() => {
        const k = foldIn(options.key, chunk);
        const noise = gumbel(fixture.device, foldIn(k, 0), [size, fixture.edges.length, fixture.operations]);
        const draw = makeDraw(fixture, logits, temperature, size, noise, foldIn(k, 1));
        return concat(estimators.map((estimator) => scope(() => estimator.estimate(draw))));
      }),
    );
    const flat = await rows.data();
    rows.dispose();
    estimators.forEach((estimator, i) => {
      const estimates = flat.subarray(i * size * width, (i + 1) * size * width);
      singles[i]!.add(estimates);
      if ((estimator.group ?? 1) > 1) means[i]!.add(groupMeans(estimates, estimator.group!, width));
    });
    done += size;
  }
  return {
    architectures: fixture.operations ** fixture.edges.length,
    expected: exact.expected,
    exact: Array.from(exact.gradient),
    temperature,
    estimators: estimators.map((estimator, i) => {
      const single = singles[i]!;
      const independent = (estimator.group ?? 1) > 1 ? means[i]! : single;
      return judge(estimator, single, independent, exact.gradient, fixture.operations);
    }),
  };
}

function groupMeans(rows: ArrayLike<number>, group: number, width: number): Float64Array {
  const groups = Math.floor(rows.length / (group * width));
  const out = new Float64Array(groups * width);
  for (let g = 0; g < groups; g++) {
    for (let r = 0; r < group; r++)
      for (let i = 0; i < width; i++) out[g * width + i]! += rows[(g * group + r) * width + i]! / group;
  }
  return out;
}

function judge(
  estimator: Estimator,
  single: VectorMoments,
  independent: VectorMoments,
  exact: Float64Array,
  operations: number,
): EstimatorReport {
  const { mean, count } = independent;
  const width = exact.length;
  const difference = mean.map((m, i) => m - exact[i]!);
  // |d|^2 exceeds |bias|^2 by tr C on average, with variance about 4 d' C d + 2 tr C^2, where C is the covariance of the mean.
  let trace = 0;
  let along = 0;
  let squared = 0;
  for (let i = 0; i < width; i++) {
    trace += independent.covariance(i, i) / count;
    for (let j = 0; j < width; j++) {
      const c = independent.covariance(i, j) / count;
      along += difference[i]! * c * difference[j]!;
      squared += c * c;
    }
  }
  const length = lengthOf(exact);
  const squaredBias = difference.reduce((s, d) => s + d * d, 0) - trace;
  const half = 1.96 * Math.sqrt(4 * along + 2 * squared);
  const relative = (v: number): number => Math.sqrt(Math.max(0, v)) / length;
  const components = Array.from(exact, (_, i) => i).filter((i) => i % operations !== operations - 1);
  return {
    name: estimator.name,
    unbiased: estimator.unbiased,
    relaxed: estimator.relaxed,
    samples: single.count,
    mean: Array.from(mean),
    bias: relative(squaredBias),
    biasInterval: [relative(squaredBias - half), relative(squaredBias + half)],
    spread: single.spread(),
    cosine: mean.reduce((s, m, i) => s + m * exact[i]!, 0) / (lengthOf(mean) * length),
    maxZ: largestOf(independent.zScores(exact).map(Math.abs)),
    p: independent.chiSquare(exact, components).p,
    passes: estimator.passes,
  };
}
