/**
 * @file Five ways to assign credit on one NAS process, by the same measure: the error of the policy gradient that each implies after m
 * episodes (an episode evaluates one architecture). Critics by TD(0), TD(0.9) and Monte Carlo tables; RUDDER's LSTM; REINFORCE; SNAS.
 */
import { type Device, foldIn, gumbel, type Key, key, scope } from 'reparam';
import {
  enumerate,
  type EstimatorReport,
  type Interval,
  interval,
  makeDraw,
  meanBaseline,
  pathwise,
  probabilities,
  reinforce,
  runLaboratory,
  scoreTimesCredit,
} from 'reparam/credit';
import { deepChain } from './deep-chain.ts';
import { tableMethods } from './curves.ts';
import { type Lesson, Rudder } from './rudder.ts';
import { criticGradient, type DecisionProcess, pathOf, tdLambdaEpisode, treeSize } from './tabular.ts';

/** Fixed, unequal preferences, so that no component of the gradient is zero by symmetry. */
export function raceLogits(depth: number, operations: number): number[][] {
  return Array.from({ length: depth }, (_, t) => Array.from({ length: operations }, (_u, k) => 0.5 * Math.cos(1.7 * t + 2.3 * k)));
}

export interface RacePoint {
  readonly method: string;
  readonly episodes: number;
  /** |implied gradient - exact| / |exact| over seeds. */
  readonly error: Interval;
}

export interface RaceOptions {
  readonly depth: number;
  readonly operations: number;
  readonly checkpoints: readonly number[];
  readonly seeds: number;
  readonly temperature: number;
  /** Gradient steps of RUDDER's LSTM at every checkpoint. */
  readonly lstmSteps: number;
}

const RATE = 0.1;

/** Runs the race. Rewards are E[L] - L, so that "not seen yet" (0) means average: the kindest start for tables. */
export async function creditRace(device: Device, options: RaceOptions): Promise<RacePoint[]> {
  const { depth, operations: n, checkpoints, seeds, temperature } = options;
  const chain = deepChain(device, { depth, operations: n });
  const logits = raceLogits(depth, n);
  const { expected, gradient, losses } = await enumerate(chain, logits);
  const flat = probabilities(logits);
  const pi = logits.map((_, t) => Array.from(flat.slice(t * n, (t + 1) * n)));
  const leaf = (choices: readonly number[]): number => choices.reduce((at, a, t) => at + a * n ** t, 0);
  const process: DecisionProcess = { depth, actions: n, reward: (choices) => expected - losses[leaf(choices)]! };
  const exact = gradient.map((g) => -g);
  const errorOf = (g: ArrayLike<number>): number => Math.hypot(...exact.map((e, i) => g[i]! - e)) / Math.hypot(...exact);
  const errors = new Map<string, number[][]>();
  const note = (method: string, checkpoint: number, error: number): void => {
    const rows = errors.get(method) ?? checkpoints.map((): number[] => []);
    rows[checkpoint]!.push(error);
    errors.set(method, rows);
  };
  const most = Math.max(...checkpoints);
  for (let seed = 1; seed <= seeds; seed++) {
    const k = key(seed);
    const { choices, reinforceRows, pathRows } = await sampleEpisodes(chain, logits, temperature, most, k);
    const tables = tableMethods.map(() => new Float64Array(treeSize(n, depth)));
    let at = 0;
    for (let m = 1; m <= most; m++) {
      const c = choices[m - 1]!;
      const path = pathOf(c, n);
      const reward = process.reward(c);
      tableMethods.forEach(({ lambda }, i) => {
        tdLambdaEpisode(tables[i]!, path, reward, RATE, lambda);
        tables[i]![path.at(-1)!] = reward;
      });
      if (m !== checkpoints[at]) continue;
      tableMethods.forEach(({ name }, i) =>
        note(`${name} critic`, at, errorOf(criticGradient(process, pi, (s, _c, a) => tables[i]![n * s + a + 1]!))),
      );
      note('REINFORCE, mean baseline', at, errorOf(meanOf(reinforceRows, m, depth * n, -1)));
      note('SNAS, differentiable credit', at, errorOf(meanOf(pathRows, m, depth * n, -1)));
      note('RUDDER', at, errorOf(await rudderGradient(device, process, pi, choices.slice(0, m), options.lstmSteps, foldIn(k, 99))));
      at++;
    }
  }
  return [...errors].flatMap(([method, rows]) => rows.map((e, i) => ({ method, episodes: checkpoints[i]!, error: interval(e) })));
}

interface Episodes {
  readonly choices: readonly (readonly number[])[];
  readonly reinforceRows: ArrayLike<number>;
  readonly pathRows: ArrayLike<number>;
}

/** The same noise gives the discrete choices, REINFORCE's estimates and SNAS's. */
async function sampleEpisodes(
  chain: ReturnType<typeof deepChain>,
  logits: readonly (readonly number[])[],
  temperature: number,
  count: number,
  k: Key,
): Promise<Episodes> {
  const n = chain.operations;
  const found = scope(() => {
    const noise = gumbel(chain.device, k, [count, chain.depth, n]);
    const draw = makeDraw(chain, logits, temperature, count, noise, foldIn(k, 1));
    return { hard: draw.hard, reinforce: meanBaseline.estimate(draw), path: pathwise.estimate(draw) };
  });
  const [hard, reinforceRows, pathRows] = await Promise.all([found.hard.data(), found.reinforce.data(), found.path.data()]);
  for (const t of Object.values(found)) t.dispose();
  const choices = Array.from({ length: count }, (_, r) =>
    Array.from({ length: chain.depth }, (_u, t) => {
      const row = hard.subarray((r * chain.depth + t) * n, (r * chain.depth + t + 1) * n);
      return row.indexOf(1);
    }),
  );
  return { choices, reinforceRows, pathRows };
}

function meanOf(rows: ArrayLike<number>, count: number, width: number, sign: number): Float64Array {
  const out = new Float64Array(width);
  for (let r = 0; r < count; r++) for (let i = 0; i < width; i++) out[i]! += (sign * rows[r * width + i]!) / count;
  return out;
}

/** Trains an LSTM on the episodes so far and takes its prediction after a choice as that choice's quality. */
async function rudderGradient(
  device: Device,
  process: DecisionProcess,
  pi: readonly (readonly number[])[],
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
  const quality = new Float64Array(treeSize(actions, depth));
  all.forEach((choices, i) => pathOf(choices, actions).forEach((s, t) => (t > 0 ? (quality[s] = predicted[i]![t - 1]!) : 0)));
  return criticGradient(process, pi, (s, _c, a) => quality[actions * s + a + 1]!);
}

function featuresOf(choices: readonly number[], actions: number): Float64Array[] {
  return choices.map((a, t) => {
    const f = new Float64Array(actions + choices.length);
    f[a] = 1;
    f[actions + t] = 1;
    return f;
  });
}

export interface DepthReport {
  readonly depth: number;
  /** |exact gradient|. */
  readonly length: number;
  readonly estimators: readonly EstimatorReport[];
}

/** SNAS's estimators and REINFORCE's against the exact gradient at each depth: spread, bias, and so the error for any number of samples. */
export async function gradientByDepth(
  device: Device,
  depths: readonly number[],
  temperature: number,
  samples: number,
): Promise<DepthReport[]> {
  const out: DepthReport[] = [];
  for (const depth of depths) {
    const fixture = deepChain(device, { depth });
    const logits = raceLogits(depth, fixture.operations);
    const exact = await fixture.exact(logits);
    const estimators = [pathwise, scoreTimesCredit('taylor'), reinforce, meanBaseline];
    const report = await runLaboratory({ fixture, logits, temperature, samples, key: key(depth), estimators, exact });
    out.push({ depth, length: Math.hypot(...exact.gradient), estimators: report.estimators });
  }
  return out;
}
