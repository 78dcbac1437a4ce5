/**
 * @file How good a redistribution of the return is, judged by exact differences of Q: RUDDER's LSTM beside the credits of edges.
 *
 * For a deterministic process with its reward at the end the optimal new reward of step t is Q(s_t, a_t) - Q(s_t-1, a_t-1) = V(s_t+1) - V(s_t): then the
 * expected future reward is 0 from every state on (Arjona-Medina et al., RUDDER, 2019, theorem 2).
 */
import { type Device, foldIn, key, noGrad, uniforms } from 'reparam';
import {
  type ArchitectureFixture,
  choiceOf,
  type CreditKind,
  dagFixture,
  enumerate,
  type HeadName,
  networkCredits,
  probabilities,
} from 'reparam/credit';
import { rudderValues } from './race.ts';
import { unequalLogits } from '../instances.ts';
import { type DecisionProcess, exactValues, pathOf } from './tabular.ts';

export interface DecompositionRow {
  readonly instance: number;
  readonly method: string;
  /** Correlation of the new rewards with the exact differences, over architectures (by their probability) and steps. */
  readonly correlation: number;
  /** Root mean square of new rewards less exact differences, over that of the differences. */
  readonly error: number;
  /** Root mean square of the expected future reward after a choice, over the standard deviation of the return. 0 where the redistribution is optimal. */
  readonly future: number;
  /** Root mean square of the return that the new rewards do not sum to, over the return's standard deviation. */
  readonly unassigned: number;
  /** |E[score of each choice x its new reward] - policy gradient| / |policy gradient|. */
  readonly gradientError: number;
}

export interface DecompositionOptions {
  /** Loss head of the networks: cells of three nodes with tanh operations, whose edges are chosen in their order. */
  readonly head: HeadName;
  readonly choices: number;
  readonly instances: number;
  readonly episodes: readonly number[];
  readonly lstmSteps: number;
}

export async function decompose(
  device: Device,
  options: DecompositionOptions,
  done: (instance: number) => void,
): Promise<DecompositionRow[]> {
  const out: DecompositionRow[] = [];
  for (let instance = 1; instance <= options.instances; instance++) {
    for (const row of await decomposeOne(device, options, instance)) out.push(row);
    done(instance);
  }
  return out;
}

/** New rewards by architecture and step. */
type Redistribution = (architecture: number) => readonly number[];

async function decomposeOne(device: Device, options: DecompositionOptions, instance: number): Promise<DecompositionRow[]> {
  const { head, choices: n, episodes, lstmSteps } = options;
  const network = dagFixture(device, { head, nodes: 3, operations: n, seed: instance });
  const depth = network.edges.length;
  const logits = unequalLogits(depth, n);
  const { losses, expected, architectures } = await enumerate(network, logits);
  const flat = probabilities(logits);
  const pi = logits.map((_, t) => Array.from(flat.slice(t * n, (t + 1) * n)));
  const chosen = (a: number): number[] => Array.from({ length: depth }, (_, t) => choiceOf(a, t, n));
  const leaf = (c: readonly number[]): number => c.reduce((at, v, t) => at + v * n ** t, 0);
  const process: DecisionProcess = { depth, actions: n, reward: (c) => expected - losses[leaf(c)]! };
  const values = exactValues(process, pi);
  const differences =
    (v: Float64Array): Redistribution =>
    (a) => {
      const path = pathOf(chosen(a), n);
      return path.slice(1).map((s, t) => v[s]! - v[path[t]!]!);
    };
  const exact = differences(values);
  const judge = (method: string, found: Redistribution): DecompositionRow => ({
    instance,
    method,
    ...judgeRedistribution({ architectures, depth, n, pi, chosen, process }, found, exact),
  });
  const out = [
    judge('the return at the end, as it comes', (a) => chosen(a).map((_, t) => (t === depth - 1 ? process.reward(chosen(a)) : 0))),
  ];
  for (const count of episodes) {
    const k = foldIn(foldIn(key(instance), 7), count);
    const played = sampleChoices(pi, count, k);
    const learnt = await rudderValues(device, process, played, lstmSteps, k);
    const found = differences(learnt);
    out.push(
      judge(`RUDDER, ${count} episodes`, (a) => {
        const rewards = [...found(a)];
        // What the prediction misses in the end goes to the last step, so that nothing of the return is lost.
        rewards[depth - 1]! += process.reward(chosen(a)) - rewards.reduce((x, y) => x + y, 0);
        return rewards;
      }),
    );
  }
  for (const [name, kind] of [
    ['R_ij at the sampled architecture', 'taylor'],
    ['ablation', 'ablation'],
    ['conditional mean', 'conditional'],
  ] as const) {
    const credits = await creditsOf(network, kind, architectures, pi);
    out.push(judge(name, (a) => Array.from({ length: depth }, (_, t) => credits[t * architectures + a]!)));
  }
  out.push(judge('exact differences', exact));
  return out;
}

/** Credits of every architecture, flat [depth, architectures]; positive where the edge lowers the loss. */
async function creditsOf(
  fixture: ArchitectureFixture,
  kind: CreditKind,
  architectures: number,
  pi: readonly (readonly number[])[],
): Promise<ArrayLike<number>> {
  const { device, operations: n } = fixture;
  const depth = fixture.edges.length;
  const hot = new Float64Array(architectures * depth * n);
  for (let a = 0; a < architectures; a++) for (let t = 0; t < depth; t++) hot[(a * depth + t) * n + choiceOf(a, t, n)] = 1;
  const z = device.tensor(hot, [architectures, depth, n]);
  const credits = noGrad(() => networkCredits(fixture.network(z), kind, { weights: (group) => pi[group]! }));
  const data = await credits.data();
  for (const t of [z, credits]) t.dispose();
  return data;
}

function sampleChoices(pi: readonly (readonly number[])[], count: number, k: ReturnType<typeof key>): number[][] {
  return Array.from({ length: count }, (_, m) => {
    const u = uniforms(foldIn(k, m), pi.length);
    return pi.map((row, t) => {
      let left = u[t]!;
      const at = row.findIndex((p) => (left -= p) < 0);
      return at < 0 ? row.length - 1 : at;
    });
  });
}

interface Space {
  readonly architectures: number;
  readonly depth: number;
  readonly n: number;
  readonly pi: readonly (readonly number[])[];
  readonly chosen: (a: number) => number[];
  readonly process: DecisionProcess;
}

/** All figures by enumeration. */
export function judgeRedistribution(
  { architectures, depth, n, pi, chosen, process }: Space,
  found: Redistribution,
  exact: Redistribution,
): Omit<DecompositionRow, 'instance' | 'method'> {
  const moments = { f: 0, e: 0, ff: 0, ee: 0, fe: 0, miss: 0, left: 0, returns: 0 };
  const gradient = new Float64Array(depth * n);
  const wanted = new Float64Array(depth * n);
  // Expected future reward after each choice: by prefix, summed over what may follow.
  const future = new Map<number, { weight: number; total: number }>();
  for (let a = 0; a < architectures; a++) {
    const c = chosen(a);
    const p = c.reduce((product, v, t) => product * pi[t]![v]!, 1);
    const f = found(a);
    const e = exact(a);
    const reward = process.reward(c);
    moments.returns += p * reward ** 2;
    moments.left += p * (reward - f.reduce((x, y) => x + y, 0)) ** 2;
    const path = pathOf(c, n);
    let after = 0;
    for (let t = depth - 1; t >= 0; t--) {
      const weight = p / depth;
      moments.f += weight * f[t]!;
      moments.e += weight * e[t]!;
      moments.ff += weight * f[t]! ** 2;
      moments.ee += weight * e[t]! ** 2;
      moments.fe += weight * f[t]! * e[t]!;
      moments.miss += weight * (f[t]! - e[t]!) ** 2;
      const cell = future.get(path[t + 1]!) ?? { weight: 0, total: 0 };
      future.set(path[t + 1]!, { weight: cell.weight + p, total: cell.total + p * after });
      after += f[t]!;
      for (let k = 0; k < n; k++) {
        const score = Number(c[t] === k) - pi[t]![k]!;
        gradient[t * n + k]! += p * score * f[t]!;
        wanted[t * n + k]! += p * score * reward;
      }
    }
  }
  const covariance = moments.fe - moments.f * moments.e;
  const deviations = Math.sqrt((moments.ff - moments.f ** 2) * (moments.ee - moments.e ** 2));
  const futures = [...future.values()].reduce((s, { weight, total }) => s + (total / weight) ** 2 * weight, 0) / depth;
  return {
    correlation: deviations > 0 ? covariance / deviations : 0,
    error: Math.sqrt(moments.miss / moments.ee),
    future: Math.sqrt(futures / moments.returns),
    unassigned: Math.sqrt(moments.left / moments.returns),
    gradientError: Math.hypot(...gradient.map((g, i) => g - wanted[i]!)) / Math.hypot(...wanted),
  };
}
