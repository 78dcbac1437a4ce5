/** @file One rule for every claim: held, refuted or undecided, by an interval and a region that was stated before; Holm's correction over a page. */
import { OptionError } from '../contract/errors.ts';
import { logGamma, meanAndError, studentQuantile, studentTail } from './statistics.ts';

/**
 * What is known of a claim. A claim names a region in which a figure lies. It is *held* where the figure's whole interval lies in the region,
 * *refuted* where the whole interval lies outside of it, and *undecided* else. So a claim and its opposite have opposite verdicts.
 */
export type Verdict = 'held' | 'refuted' | 'undecided';

/** The open interval (low, high) in which a claim says that a figure lies. */
export interface Region {
  readonly low: number;
  readonly high: number;
}

/** What the data say of a claim. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Of the verdict that the estimate is nearer to, two-sided; after `holm` corrected for the number of comparisons. */
  readonly p: number;
  /** Independent values. */
  readonly n: number;
  readonly estimate: number;
  /** Bounds of the 95 % interval of this claim alone. */
  readonly low: number;
  readonly high: number;
  readonly region: Region;
}

/** The level of all verdicts of this project. */
export const LEVEL = 0.05;

/** "More than `bound`". */
export function above(bound: number): Region {
  return { low: bound, high: Infinity };
}

/** "Less than `bound`". */
export function below(bound: number): Region {
  return { low: -Infinity, high: bound };
}

/** "About `target`": nearer to it than a margin of equivalence, which has to be stated before the data are seen. */
export function near(target: number, margin: number): Region {
  if (!(margin > 0)) throw new OptionError(`near: the margin of equivalence is ${margin}; it must be above 0`);
  return { low: target - margin, high: target + margin };
}

/**
 * Judges a claim about the mean of independent values, paired differences among them, by Student's distribution. Values that are all the same
 * have an interval without width, which knows nothing of what was not drawn: there the sign test is asked, which can decide from six values on.
 * One value decides nothing.
 */
export function judgeMean(values: readonly number[], region: Region): Judgement {
  const n = values.length;
  if (n === 0) throw new OptionError('judgeMean: no values');
  const { mean, standardError } = meanAndError(values);
  if (n > 1 && standardError > 0) return judgeEstimate({ estimate: mean, standardError, n }, region);
  return judge(
    { n, estimate: mean, low: mean, high: mean, over: (bound) => same(mean > bound, n), under: (bound) => same(mean < bound, n) },
    region,
  );
}

/** P of n equal values on one side of a bound, if either side were as likely. */
function same(beyond: boolean, n: number): number {
  return beyond ? 0.5 ** n : 1;
}

export interface Estimate {
  readonly estimate: number;
  readonly standardError: number;
  /** Independent values that it was made of. */
  readonly n: number;
  /** Degrees of freedom of the standard error. Default: n - 1. */
  readonly degrees?: number;
}

/** Judges a claim about an estimate with a standard error. */
export function judgeEstimate({ estimate, standardError, n, degrees = n - 1 }: Estimate, region: Region): Judgement {
  if (!(standardError > 0) || !(degrees >= 1)) {
    throw new OptionError(`judgeEstimate: standard error ${standardError}, degrees of freedom ${degrees}; both must be above 0`);
  }
  const half = studentQuantile(1 - LEVEL / 2, degrees) * standardError;
  const over = (bound: number): number => studentTail((estimate - bound) / standardError, degrees);
  const under = (bound: number): number => studentTail((bound - estimate) / standardError, degrees);
  return judge({ n, estimate, low: estimate - half, high: estimate + half, over, under }, region);
}

/** Judges a claim about a share: of n independent instances, `count` were so. Exact, by the binomial distribution (Clopper and Pearson). */
export function judgeShare(count: number, n: number, region: Region): Judgement {
  if (!Number.isInteger(count) || !Number.isInteger(n) || count < 0 || count > n || n < 1) {
    throw new OptionError(`judgeShare: ${count} of ${n}; integers with 0 <= count <= n and n >= 1 are needed`);
  }
  // P(count or more | share) and P(count or fewer | share), both of which change one way only with the share.
  const over = (share: number): number => binomialTail(count, n, share);
  const under = (share: number): number => binomialTail(n - count, n, 1 - share);
  const tail = LEVEL / 2;
  return judge(
    {
      n,
      estimate: count / n,
      low: count === 0 ? 0 : bisect((share) => over(share) < tail),
      high: count === n ? 1 : bisect((share) => under(share) > tail),
      over,
      under,
    },
    region,
  );
}

/**
 * Judges an identity: whether residuals are rounding. There is no interval, for one instance above the tolerance refutes it and none proves it;
 * n says how many were tried.
 */
export function judgeIdentity(residuals: readonly number[], tolerance: number): Judgement {
  if (residuals.length === 0) throw new OptionError('judgeIdentity: no residuals');
  const estimate = residuals.some(Number.isNaN) ? NaN : residuals.reduce((worst, r) => Math.max(worst, Math.abs(r)), 0);
  const holds = estimate <= tolerance;
  const region = { low: -Infinity, high: tolerance };
  return { verdict: holds ? 'held' : 'refuted', p: 0, n: residuals.length, estimate, low: estimate, high: estimate, region };
}

interface Evidence {
  readonly n: number;
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** One-sided p-value of data like these if the figure were no more than a bound: small where it is above. */
  readonly over: (bound: number) => number;
  /** The same if it were no less: small where it is below. */
  readonly under: (bound: number) => number;
}

function judge({ n, estimate, low, high, over, under }: Evidence, region: Region): Judgement {
  if (!(region.low < region.high)) throw new OptionError(`judge: the region (${region.low}, ${region.high}) is empty`);
  const inside = 2 * Math.max(region.low === -Infinity ? 0 : over(region.low), region.high === Infinity ? 0 : under(region.high));
  const outside = 2 * Math.min(region.low === -Infinity ? 1 : under(region.low), region.high === Infinity ? 1 : over(region.high));
  const p = Math.min(1, inside, outside);
  const verdict = p < LEVEL ? (inside < outside ? 'held' : 'refuted') : 'undecided';
  return { verdict, p, n, estimate, low, high, region };
}

/**
 * Holm's correction: the judgements of all comparisons of one page, in the order given, with p-values and verdicts such that one wrong verdict or
 * more has a probability of at most 5 % over the whole page. Leave nothing out that was looked at. Identities have p = 0 and cost nothing.
 */
export function holm<J extends Judgement>(judgements: readonly J[]): J[] {
  const counted = judgements.filter((j) => j.p > 0 || j.verdict === 'undecided');
  const order = [...counted].sort((a, b) => a.p - b.p);
  const corrected = new Map<J, number>();
  let largest = 0;
  order.forEach((j, rank) => {
    largest = Math.max(largest, Math.min(1, j.p * (order.length - rank)));
    corrected.set(j, largest);
  });
  return judgements.map((j) => {
    const p = corrected.get(j) ?? j.p;
    return { ...j, p, verdict: p < LEVEL ? j.verdict : 'undecided' };
  });
}

/** The verdict on a claim of several parts: held where all are, refuted where one is, else undecided. */
export function allOf(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('refuted')) return 'refuted';
  return verdicts.length > 0 && verdicts.every((v) => v === 'held') ? 'held' : 'undecided';
}

/** P(X >= k) for X binomial of n trials. */
function binomialTail(k: number, n: number, share: number): number {
  if (k <= 0) return 1;
  if (share <= 0) return 0;
  if (share >= 1) return 1;
  let total = 0;
  for (let i = k; i <= n; i++) {
    const ways = logGamma(n + 1) - logGamma(i + 1) - logGamma(n - i + 1);
    total += Math.exp(ways + i * Math.log(share) + (n - i) * Math.log1p(-share));
  }
  return Math.min(1, total);
}

/** The share in [0, 1] up to which a condition is true. */
function bisect(holds: (share: number) => boolean): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
