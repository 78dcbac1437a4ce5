/** @file The gap between the search's objective E[L(Z)] (eq 18) and DARTS's L(E[Z]) (eq 19), by exact enumeration. */
import {
  add,
  batchNorm2d,
  conv2d,
  crossEntropy,
  type Device,
  foldIn,
  globalAvgPool2d,
  type Key,
  key,
  matmul,
  mean,
  mul,
  noGrad,
  normals,
  oneHot,
  relu,
  scope,
  sum,
  type Tensor,
  uniforms,
} from 'reparam';
import { lineChart, type LineSeries } from 'reparam/plot';
import type { Experiment, ExperimentContext, ExperimentResult, Finding } from './experiment.ts';
import type { Interval } from 'reparam/credit';
import { overSeeds, show } from './verdict.ts';

/** Three edges in a row, each with none, identity and two convolutions: 64 architectures. */
const EDGES = 3;
const OPS = 4;
const CHANNELS = 4;
const CLASSES = 5;
const BATCH = 16;
const SIDE = 6;

interface Variant {
  readonly name: string;
  readonly relu: boolean;
  readonly batchNorm: boolean;
  /** The mean logit of the label, or the cross-entropy. */
  readonly loss: 'linear' | 'cross-entropy';
}

const VARIANTS: readonly Variant[] = [
  { name: 'linear network, linear loss', relu: false, batchNorm: false, loss: 'linear' },
  { name: 'linear network, cross-entropy', relu: false, batchNorm: false, loss: 'cross-entropy' },
  { name: 'ReLU, linear loss', relu: true, batchNorm: false, loss: 'linear' },
  { name: 'ReLU, cross-entropy', relu: true, batchNorm: false, loss: 'cross-entropy' },
  { name: 'ReLU-Conv-BN, cross-entropy', relu: true, batchNorm: true, loss: 'cross-entropy' },
];

/** Multiplies standard normal logits: 0 is uniform, 32 nearly one-hot. */
const SHARPNESS = [0, 0.5, 1, 2, 4, 8, 16, 32];

class Chain {
  readonly #variant: Variant;
  readonly #weights: readonly (readonly [Tensor, Tensor])[];
  readonly #head: Tensor;
  readonly #images: Tensor;
  readonly #labels: Tensor;

  constructor(device: Device, k: Key, variant: Variant) {
    const make = (i: number, shape: readonly number[], scale: number): Tensor => {
      const size = shape.reduce((a, b) => a * b, 1);
      return device.tensor(
        normals(foldIn(k, i), size).map((v) => v * scale),
        shape,
      );
    };
    this.#variant = variant;
    const fan = (taps: number): number => 1 / Math.sqrt(CHANNELS * taps);
    this.#weights = Array.from({ length: EDGES }, (_, e) => [
      make(2 * e, [CHANNELS, CHANNELS, 1, 1], fan(1)),
      make(2 * e + 1, [CHANNELS, CHANNELS, 3, 3], fan(9)),
    ]);
    this.#head = make(100, [CHANNELS, CLASSES], 1);
    // A mean per image, so that pooling leaves something to classify by.
    const noise = make(101, [BATCH, CHANNELS, SIDE, SIDE], 1);
    this.#images = add(noise, make(102, [BATCH, CHANNELS, 1, 1], 1));
    this.#labels = device.tensor(
      Array.from(uniforms(foldIn(k, 103), BATCH), (u) => Math.floor(u * CLASSES)),
      [BATCH],
    );
  }

  /** The loss with mixing weights [edges][none, identity, 1x1, 3x3]. */
  loss(z: readonly (readonly number[])[]): Tensor {
    const { batchNorm, loss } = this.#variant;
    const h = z.reduce((x, row, e) => {
      const before = this.#variant.relu ? relu(x) : x;
      const [one, three] = this.#weights[e]!;
      const normalised = (y: Tensor): Tensor => (batchNorm ? batchNorm2d(y) : y);
      const identity = mul(x, row[1]!);
      const convolved = add(
        mul(normalised(conv2d(before, one)), row[2]!),
        mul(normalised(conv2d(before, three, { padding: 1 })), row[3]!),
      );
      return add(identity, convolved);
    }, this.#images);
    const logits = matmul(globalAvgPool2d(h), this.#head);
    if (loss === 'cross-entropy') return crossEntropy(logits, this.#labels);
    return mul(mean(sum(mul(logits, oneHot(this.#labels, CLASSES)), 1)), -1);
  }
}

interface GapRow {
  readonly sharpness: number;
  /** Mean entropy of an edge, nats. */
  readonly entropy: number;
  readonly expectedLoss: number;
  readonly lossOfExpectation: number;
}

/** Both sides for one network: the losses of all architectures once, then each distribution's expectation over them. */
async function gaps(device: Device, k: Key, variant: Variant): Promise<GapRow[]> {
  const chain = new Chain(device, foldIn(k, 0), variant);
  const evaluate = async (z: readonly (readonly number[])[]): Promise<number> => {
    const value = scope(() => noGrad(() => chain.loss(z)));
    return value.item().finally(() => value.dispose());
  };
  const losses: number[] = [];
  for (let code = 0; code < OPS ** EDGES; code++) {
    losses.push(await evaluate(digits(code).map((choice) => Array.from({ length: OPS }, (_, o) => (o === choice ? 1 : 0)))));
  }
  const direction = normals(foldIn(k, 1), EDGES * OPS);
  const rows: GapRow[] = [];
  for (const sharpness of SHARPNESS) {
    const pi = Array.from({ length: EDGES }, (_, e) =>
      softmaxOf(Array.from(direction.subarray(e * OPS, (e + 1) * OPS), (v) => v * sharpness)),
    );
    const expectedLoss = losses.reduce((s, l, code) => s + l * digits(code).reduce((p, choice, e) => p * pi[e]![choice]!, 1), 0);
    rows.push({
      sharpness,
      entropy: pi.flat().reduce((h, p) => (p > 0 ? h - p * Math.log(p) : h), 0) / EDGES,
      expectedLoss,
      lossOfExpectation: await evaluate(pi),
    });
  }
  return rows;
}

function digits(code: number): number[] {
  return Array.from({ length: EDGES }, (_, e) => Math.floor(code / OPS ** e) % OPS);
}

function softmaxOf(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const e = logits.map((v) => Math.exp(v - top));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / total);
}

async function run({ device, seeds, say }: ExperimentContext): Promise<ExperimentResult> {
  const data: { variant: string; seed: number; rows: GapRow[] }[] = [];
  for (const variant of VARIANTS) {
    for (const seed of seeds) data.push({ variant: variant.name, seed, rows: await gaps(device, key(seed), variant) });
    say(`${variant.name}: ${seeds.length} networks`);
  }
  const gapsAt = (variant: string, sharpness: number): number[] =>
    data
      .filter((d) => d.variant === variant)
      .map(({ rows }) => {
        const row = rows.find((r) => r.sharpness === sharpness)!;
        return Math.abs(row.expectedLoss - row.lossOfExpectation);
      });
  const worst = (variant: string): number => Math.max(...SHARPNESS.flatMap((s) => gapsAt(variant, s)));
  const linear = worst(VARIANTS[0]!.name);
  const tolerance = device.dtype === 'float64' ? 1e-12 : 1e-5;
  const uniform = VARIANTS.slice(1).map((v) => ({ name: v.name, gap: overSeeds(gapsAt(v.name, 0)) }));
  const describe = (g: { readonly name: string; readonly gap: Interval }): string => `${g.name} ${show(g.gap)}`;
  const last = VARIANTS.at(-1)!.name;
  const sharp = overSeeds(gapsAt(last, SHARPNESS.at(-1)!));
  const findings: Finding[] = [
    {
      claim: 'If the loss is linear in Z, equations 18 and 19 are the same objective.',
      seen: `Chains of three edges with four operations, all 64 architectures enumerated. With linear operations and a linear loss the largest difference over ${seeds.length} networks and ${SHARPNESS.length} distributions is ${linear.toExponential(1)} (${device.dtype}).`,
      verdict: linear < tolerance ? 'held' : 'did not hold',
    },
    {
      claim:
        "Stacks of ReLU-Conv-BN are not linear, so DARTS's objective (the loss of the mean network) differs from the search's (the mean loss of the networks): a large bias.",
      seen:
        `|E L(Z) - L(E Z)| in nats at uniform probabilities: ${uniform.map(describe).join('; ')}. ` +
        `As the distribution turns one-hot the gap closes: ${show(sharp)} at sharpness ${SHARPNESS.at(-1)} for the last.`,
      verdict: uniform.at(-1)!.gap.low > tolerance && sharp.mean < uniform.at(-1)!.gap.mean ? 'held' : 'did not hold',
    },
  ];
  const series = VARIANTS.map(({ name }): LineSeries => ({
    name,
    points: SHARPNESS.map((s) => {
      const { mean: y, low, high } = overSeeds(gapsAt(name, s));
      return { x: s, y, low: Math.max(0, low), high };
    }),
  }));
  const picture = lineChart({
    title: 'The objective of the search against the one of DARTS',
    description: `Mean absolute gap in nats between E L(Z) and L(E Z) over ${seeds.length} random networks, by sharpness of the distribution; the linear network has none.`,
    xLabel: 'sharpness of the distribution (multiplies normal logits)',
    yLabel: '|E L(Z) - L(E Z)|, nats',
    series,
    yInclude: [0],
  });
  return { findings, data, pictures: { '': picture } };
}

export const gapExperiment: Experiment = {
  name: 'eq18-19',
  figure: 'equations 18 and 19',
  summary: "the gap between E[L(Z)] and DARTS's L(E[Z]), exactly, on small networks",
  run,
};
