/**
 * @file Values of states by tables, for a process whose states are prefixes of choices and whose only reward comes at the end.
 *
 * Nodes of the prefix tree are numbered breadth first: the root is 0, child a of node s is actions * s + a + 1. One action makes a chain.
 */
import { OptionError } from 'reparam';

/** T decisions among `actions` options, deterministic, undiscounted, rewarded only when the last choice is made. */
export interface DecisionProcess {
  readonly depth: number;
  readonly actions: number;
  /** The reward of a complete sequence of choices. */
  readonly reward: (choices: readonly number[]) => number;
}

/** Number of prefixes, complete ones included. */
export function treeSize(actions: number, depth: number): number {
  let size = 0;
  for (let d = 0; d <= depth; d++) size += actions ** d;
  return size;
}

/** The nodes along a sequence of choices, root first. */
export function pathOf(choices: readonly number[], actions: number): number[] {
  const path = [0];
  for (const a of choices) path.push(actions * path.at(-1)! + a + 1);
  return path;
}

/**
 * One episode of TD(lambda) with accumulating eligibility traces, in place: at each step delta = r + V(s') - V(s), and every state
 * visited so far moves by rate * lambda^(steps since) * delta. V of a complete sequence is 0. lambda = 0 is TD(0), the article's
 * equation 1; lambda = 1 is Monte Carlo, because no prefix occurs twice. Source: Sutton and Barto, chapter 12.
 */
export function tdLambdaEpisode(values: Float64Array, path: readonly number[], reward: number, rate: number, lambda: number): void {
  if (!(lambda >= 0 && lambda <= 1)) throw new OptionError(`tdLambdaEpisode: lambda ${lambda} must be in [0, 1]`);
  const last = path.length - 1;
  for (let t = 0; t < last; t++) {
    const next = t + 1 === last ? reward : values[path[t + 1]!]!;
    const delta = next - values[path[t]!]!;
    let trace = 1;
    for (let u = t; u >= 0 && trace > 0; u--) {
      values[path[u]!]! += rate * trace * delta;
      trace *= lambda;
    }
  }
}

/** One episode of Monte Carlo, in place: every visited state moves by rate * (return - V). */
export function monteCarloEpisode(values: Float64Array, path: readonly number[], reward: number, rate: number): void {
  for (const s of path.slice(0, -1)) values[s]! += rate * (reward - values[s]!);
}

/**
 * TD(0) on a chain that ends in reward R, closed form: the value of the state `distance` steps before the end after `episodes`
 * episodes is R P(Bin(episodes, rate) >= distance). Each episode passes a value one state back with weight `rate`.
 */
export function chainValue(reward: number, rate: number, episodes: number, distance: number): number {
  // Sum of the lower tail by its recurrence; the upper tail is what is left.
  let term = (1 - rate) ** episodes;
  let below = 0;
  for (let k = 0; k < distance && k <= episodes; k++) {
    below += term;
    term *= ((episodes - k) / (k + 1)) * (rate / (1 - rate));
  }
  return distance > episodes ? 0 : reward * (1 - below);
}

/** Episodes until the first state of a chain of `depth` decisions has the given share of its value. */
export function episodesToShare(depth: number, rate: number, lambda: number, share = 0.5, limit = 1e6): number {
  const values = new Float64Array(depth + 1);
  const path = pathOf(Array<number>(depth).fill(0), 1);
  for (let m = 1; m <= limit; m++) {
    tdLambdaEpisode(values, path, 1, rate, lambda);
    if (values[0]! >= share) return m;
  }
  return Infinity;
}

/** Synchronous sweeps (all states updated at once from the old values) until the first state's value is not 0: the depth. */
export function sweepsToReach(depth: number, rate: number): number {
  let values = new Float64Array(depth);
  for (let m = 1; ; m++) {
    const old = values;
    values = old.map((v, s) => v + rate * ((s + 1 === depth ? 1 : old[s + 1]!) - v));
    if (values[0] !== 0) return m;
  }
}

/** V(s) under a policy that chooses by pi[t] at step t, exactly, for every prefix; complete ones hold their reward. */
export function exactValues(process: DecisionProcess, pi: readonly (readonly number[])[]): Float64Array {
  const { depth, actions, reward } = process;
  const values = new Float64Array(treeSize(actions, depth));
  const visit = (choices: number[], s: number): number => {
    if (choices.length === depth) return (values[s] = reward(choices));
    const row = pi[choices.length]!;
    let v = 0;
    for (let a = 0; a < actions; a++) v += row[a]! * visit([...choices, a], actions * s + a + 1);
    return (values[s] = v);
  };
  visit([], 0);
  return values;
}

/**
 * The policy gradient that a critic implies, flat [depth, actions]: sum over prefixes of their probability times
 * pi_k (Q(s, k) - sum_a pi_a Q(s, a)), with `quality(s, choices, a)` for Q. Exact values give the exact gradient of E[reward] in the logits. `weight` of a
 * node stands in for its probability: the share of the episodes that went there, say.
 */
export function criticGradient(
  process: DecisionProcess,
  pi: readonly (readonly number[])[],
  quality: (node: number, choices: readonly number[], action: number) => number,
  weight?: (node: number) => number,
): Float64Array {
  const { depth, actions } = process;
  const out = new Float64Array(depth * actions);
  const visit = (choices: number[], s: number, p: number): void => {
    const t = choices.length;
    if (t === depth) return;
    const row = pi[t]!;
    const q = row.map((_, a) => quality(s, choices, a));
    const mean = q.reduce((sum, v, a) => sum + row[a]! * v, 0);
    for (let a = 0; a < actions; a++) {
      out[t * actions + a]! += (weight ? weight(s) : p) * row[a]! * (q[a]! - mean);
      visit([...choices, a], actions * s + a + 1, p * row[a]!);
    }
  };
  visit([], 0, 1);
  return out;
}
