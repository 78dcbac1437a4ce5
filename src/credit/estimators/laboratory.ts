/** @file The estimator laboratory: every estimator on the same random numbers, judged against exact enumeration. */
import { NonFiniteError, OptionError, ShapeError } from '../../contract/errors.ts';
import { largestOf, lengthOf } from '../../contract/extremes.ts';
import { showShape } from '../../contract/shape.ts';
import { enableGrad } from '../../core/grad-mode.ts';
import { alias, concat } from '../../core/ops.ts';
import { foldIn, gumbel, type Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { sameShape } from '../../contract/shape.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { ArchitectureFixture, Exact } from './fixture.ts';
import { VectorMoments } from '../statistics.ts';
import { rebar, relax } from './control-variates.ts';
import { scoreTimesCredit, scoreTimesLoss } from './credit-score.ts';
import { enumerate, probabilities } from './enumerate.ts';
import { type Draw, type Estimator, makeDraw, operationCount, type Passes } from './estimator.ts';
import { gumbelRao, pathwise, straightThroughGumbel } from './pathwise.ts';
import {
  checkGroups,
  conditionalMean,
  counterfactual,
  dsnas,
  emaBaseline,
  leaveOneOut,
  meanBaseline,
  reinforce,
} from './score-function.ts';

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
  /** The exact answer where it is known otherwise. Default: the fixture's own, or by enumeration, up to 4,096 architectures. */
  readonly exact?: Exact;
}

export interface EstimatorReport {
  readonly name: string;
  readonly unbiased: boolean;
  readonly relaxed: boolean;
  readonly samples: number;
  readonly mean: readonly number[];
  /** |mean - exact| / |exact|, with the sampling noise's part taken out (0 where noise explains it all); NaN where |exact| is rounding. */
  readonly bias: number;
  /** 95 % interval of it. */
  readonly biasInterval: readonly [number, number];
  /** Spread of one sample: the root of the summed variances of its components. */
  readonly spread: number;
  /** Cosine of the mean to the exact gradient. */
  readonly cosine: number;
  /**
   * Largest |mean - exact| in standard errors; and the chi-square test over the independent components. Both over operations that the samples can
   * judge: those with an expected count of 10 and more, for and against. 0 and 1 where there are none.
   */
  readonly maxZ: number;
  readonly p: number;
  readonly passes: Passes;
  /** Forward passes of one architecture that one sample costs, and that fitting cost before the first (`operationCount`). */
  readonly operations: number;
  readonly fitting: number;
}

export interface LaboratoryReport {
  readonly architectures: number;
  readonly expected: number;
  readonly exact: readonly number[];
  readonly temperature: number;
  /** Operations (of all edges) that so few samples choose, or leave, that z and p leave them out: fewer than 10 expected. */
  readonly rare: number;
  readonly estimators: readonly EstimatorReport[];
}

/** All estimators. REBAR and RELAX are fitted here, on random numbers of their rows. */
export function allEstimators(options: Omit<LaboratoryOptions, 'estimators' | 'samples' | 'batch'>): Estimator[] {
  // Only these: the number of samples is the laboratory's rows.
  const { fixture, logits, temperature } = options;
  const fitting = { fixture, logits, temperature, key: foldIn(options.key, 0xf17) };
  return [
    pathwise,
    straightThroughGumbel,
    gumbelRao(),
    scoreTimesLoss,
    scoreTimesCredit('taylor'),
    scoreTimesCredit('taylor2'),
    scoreTimesCredit('integrated'),
    scoreTimesCredit('ablation'),
    dsnas,
    reinforce,
    meanBaseline,
    emaBaseline,
    leaveOneOut(),
    counterfactual,
    conditionalMean,
    rebar(fitting),
    relax(fitting),
  ];
}

/**
 * Runs every estimator on common random numbers and compares its mean with the enumerated gradient. OptionError where an estimator's groups do not divide
 * the batch or the samples, ShapeError where an estimate is not [s, e, n], NonFiniteError for estimates or losses that are NaN, by name.
 */
export async function runLaboratory(options: LaboratoryOptions): Promise<LaboratoryReport> {
  const { fixture, logits, temperature, samples, batch = 512 } = options;
  const exact = options.exact ?? (await (fixture.exact?.(logits) ?? enumerate(fixture, logits)));
  const estimators = options.estimators ?? allEstimators(options);
  if (!Number.isInteger(samples) || samples < 2 || !Number.isInteger(batch) || batch < 1) {
    throw new OptionError(`runLaboratory: ${samples} samples in batches of ${batch}; integers of at least 2 and 1 are needed`);
  }
  for (const { name, group = 1 } of estimators) for (const size of [batch, samples]) checkGroups(name, group, size);
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
        return { estimates: concat(estimators.map((estimator) => estimateOf(estimator, draw))), hard: alias(draw.hard) };
      }),
    );
    const [flat, hard] = await Promise.all([rows.estimates.data(), rows.hard.data()]);
    for (const t of Object.values(rows)) t.dispose();
    estimators.forEach((estimator, i) => {
      const estimates = flat.subarray(i * size * width, (i + 1) * size * width);
      refuseNonFinite(estimator, fixture, estimates, hard);
      singles[i]!.add(estimates);
      if ((estimator.group ?? 1) > 1) means[i]!.add(groupMeans(estimates, estimator.group!, width));
    });
    done += size;
  }
  const judged = judgedComponents(probabilities(logits), samples);
  return {
    architectures: fixture.operations ** fixture.edges.length,
    expected: exact.expected,
    exact: Array.from(exact.gradient),
    temperature,
    rare: judged.filter((j) => !j).length,
    estimators: estimators.map((estimator, i) => {
      const single = singles[i]!;
      const independent = (estimator.group ?? 1) > 1 ? means[i]! : single;
      return judge(estimator, fixture, { single, independent, exact, judged });
    }),
  };
}

/** One estimator's estimates, in memory of its own. */
function estimateOf(estimator: Estimator, draw: Draw): Tensor {
  return scope(() => {
    const estimates = estimator.estimate(draw);
    if (!sameShape(estimates.shape, draw.noise.shape)) {
      throw new ShapeError(
        `runLaboratory: the estimates of ${estimator.name} have shape ${showShape(estimates.shape)}; one number for each sample, edge and operation is needed, ${showShape(draw.noise.shape)}`,
      );
    }
    return estimates;
  });
}

function refuseNonFinite(
  { name }: Estimator,
  { edges, operations }: ArchitectureFixture,
  estimates: ArrayLike<number>,
  hard: { subarray(start: number, end: number): ArrayLike<number> },
): void {
  for (let i = 0; i < estimates.length; i++) {
    if (Number.isFinite(estimates[i])) continue;
    const sample = Math.floor(i / (edges.length * operations));
    const chosen = edges.map((edge, e) => {
      const at = (sample * edges.length + e) * operations;
      return `operation ${Array.from(hard.subarray(at, at + operations)).indexOf(1)} on ${edge.name}`;
    });
    throw new NonFiniteError(
      `runLaboratory: ${name} is ${estimates[i]} for a sample of the architecture ${chosen.join(', ')}. ` +
        'Its loss, or that without an edge, is not finite there: leave the operation or the estimator out',
    );
  }
}

/** Which operations have enough samples for a normal law of the mean. */
function judgedComponents(pi: Float64Array, samples: number): boolean[] {
  return Array.from(pi, (p) => samples * Math.min(p, 1 - p) >= 10);
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

interface Judged {
  readonly single: VectorMoments;
  readonly independent: VectorMoments;
  readonly exact: Exact;
  readonly judged: readonly boolean[];
}

function judge(
  estimator: Estimator,
  fixture: ArchitectureFixture,
  { single, independent, exact: answer, judged }: Judged,
): EstimatorReport {
  const { operations } = fixture;
  const exact = answer.gradient;
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
  // A gradient of the size of the expectation's own rounding has no relative error.
  const length = lengthOf(exact) > Number.EPSILON * Math.abs(answer.expected) ? lengthOf(exact) : NaN;
  const squaredBias = difference.reduce((s, d) => s + d * d, 0) - trace;
  const half = 1.96 * Math.sqrt(4 * along + 2 * squared);
  const relative = (v: number): number => Math.sqrt(Math.max(0, v)) / length;
  const components = independentComponents(judged, operations);
  const z = independent.zScores(exact);
  const passes = typeof estimator.passes === 'function' ? estimator.passes(fixture) : estimator.passes;
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
    maxZ: largestOf([0, ...judged.flatMap((known, i) => (known ? [Math.abs(z[i]!)] : []))]),
    p: independent.chiSquare(exact, components).p,
    passes,
    operations: operationCount(passes, operations),
    fitting: estimator.fitting ? operationCount(estimator.fitting, operations) : 0,
  };
}

/** Components that are judged, less one an edge where all of it are: a row of a gradient sums to 0. */
function independentComponents(judged: readonly boolean[], operations: number): number[] {
  return Array.from(judged.keys()).filter((i) => {
    const edge = Math.floor(i / operations) * operations;
    const whole = judged.slice(edge, edge + operations).every(Boolean);
    return judged[i] && !(whole && i === edge + operations - 1);
  });
}
