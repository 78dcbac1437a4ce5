/**
 * @file The variance of Monte Carlo values by state, where the reward comes only at the end, and where each step's reward comes at once.
 *
 * A process of T steps with a reward for each prefix, drawn once; delayed, their sum is paid at the end. The return of a state d steps before the end
 * has the variance of d rewards, and its value after n visits that variance over n (sample average), or a / (2 - a) (1 - (1 - a)^2n) of it (fixed rate a). A
 * state t steps after the first is one of actions^t and is visited in m / actions^t of m episodes: so the values that jitter are exponentially many in t.
 */
import { foldIn, key, uniforms } from 'reparam';
import { pathOf, treeSize } from './tabular.ts';

export interface JitterOptions {
  readonly depth: number;
  readonly actions: number;
  readonly episodes: number;
  readonly rate: number;
  /** Independent repeats over which variances are taken. */
  readonly repeats: number;
  readonly seed: number;
}

export interface JitterRow {
  /** Steps from the first state. */
  readonly step: number;
  readonly states: number;
  /** Mean over the states of this step of the variance of the return from there. */
  readonly returnVariance: number;
  /** Mean over states of the variance over repeats of the sample average, of visited states, and what the closed form says for the same visits. */
  readonly average: number;
  readonly averageExpected: number;
  /** The same at a fixed rate. */
  readonly fixed: number;
  readonly fixedExpected: number;
  /** TD(0) at the same fixed rate, every step's reward paid at once. */
  readonly immediate: number;
}

/** Rewards of prefixes have variance 1, and the first prefix none. Choices are uniform. */
export function jitter({ depth, actions, episodes, rate, repeats, seed }: JitterOptions): JitterRow[] {
  const size = treeSize(actions, depth);
  const rewards = uniforms(key(seed), size).map((u) => Math.sqrt(12) * (u - 0.5));
  rewards[0] = 0;
  const { mean, variance } = returns(rewards, depth, actions);
  // Sums over repeats of what is compared, by state; deviations are from the true mean of what each learner learns.
  const sums = { count: new Float64Array(size), average: new Float64Array(size), averageExpected: new Float64Array(size) };
  const fixedSums = { fixed: new Float64Array(size), fixedExpected: new Float64Array(size), immediate: new Float64Array(size) };
  const before = accumulated(rewards, depth, actions);
  for (let repeat = 0; repeat < repeats; repeat++) {
    const visits = new Float64Array(size);
    const average = new Float64Array(size);
    // Learners start at the truth: what is left is jitter and no bias of the start. Delayed values count what was earned before, too.
    const fixed = mean.map((v, s) => v + before[s]!);
    const td = mean.slice();
    const k = foldIn(key(seed + 1), repeat);
    for (let m = 0; m < episodes; m++) {
      const path = pathOf(
        Array.from(uniforms(foldIn(k, m), depth), (u) => Math.floor(u * actions)),
        actions,
      );
      const total = before[path.at(-1)!]!;
      for (let t = 0; t < depth; t++) {
        const s = path[t]!;
        visits[s]!++;
        average[s]! += (total - average[s]!) / visits[s]!;
        fixed[s]! += rate * (total - fixed[s]!);
        const next = path[t + 1]!;
        td[s]! += rate * (rewards[next]! + (t + 1 === depth ? 0 : td[next]!) - td[s]!);
      }
    }
    for (let s = 0; s < size; s++) {
      if (visits[s] === 0) continue;
      sums.count[s]!++;
      sums.average[s]! += (average[s]! - mean[s]! - before[s]!) ** 2;
      sums.averageExpected[s]! += variance[s]! / visits[s]!;
      fixedSums.fixed[s]! += (fixed[s]! - mean[s]! - before[s]!) ** 2;
      fixedSums.fixedExpected[s]! += (variance[s]! * rate * (1 - (1 - rate) ** (2 * visits[s]!))) / (2 - rate);
      fixedSums.immediate[s]! += (td[s]! - mean[s]!) ** 2;
    }
  }
  return Array.from({ length: depth }, (_, step) => {
    const first = treeSize(actions, step) - actions ** step;
    const nodes = Array.from({ length: actions ** step }, (_s, i) => first + i).filter((s) => sums.count[s]! > 0);
    const meanOf = (values: Float64Array): number => nodes.reduce((t, s) => t + values[s]! / sums.count[s]!, 0) / nodes.length;
    return {
      step,
      states: actions ** step,
      returnVariance: nodes.reduce((t, s) => t + variance[s]!, 0) / nodes.length,
      average: meanOf(sums.average),
      averageExpected: meanOf(sums.averageExpected),
      fixed: meanOf(fixedSums.fixed),
      fixedExpected: meanOf(fixedSums.fixedExpected),
      immediate: meanOf(fixedSums.immediate),
    };
  });
}

/** Mean and variance of what is still to be earned from each state, by recursion from the leaves. */
function returns(
  rewards: Float64Array,
  depth: number,
  actions: number,
): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const size = rewards.length;
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  const inner = treeSize(actions, depth - 1);
  for (let s = inner - 1; s >= 0; s--) {
    for (let a = 0; a < actions; a++) {
      const next = actions * s + a + 1;
      mean[s]! += (rewards[next]! + mean[next]!) / actions;
      square[s]! += (rewards[next]! ** 2 + 2 * rewards[next]! * mean[next]! + square[next]!) / actions;
    }
  }
  return { mean, variance: square.map((v, s) => v - mean[s]! ** 2) };
}

/** What was earned up to each state. */
function accumulated(rewards: Float64Array, depth: number, actions: number): Float64Array {
  const out = rewards.slice();
  for (let s = 0; s < treeSize(actions, depth - 1); s++) for (let a = 0; a < actions; a++) out[actions * s + a + 1]! += out[s]!;
  return out;
}
