/** @file Both sides of every line, by quadrature, for one setting of the switches. */
import { OptionError } from '../../contract/errors.ts';
import { largestOf } from '../../contract/extremes.ts';
import { grad } from '../../core/autograd.ts';
import { enableGrad, noGrad } from '../../core/grad-mode.ts';
import { add, alias, detach, div, mul, reshape, sum } from '../../core/ops.ts';
import { gumbels, type Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { softmax } from '../../core/softmax.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import { lossesWithout, networkCredits, traceEdges } from '../credits.ts';
import { perSample } from '../gated.ts';
import { optionCredits } from '../options.ts';
import { weightedSum } from '../quadrature.ts';
import { interval } from '../statistics.ts';
import { type LineName, lines } from './lines.ts';
import { concreteDensity, derivativeAtZero, noiseRule, simplexRule } from './rules.ts';
import { makeWorld, type World, type WorldOptions } from './world.ts';

export interface LineResult {
  readonly name: LineName;
  readonly left: number;
  readonly right: number;
  /** right - left. */
  readonly gap: number;
  /** Whether the line is said to hold under these switches. */
  readonly holds: boolean;
  /** What is added to the right side to mend the line, by name; absent where it is said to hold. */
  readonly mend?: Readonly<Record<string, number>>;
  /** right + mend - left: rounding. */
  readonly mendedGap?: number;
}

export interface DerivationResult {
  readonly world: World;
  readonly lines: readonly LineResult[];
  /** The first line whose sides differ by more than `toleranceOf` allows. */
  readonly firstBroken: LineName | undefined;
  /** Values of log z_1 - log z_2 where a ReLU turns. */
  readonly kinks: readonly number[];
}

/** A gap beyond this share of the gradient's scale is a broken line, by the number of operations: 100 times what the quadrature leaves or more. */
export function toleranceOf(operations: number): number {
  return operations > 3 ? 1e-3 : 1e-7;
}

/** All lines, for the first component of the studied choice's logits. With kinks: two operations. */
export async function derive(device: Device, options: WorldOptions): Promise<DerivationResult> {
  const world = makeWorld(device, options);
  const kinks = world.switches.kinks ? await findKinks(world) : [];
  const parts = await measure(world, kinks);
  const { values } = parts;
  const curvature = values.moved - values.chain;
  const results = lines.map((line): LineResult => {
    const [left, right, mend] = sides(line.name, values, curvature, parts.surface);
    const holds = line.holds(world.switches);
    const base = { name: line.name, left, right, gap: right - left, holds };
    if (holds || !mend) return base;
    const added = Object.values(mend).reduce((a, b) => a + b, 0);
    return { ...base, mend, mendedGap: right + added - left };
  });
  const scale = 1 + Math.abs(values.path);
  return {
    world,
    lines: results,
    kinks,
    firstBroken: results.find(({ gap }) => Math.abs(gap) > toleranceOf(world.operations) * scale)?.name,
  };
}

interface Values {
  readonly densityLoss: number;
  readonly noiseLoss: number;
  readonly densityGradient: number;
  readonly path: number;
  readonly held: number;
  readonly throughStatistics: number;
  readonly chain: number;
  readonly throughLater: number;
  readonly frozen: number;
  readonly densityCost: number;
  readonly moved: number;
  readonly scored: number;
  readonly scoredCredit: number;
  readonly ablation: number;
  readonly byPlace: number;
  readonly reference: number;
}

/** Left, right, and what mends the right. */
function sides(
  name: LineName,
  v: Values,
  curvature: number,
  surface: number,
): readonly [number, number, Readonly<Record<string, number>>?] {
  const correction = { curvature: -curvature, surface: -surface };
  switch (name) {
    case 'reparameterisation':
      return [v.densityLoss, v.noiseLoss];
    case 'gradient inside':
      return [v.densityGradient, v.path];
    case 'statistics':
      return [v.path, v.held, { statistics: v.throughStatistics }];
    case 'places':
      return [v.path, v.chain, { later: v.throughLater }];
    case 'cost':
      return [v.chain, v.frozen];
    case 'change of variables':
      return [v.frozen, v.densityCost, correction];
    case 'score':
      return [v.densityCost, v.scored];
    case 'credit':
      return [v.scored, v.scoredCredit];
    case 'claim':
      return [v.densityGradient, v.scoredCredit, { ...correction, later: v.throughLater }];
    case 'ablation':
      return [v.densityGradient, v.ablation, { 'reference instead': v.reference - v.ablation }];
    case 'place by place':
      return [v.densityGradient, v.byPlace, { 'all at once, reference': v.reference - v.byPlace }];
    case 'reference':
      return [v.densityGradient, v.reference];
  }
}

/** dL/dl and the like of each sample, for the first logit, and g = sum of c . O~ over the places. */
interface Rows {
  readonly loss: ArrayLike<number>;
  readonly z: readonly (readonly number[])[];
  readonly path: ArrayLike<number>;
  readonly held: ArrayLike<number>;
  readonly statistics: ArrayLike<number>;
  readonly later: ArrayLike<number>;
  /** c . O_k summed over places, [samples][operations]. */
  readonly costs: readonly (readonly number[])[];
  readonly cost: ArrayLike<number>;
  readonly moved: ArrayLike<number>;
  readonly credit: ArrayLike<number>;
  readonly ablation: ArrayLike<number>;
  readonly byPlace: ArrayLike<number>;
  readonly reference: ArrayLike<number>;
}

/** The places of the studied choice, by edge. */
const placesOf = (world: World): number[] => (world.switches.tied ? [0, 1] : [0]);

async function rowsAt(world: World, noise: readonly (readonly number[])[]): Promise<Rows> {
  const { device, operations: n, temperature, logits } = world;
  const s = noise.length;
  const places = placesOf(world);
  const first = device.tensor([1, ...logits.slice(1).map(() => 0)], [n, 1]);
  const found = enableGrad(() =>
    scope(() => {
      const l = alias(device.tensor(Array.from({ length: s }, () => logits).flat(), [s, n]));
      const z = softmax(div(add(l, device.tensor(noise.flat(), [s, n])), temperature));
      const column = (t: Tensor): Tensor => noGrad(() => sum(mul(t, reshape(first, [1, n])), 1));
      const toLogits = (y: Tensor, cotangent?: Tensor): Tensor =>
        column(grad(y, [l], { unused: 'zeros', ...(cotangent && { cotangent }) })[0]);
      const run = world.network(z).run();
      const through = (points: readonly { readonly before: Tensor; readonly after: Tensor }[]): Tensor => {
        const zero = noGrad(() => mul(sum(z, 1), 0));
        return points.reduce((total, { before, after }) => {
          const [slope] = grad(sum(run.losses), [after], { unused: 'zeros' });
          return noGrad(() => add(total, toLogits(before, slope)));
        }, zero);
      };
      const network = world.network(z);
      const traced = traceEdges(network, places);
      const cs = grad(sum(traced.losses), [...traced.outputs], { createGraph: true, unused: 'zeros' });
      const cost = places.map((_, i) => perSample(mul(cs[i]!, traced.outputs[i]!), s)).reduce((a, b) => add(a, b));
      const fixed = detach(z);
      const plain = world.network(fixed);
      const byOption = optionCredits(plain, { by: 'group', groups: [0] })[0]!;
      const [dz] = grad(sum(world.network(z).run(undefined, (e, row) => (places.includes(e) ? row : detach(row))).losses), [z]);
      const whole = noGrad(() => plain.run().losses);
      return noGrad(() => ({
        loss: whole,
        z: fixed,
        path: enableGrad(() => toLogits(sum(run.losses))),
        held: enableGrad(() => toLogits(sum(world.network(z, { heldStatistics: true }).run().losses))),
        statistics: enableGrad(() => through(run.statistics)),
        later: enableGrad(() => through(run.later)),
        costs: mul(byOption, -1),
        cost: detach(cost),
        moved: enableGrad(() => toLogits(sum(cost))),
        // The second form of R, from the gradient in Z; what goes through later choices is not the credit of these places.
        credit: world.switches.autoregressive
          ? reshape(networkCredits(plain, 'taylor', { by: 'group', groups: [0] }), [s])
          : mul(sum(mul(fixed, dz), 1), -1),
        ablation: mul(reshape(networkCredits(plain, 'ablation', { by: 'group', groups: [0] }), [s]), -1),
        byPlace: mul(sum(networkCredits(plain, 'ablation', { edges: places }), 0), -1),
        reference: add(
          whole,
          mul(
            lossesWithout(world.network(fixed, { laterFrom: 'middle' }), (e) => places.includes(e)),
            -1,
          ),
        ),
      }));
    }),
  );
  const read = Object.fromEntries(
    await Promise.all(Object.entries(found).map(async ([name, t]) => [name, await t.data()] as const)),
  ) as unknown as Record<keyof typeof found, ArrayLike<number>>;
  for (const t of Object.values(found)) t.dispose();
  const matrix = (flat: ArrayLike<number>): number[][] =>
    noise.map((_, r) => Array.from({ length: n }, (_u, k) => flat[r * n + k]!));
  return { ...read, z: matrix(read.z), costs: matrix(read.costs) };
}

async function measure(world: World, kinks: readonly number[]): Promise<{ readonly values: Values; readonly surface: number }> {
  const { operations: n, temperature, logits } = world;
  const rule = noiseRule(n, logits, temperature, kinks);
  const rows = await rowsAt(world, rule.noise);
  const over = (x: ArrayLike<number>): number => weightedSum(rule.weights, x);
  const score = rule.uniform.map((u) => 1 - n * u[0]!);
  const scored = (x: ArrayLike<number>): number => over(score.map((v, i) => v * x[i]!));
  const simplex = simplexRule(n, logits, temperature, kinks);
  const { loss, cost } = await onSimplex(world, simplex.logZ);
  const density = (h: number): number[] =>
    simplex.logZ.map((z, i) => simplex.volumes[i]! * concreteDensity(z, [logits[0]! + h, ...logits.slice(1)], temperature));
  const frozen = (h: number): number =>
    over(rule.noise.map((g, i) => mixAt([logits[0]! + h, ...logits.slice(1)], g, temperature, rows.costs[i]!)));
  const values: Values = {
    densityLoss: weightedSum(density(0), loss),
    noiseLoss: over(rows.loss),
    densityGradient: derivativeAtZero((h) => weightedSum(density(h), loss)),
    path: over(rows.path),
    held: over(rows.held),
    throughStatistics: over(rows.statistics),
    chain: over(rows.z.map((z, i) => (z[0]! / temperature) * (rows.costs[i]![0]! - dotOf(z, rows.costs[i]!)))),
    throughLater: over(rows.later),
    frozen: derivativeAtZero(frozen),
    densityCost: derivativeAtZero((h) => weightedSum(density(h), cost)),
    moved: over(rows.moved),
    scored: scored(rows.cost),
    scoredCredit: -scored(rows.credit),
    ablation: scored(rows.ablation),
    byPlace: scored(rows.byPlace),
    reference: scored(rows.reference),
  };
  return { values, surface: await surfaceOf(world, kinks) };
}

const dotOf = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, k) => s + v * b[k]!, 0);

/** Z(l, G) . costs. */
function mixAt(logits: readonly number[], noise: readonly number[], temperature: number, costs: readonly number[]): number {
  const y = noise.map((g, k) => (logits[k]! + g) / temperature);
  const top = largestOf(y);
  const e = y.map((v) => Math.exp(v - top));
  return dotOf(e, costs) / e.reduce((a, b) => a + b, 0);
}

/** L and sum of c . O~ at points of the simplex. */
async function onSimplex(
  world: World,
  logZ: readonly (readonly number[])[],
): Promise<{ readonly loss: ArrayLike<number>; readonly cost: ArrayLike<number> }> {
  const { device, operations: n } = world;
  const places = placesOf(world);
  const found = enableGrad(() =>
    scope(() => {
      const z = device.tensor(logZ.flat().map(Math.exp), [logZ.length, n]);
      const { losses, outputs } = traceEdges(world.network(z), places);
      const cs = grad(sum(losses), [...outputs], { unused: 'zeros' });
      const cost = places.map((_, i) => perSample(mul(cs[i]!, outputs[i]!), logZ.length)).reduce((a, b) => add(a, b));
      return { loss: detach(losses), cost: detach(cost) };
    }),
  );
  const [loss, cost] = await Promise.all([found.loss.data(), found.cost.data()]);
  found.loss.dispose();
  found.cost.dispose();
  return { loss, cost };
}

const pair = (y: number): [number, number] => {
  const below = -Math.max(y, 0) - Math.log1p(Math.exp(-Math.abs(y)));
  return [y + below, below];
};

async function preactivationsAt(world: World, ys: readonly number[]): Promise<number[][]> {
  const tensors = scope(() =>
    noGrad(() => {
      const z = world.device.tensor(
        ys.flatMap((y) => pair(y).map(Math.exp)),
        [ys.length, 2],
      );
      return world
        .network(z)
        .run()
        .preactivations.map((t) =>
          reshape(add(t, mul(reshape(sum(z, 1), [ys.length, 1, 1]), 0)), [ys.length, t.size / t.shape[0]!]),
        );
    }),
  );
  const flat = await Promise.all(tensors.map(async (t) => [await t.data(), t.size / ys.length] as const));
  for (const t of tensors) t.dispose();
  return ys.map((_, r) => flat.flatMap(([data, width]) => Array.from({ length: width }, (_u, i) => data[r * width + i]!)));
}

const Y_LIMIT = 60;

/** Where a ReLU turns, in log z_1 - log z_2: changes of sign on a grid, then bisection of all at once. */
async function findKinks(world: World): Promise<number[]> {
  if (world.operations !== 2)
    throw new OptionError('derivation: kinks of more than two operations are surfaces; see surfaceIdentity');
  const grid = Array.from({ length: 1201 }, (_, i) => Y_LIMIT * (i / 600 - 1) ** 3);
  const values = await preactivationsAt(world, grid);
  let brackets = values[0]!.flatMap((_, unit) =>
    grid
      .slice(1)
      .flatMap((high, i) =>
        values[i]![unit]! * values[i + 1]![unit]! < 0 ? [{ unit, low: grid[i]!, high, sign: Math.sign(values[i]![unit]!) }] : [],
      ),
  );
  for (let step = 0; step < 60 && brackets.length > 0; step++) {
    const middle = brackets.map(({ low, high }) => (low + high) / 2);
    const at = await preactivationsAt(world, middle);
    brackets = brackets.map((b, i) => (at[i]![b.unit]! * b.sign > 0 ? { ...b, low: middle[i]! } : { ...b, high: middle[i]! }));
  }
  return brackets.map(({ low, high }) => (low + high) / 2).sort((a, b) => a - b);
}

/**
 * Sum over kinks of the jump of c . O~ times the density there of D = G_1 - G_2, which is logistic. It is that of the noise's difference, not
 * of Z: what moves with l is the noise at which the kink is met.
 */
async function surfaceOf(world: World, kinks: readonly number[]): Promise<number> {
  if (kinks.length === 0) return 0;
  // From two points on either side, so that the slope of c . O~ does not count.
  const aside = 1e-6;
  const { cost } = await onSimplex(
    world,
    kinks.flatMap((y) => [-2, -1, 1, 2].map((step) => pair(y + step * aside))),
  );
  const jumps = kinks.map((_, i) => {
    const at = (j: number): number => cost[4 * i + j]!;
    return 2 * at(2) - at(3) - (2 * at(1) - at(0));
  });
  const offset = world.logits[0]! - world.logits[1]!;
  return kinks.reduce((total, y, i) => {
    const d = world.temperature * y - offset;
    const e = Math.exp(-Math.abs(d));
    return total + (jumps[i]! * e) / (1 + e) ** 2;
  }, 0);
}

export interface LimitCheck {
  /** E[L(Z)] at falling temperatures of the studied choice, by the rule over the noise. */
  readonly temperatures: readonly number[];
  readonly expected: readonly number[];
  /** Extrapolated to temperature 0. */
  readonly limit: number;
  /** sum_k pi_k L(one-hot k). */
  readonly enumerated: number;
}

/** Whether the quadrature tends to the enumeration of one-hot choices: the bias of a loss that is affine in Z falls with the temperature squared. */
export async function limitOfDerivation(device: Device, options: WorldOptions): Promise<LimitCheck> {
  const world = makeWorld(device, options);
  const { operations: n, logits } = world;
  const temperatures = [1, 0.8, 0.6, 0.5];
  const expected: number[] = [];
  const losses = async (rows: readonly (readonly number[])[]): Promise<ArrayLike<number>> => {
    const found = noGrad(() => scope(() => world.network(device.tensor(rows.flat(), [rows.length, n])).run().losses));
    const values = await found.data();
    found.dispose();
    return values;
  };
  for (const temperature of temperatures) {
    const { noise, weights } = noiseRule(n, logits, temperature);
    const z = noise.map((g) => {
      const y = g.map((v, k) => (v + logits[k]!) / temperature);
      const top = largestOf(y);
      const e = y.map((v) => Math.exp(v - top));
      const total = e.reduce((s, v) => s + v, 0);
      return e.map((v) => v / total);
    });
    expected.push(weightedSum(weights, await losses(z)));
  }
  const hot = Array.from({ length: n }, (_, k) => Array.from({ length: n }, (_u, j) => Number(j === k)));
  const loss = await losses(hot);
  const e = logits.map(Math.exp);
  const total = e.reduce((a, b) => a + b, 0);
  const limit = constantOf(
    temperatures.map((t) => [1, t ** 2, t ** 3, t ** 4]),
    expected,
  );
  return { temperatures, expected, limit, enumerated: e.reduce((s, v, k) => s + (v / total) * loss[k]!, 0) };
}

/** The first unknown of a small linear system, by elimination with pivots. */
function constantOf(rows: readonly (readonly number[])[], values: readonly number[]): number {
  const a = rows.map((row, i) => [...row, values[i]!]);
  const n = a.length;
  for (let c = n - 1; c > 0; c--) {
    const pivot = a.slice(0, c + 1).reduce((best, row, i) => (Math.abs(row[c]!) > Math.abs(a[best]![c]!) ? i : best), 0);
    [a[c], a[pivot]] = [a[pivot]!, a[c]!];
    for (let r = 0; r < c; r++) {
      const factor = a[r]![c]! / a[c]![c]!;
      a[r] = a[r]!.map((v, j) => v - factor * a[c]![j]!);
    }
  }
  return a[0]![n]! / a[0]![0]!;
}

export interface SampledSides {
  readonly samples: number;
  /** Means with 95 % intervals of dL/dl, of score x (c . O~) and of score x (L - L0 with the reference). */
  readonly path: readonly [number, number, number];
  readonly published: readonly [number, number, number];
  readonly reference: readonly [number, number, number];
}

/** The same expectations from Gumbel samples: a check of the quadrature by other means. */
export async function deriveBySampling(device: Device, options: WorldOptions, samples: number, key: Key): Promise<SampledSides> {
  const world = makeWorld(device, options);
  const { operations: n } = world;
  const drawn = gumbels(key, samples * n);
  const noise = Array.from({ length: samples }, (_, r) => Array.from({ length: n }, (_u, k) => drawn[r * n + k]!));
  const rows = await rowsAt(world, noise);
  const score = noise.map((g) => {
    const e = g.map((v) => Math.exp(-v));
    return 1 - (n * e[0]!) / e.reduce((a, b) => a + b, 0);
  });
  const told = (values: readonly number[]): [number, number, number] => {
    const { mean, low, high } = interval(values);
    return [mean, low, high];
  };
  return {
    samples,
    path: told(Array.from(rows.path)),
    published: told(score.map((v, i) => v * rows.cost[i]!)),
    reference: told(score.map((v, i) => v * rows.reference[i]!)),
  };
}
