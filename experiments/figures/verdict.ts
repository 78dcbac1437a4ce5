/** @file Comparisons of a few seeds in words: an interval, a region, a verdict. */
import { allOf, holm, type Interval, interval, type IntervalOptions, judgeMean, type Region, type Verdict } from 'reparam/credit';
import type { Finding, Part } from './experiment.ts';

/** What an accuracy or another share can be. */
export const SHARE: IntervalOptions = { range: [0, 1] };

/** Student's 95 % interval over seeds. */
export function overSeeds(values: readonly number[], options?: IntervalOptions): Interval {
  return interval(values, options);
}

/** 0.912 [0.895, 0.929], n = 3. */
export function show({ n, mean, low, high }: Interval, digits = 3): string {
  const f = (v: number): string => v.toFixed(digits);
  return n === 1 ? `${f(mean)}, n = 1` : `${f(mean)} [${f(low)}, ${f(high)}], n = ${n}`;
}

/** One comparison over seeds: of paired differences, where two rows are compared. The interval in print is cut to what the figure can be. */
export function part(name: string, values: readonly number[], region: Region, digits = 3, options: IntervalOptions = {}): Part {
  const [least, most] = options.range ?? [-Infinity, Infinity];
  const judgement = judgeMean(values, region);
  return { name, judgement: { ...judgement, low: Math.max(least, judgement.low), high: Math.min(most, judgement.high) }, digits };
}

/** a - b by seed. */
export function minus(a: readonly number[], b: readonly number[]): number[] {
  return a.map((v, i) => v - b[i]!);
}

/** A finding with its verdict: p-values of its parts corrected for all comparisons of the page. */
export interface JudgedFinding extends Finding {
  readonly verdict: Verdict;
}

/** All findings of a page, judged together. */
export function judgePage(findings: readonly Finding[]): JudgedFinding[] {
  const corrected = holm(findings.flatMap((f) => f.parts.map((p) => p.judgement)));
  let next = 0;
  return findings.map((f) => {
    const parts = f.parts.map((p) => ({ ...p, judgement: corrected[next++]! }));
    return { ...f, parts, verdict: allOf(parts.map((p) => p.judgement.verdict)) };
  });
}

/** "more than 0", "less than 0.03", "within 0.02 of 0". */
export function describeRegion({ low, high }: Region): string {
  if (high === Infinity) return `more than ${number(low)}`;
  if (low === -Infinity) return `less than ${number(high)}`;
  return low === -high ? `within ${number(high)} of 0` : `between ${number(low)} and ${number(high)}`;
}

function number(v: number): string {
  return String(Number(v.toPrecision(6)));
}

/** A comparison with its corrected p-value: "SNAS less ENAS (more than 0): 0.195 [-0.531, 0.920], n = 3, p = 0.37, undecided". */
export function describePart({ name, judgement, digits }: Part): string {
  const { n, estimate, low, high, region, p, verdict } = judgement;
  // An identity has no interval: one instance decides.
  if (p === 0) return `${name} (at most ${number(region.high)}): ${estimate}, n = ${n}, ${verdict}`;
  return `${name} (${describeRegion(region)}): ${show({ n, mean: estimate, low, high }, digits)}, p ${showP(p)}, ${verdict}`;
}

/** A p-value of two digits, or a bound where it is smaller than any that would change a mind. */
export function showP(p: number): string {
  return p < 1e-4 ? '< 0.0001' : `= ${p >= 0.1 ? p.toFixed(2) : p.toPrecision(2)}`;
}
