/**
 * @file Ways to assign credit on NAS processes, by the same measure: the error of the policy gradient that each implies for the same number of
 * operations. Critics by TD(0), TD(0.9) and Monte Carlo tables; RUDDER's LSTM; REINFORCE; SNAS.
 */
import { alias, type Device, foldIn, gumbel, type Key, key, scope, slice } from 'reparam';
import { enumerate, makeDraw, operationCount, pathwise, probabilities } from 'reparam/credit';
import { deepChain } from './deep-chain.ts';
import { tableMethods } from './curves.ts';
import { unequalLogits } from '../instances.ts';
import { type Lesson, Rudder } from './rudder.ts';
import { criticGradient, type DecisionProcess, pathOf, tdLambdaEpisode, treeSize } from './tabular.ts';

export interface RacePoint {
  readonly instance: number;
  readonly seed: number;
  readonly method: string;
  /** Forward passes of one architecture. */
  readonly operations: number;
  /** |implied gradient - exact| / |exact|. */
  readonly error: number;
}

export interface RaceOptions {
  readonly depth: number;
  readonly choices: number;
  /** Budgets, in forward passes of one architecture: an episode takes one, a relaxed pass over n operations with its backward pass 3 n. */
  readonly budgets: readonly number[];
  /** Processes with rewards of their own, and seeds of the samples on each. */
  readonly instances: number;
  readonly seeds: number;
  /** RUDDER's LSTM is trained anew for every budget, which takes most of the time: on this many of the seeds. */
  readonly rudderSeeds: number;
  readonly temperature: number;
  /** Gradient steps of RUDDER's LSTM at every budget. They are no passes through a network and not counted. */
  readonly lstmSteps: number;
}

const RATE = 0.1;
/** Episodes whose mean loss is taken for the average that rewards are counted from. They are part of every budget. */
const CENTRE = 10;

/**
 * Runs the race. A critic's gradient sums over states: 'exact states' weighs them by their true probabilities, which no learner of a real process has;
 * without that they are weighed by how often the episodes so far went there.
 */
export async function creditRace(device: Device, options: RaceOptions, done: (instance: number) => void): Promise<RacePoint[]> {
  const out: RacePoint[] = [];
  for (let instance = 1; instance <= options.instances; instance++) {
    for (let seed = 1; seed <= options.seeds; seed++) {
      for (const point of await raceOnce(device, options, instance, seed)) out.push(point);
    }
    done(instance);
  }
  return out;
}

async function raceOnce(device: Device, options: RaceOptions, instance: number, seed: number): Promise<RacePoint[]> {
  const { depth, choices: n, budgets, temperature } = options;
  const chain = deepChain(device, { depth, operations: n, seed: instance });
  const logits = unequalLogits(depth, n);
  const { gradient, losses } = await enumerate(chain, logits);
  const flat = probabilities(logits);
  const pi = logits.map((_, t) => Array.from(flat.slice(t * n, (t + 1) * n)));
  const leaf = (choices: readonly number[]): number => choices.reduce((at, a, t) => at + a * n ** t, 0);
  const exact = gradient.map((g) => -g);
  const errorOf = (g: ArrayLike<number>): number => Math.hypot(...exact.map((e, i) => g[i]! - e)) / Math.hypot(...exact);
  const out: RacePoint[] = [];
  const k = foldIn(key(instance), seed);
  const relaxed = operationCount({ forward: 1, backward: 1 }, n);
  const most = Math.max(...budgets);
  const { choices, pathRows } = await sampleEpisodes(chain, logits, temperature, most, Math.ceil(most / relaxed), k);
  const centre = choices.slice(0, CENTRE).reduce((s, c) => s + losses[leaf(c)]!, 0) / CENTRE;
  const process: DecisionProcess = { depth, actions: n, reward: (c) => centre - losses[leaf(c)]! };
  const tables = tableMethods.map(() => new Float64Array(treeSize(n, depth)));
  const visits = new Float64Array(treeSize(n, depth));
  let played = 0;
  for (const budget of [...budgets].sort((a, b) => a - b)) {
    const note = (method: string, g: ArrayLike<number>): void =>
      void out.push({ instance, seed, method, operations: budget, error: errorOf(g) });
    for (; played < budget; played++) {
      const path = pathOf(choices[played]!, n);
      const reward = process.reward(choices[played]!);
      for (const s of path) visits[s]!++;
      tableMethods.forEach(({ lambda }, i) => {
        tdLambdaEpisode(tables[i]!, path, reward, RATE, lambda);
        tables[i]![path.at(-1)!] = reward;
      });
    }
    const critic = (name: string, values: Float64Array): void => {
      const quality = (s: number, _c: readonly number[], a: number): number => values[n * s + a + 1]!;
      note(
        name,
        criticGradient(process, pi, quality, (s) => visits[s]! / budget),
      );
      note(`${name}, exact states`, criticGradient(process, pi, quality));
    };
    tableMethods.forEach(({ name }, i) => critic(`${name} table`, tables[i]!));
    if (seed <= options.rudderSeeds)
      critic('RUDDER', await rudderValues(device, process, choices.slice(0, budget), options.lstmSteps, foldIn(k, 99)));
    note('REINFORCE, mean baseline', reinforceGradient(process, pi, choices.slice(0, budget)));
    note('SNAS, pathwise', minusMean(pathRows, Math.max(1, Math.floor(budget / relaxed)), depth * n));
  }
  return out;
}

interface Episodes {
  readonly choices: readonly (readonly number[])[];
  readonly pathRows: ArrayLike<number>;
}

/** The choices of `count` episodes, and SNAS's estimates from the noise of the first `relaxed` of them. */
async function sampleEpisodes(
  chain: ReturnType<typeof deepChain>,
  logits: readonly (readonly number[])[],
  temperature: number,
  count: number,
  relaxed: number,
  k: Key,
): Promise<Episodes> {
  const n = chain.operations;
  const found = scope(() => {
    const noise = gumbel(chain.device, k, [count, chain.depth, n]);
    const { hard } = makeDraw(chain, logits, temperature, count, noise, foldIn(k, 1));
    const few = makeDraw(chain, logits, temperature, relaxed, slice(noise, [0], [relaxed]), foldIn(k, 1));
    return { hard: alias(hard), path: pathwise.estimate(few) };
  });
  const [hard, pathRows] = await Promise.all([found.hard.data(), found.path.data()]);
  for (const t of Object.values(found)) t.dispose();
  const choices = Array.from({ length: count }, (_, r) =>
    Array.from({ length: chain.depth }, (_u, t) => {
      const row = hard.subarray((r * chain.depth + t) * n, (r * chain.depth + t + 1) * n);
      return row.indexOf(1);
    }),
  );
  return { choices, pathRows };
}

/** Mean of (D - pi) (reward - mean of the rewards before): the gradient of the reward. */
function reinforceGradient(
  process: DecisionProcess,
  pi: readonly (readonly number[])[],
  episodes: readonly (readonly number[])[],
): Float64Array {
  const { depth, actions } = process;
  const out = new Float64Array(depth * actions);
  let before = 0;
  episodes.forEach((choices, m) => {
    const reward = process.reward(choices);
    const advantage = reward - (m === 0 ? 0 : before / m);
    before += reward;
    choices.forEach((chosen, t) => {
      for (let a = 0; a < actions; a++)
        out[t * actions + a]! += (advantage * (Number(a === chosen) - pi[t]![a]!)) / episodes.length;
    });
  });
  return out;
}

/** The loss falls against its gradient. */
function minusMean(rows: ArrayLike<number>, count: number, width: number): Float64Array {
  const out = new Float64Array(width);
  for (let r = 0; r < count; r++) for (let i = 0; i < width; i++) out[i]! -= rows[r * width + i]! / count;
  return out;
}

/** Trains an LSTM on the episodes so far; its predictions after each choice are the values of the states, by node of the tree. */
export async function rudderValues(
  device: Device,
  process: DecisionProcess,
  episodes: readonly (readonly number[])[],
  steps: number,
  k: Key,
): Promise<Float64Array> {
  const { depth, actions } = process;
  const rewards = episodes.map((c) => process.reward(c));
  const scale = Math.sqrt(rewards.reduce((s, r) => s + r * r, 0) / rewards.length);
  const lesson = (choices: readonly number[]): Lesson => ({
    features: featuresOf(choices, actions),
    return: process.reward(choices),
  });
  const rudder = new Rudder(device, { inputs: actions + depth, key: k, batch: 32, returnScale: scale });
  const lessons = episodes.map(lesson);
  for (let i = 0; i < steps; i++) await rudder.trainStep(lessons);
  const all = Array.from({ length: actions ** depth }, (_, a) =>
    Array.from({ length: depth }, (_u, t) => Math.floor(a / actions ** t) % actions),
  );
  const predicted = await rudder.predict(all.map((choices) => ({ features: featuresOf(choices, actions) })));
  const values = new Float64Array(treeSize(actions, depth));
  all.forEach((choices, i) => pathOf(choices, actions).forEach((s, t) => (t > 0 ? (values[s] = predicted[i]![t - 1]!) : 0)));
  return values;
}

function featuresOf(choices: readonly number[], actions: number): Float64Array[] {
  return choices.map((a, t) => {
    const f = new Float64Array(actions + choices.length);
    f[a] = 1;
    f[actions + t] = 1;
    return f;
  });
}
