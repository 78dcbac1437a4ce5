/**
 * @file The network that the derivation is run on: three mixed places in a row, whose assumptions are switches.
 *
 * x_1 = x_0 + sum_k A_k x_0 W_1k, a norm over the images, x_2 = x_1 + sum_k B_k x_1 W_2k, x_3 = sum_k C_k x_2 W_3k, and a loss that is the mean
 * over three images. The choice that is studied is A: its noise is integrated over, that of all others is held, so every statement is one conditional on them.
 * With all switches off the loss is affine in the output of every place.
 */
import { mean, square } from '../../core/composites.ts';
import { add, alias, concat, detach, div, matmul, mul, neg, relu, reshape, slice, sqrt, sub, sum } from '../../core/ops.ts';
import { foldIn, gumbels, key, normals } from '../../core/random.ts';
import { logSoftmax, softmax } from '../../core/softmax.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import type { EdgeTap, GatedNetwork, GatedRun, RowTap } from '../gated.ts';
import type { Switches } from './switches.ts';

const IMAGES = 3;
const FEATURES = 2;
const CLASSES = 3;
const EPS = 0.3;

/** A quantity on the way from Z to the loss that is not a place's output: how it came about, and the copy that is used from there on. */
export interface Waypoint {
  readonly before: Tensor;
  readonly after: Tensor;
}

export interface WorldRun extends GatedRun {
  /** Statistics of the norm, where they are those of the batch. */
  readonly statistics: readonly Waypoint[];
  /** Rows of Z of later choices, where they depend on the studied one. */
  readonly later: readonly Waypoint[];
  /** What the ReLUs read, one tensor [samples, ...] each: a kink is where an entry crosses 0. */
  readonly preactivations: readonly Tensor[];
}

export interface WorldNetwork extends GatedNetwork {
  run(tap?: EdgeTap, rowTap?: RowTap): WorldRun;
}

export interface RunSettings {
  /** Later choices are drawn as if the studied one were in the middle of the simplex, whatever it is. */
  readonly laterFrom?: 'middle';
  /** The norm's statistics are numbers that nothing differentiates. */
  readonly heldStatistics?: boolean;
}

export interface World {
  readonly device: Device;
  readonly operations: number;
  readonly temperature: number;
  /** Logits of the studied choice. */
  readonly logits: readonly number[];
  readonly switches: Switches;
  /** The network with the studied Z, [samples, operations]; its edges of group 0 are the studied choice's places. */
  network(z: Tensor, settings?: RunSettings): WorldNetwork;
}

export interface WorldOptions {
  readonly switches: Switches;
  readonly seed?: number;
  /** Default 2. */
  readonly operations?: number;
  /** Default 0.5; 1 for three and four operations, whose quadrature is dearer. */
  readonly temperature?: number;
}

/** Every weight and all held noise follow from the seed. */
export function makeWorld(
  device: Device,
  { switches, seed = 11, operations: n = 2, temperature = n > 2 ? 1 : 0.5 }: WorldOptions,
): World {
  const k = key(seed);
  const draw = (purpose: number, length: number): number[] => Array.from(normals(foldIn(k, purpose), length));
  const noise = (purpose: number, length: number): number[] => Array.from(gumbels(foldIn(k, purpose), length));
  const tensor = (data: readonly number[], shape: readonly number[]): Tensor => device.parameter(data, shape);
  const input = tensor(draw(0, IMAGES * FEATURES), [1, IMAGES, FEATURES]);
  const weights = [1, 2, 3].map((purpose) => tensor(draw(purpose, FEATURES * n * FEATURES), [FEATURES, n * FEATURES]));
  const bias = [4, 5].map((purpose) =>
    tensor(
      draw(purpose, FEATURES).map((v) => 0.3 * v),
      [FEATURES],
    ),
  );
  // An image each, for what a norm over the images sums to does not depend on Z.
  const target = tensor(draw(6, IMAGES * FEATURES), [IMAGES, FEATURES]);
  const classes = tensor(
    draw(7, FEATURES * CLASSES).map((v) => 0.5 * v),
    [FEATURES, CLASSES],
  );
  const labels = tensor(
    Array.from({ length: IMAGES * CLASSES }, (_, i) => Number(i % CLASSES === Math.floor(i / CLASSES) % CLASSES)),
    [IMAGES, CLASSES],
  );
  const running = {
    mean: tensor(
      draw(8, FEATURES).map((v) => 0.3 * v),
      [FEATURES],
    ),
    scale: 1.2,
  };
  // Noise and coupling of the later choices, one row an image.
  const heldNoise = [10, 11].map((purpose) => tensor(noise(purpose, IMAGES * n), [1, IMAGES, n]));
  const heldLogits = [12, 13].map((purpose) =>
    tensor(
      draw(purpose, n).map((v) => 0.5 * v),
      [n],
    ),
  );
  const coupling = [14, 15].map((purpose) =>
    tensor(
      draw(purpose, n * n).map((v) => 1.5 * v),
      [n, n],
    ),
  );
  const logits = Array.from({ length: n }, (_, o) => [0.3, -0.2, 0.1, -0.4][o % 4]!);
  const others = softmax(div(add(tensor(logits, [n]), tensor(noise(16, IMAGES * n), [1, IMAGES, n])), temperature));
  const { tied, perImage, kinks, batchStatistics, crossEntropy, autoregressive } = switches;
  const own = perImage ? 1 : IMAGES;
  const edges = ['a', 'b', 'c'].map((name, e) => ({ name, from: e, to: e + 1, group: e === 1 && tied ? 0 : e }));

  /** sum_k row_k x W_k: x [s, m, d], row [s | 1, m | 1, n] -> [s, m, d]. */
  const mix = (x: Tensor, e: number, row: Tensor): Tensor => {
    const [s, m] = x.shape as [number, number, number];
    const all = reshape(matmul(reshape(x, [s * m, FEATURES]), weights[e]!), [s, m, n, FEATURES]);
    return sum(mul(all, reshape(row, [...row.shape, 1])), 2);
  };

  const network = (z: Tensor, settings: RunSettings = {}): WorldNetwork => ({
    edges,
    run: (tap = (_e, o) => o, rowTap = (_e, row) => row) => {
      const s = z.shape[0]!;
      const later: Waypoint[] = [];
      const statistics: Waypoint[] = [];
      const preactivations: Tensor[] = [];
      /** Rows of a later choice, [s | 1, 1 | images, n]: one for the batch or one an image, of which the first image's is not held. */
      const drawn = (c: number): Tensor => {
        const base = add(heldLogits[c]!, perImage ? heldNoise[c]! : slice(heldNoise[c]!, [0, 0], [1, 1]));
        if (!autoregressive) return softmax(div(base, temperature));
        const first = settings.laterFrom === 'middle' ? mul(add(mul(z, 0), 1), 1 / n) : z;
        const row = reshape(first, [s, 1, n]);
        const before = softmax(
          div(add(slice(base, [0, 0], [1, 1]), reshape(matmul(reshape(row, [s, n]), coupling[c]!), [s, 1, n])), temperature),
        );
        const after = alias(before);
        later.push({ before, after });
        if (!perImage) return after;
        const rest = softmax(
          div(
            add(
              slice(base, [0, 1], [1, IMAGES]),
              reshape(matmul(reshape(slice(others, [0, 1], [1, IMAGES]), [IMAGES - 1, n]), coupling[c]!), [1, IMAGES - 1, n]),
            ),
            temperature,
          ),
        );
        return concat([after, add(mul(slice(after, [0, 0, 0], [s, 1, n]), 0), rest)], 1);
      };
      const place = (x: Tensor, e: number, rows: Tensor | undefined): Tensor => {
        if (rows)
          return tapOwn(x, e, rowsOwn(rows, e), slice(rows, [0, rows.shape[1]! - (perImage ? IMAGES - 1 : 1)], [...rows.shape]));
        return tapOwn(x, e, reshape(rowTap(e, z), [s, 1, n]), slice(others, [0, 1], [1, IMAGES]));
      };
      const rowsOwn = (rows: Tensor, e: number): Tensor => {
        const first = slice(rows, [0, 0], [rows.shape[0]!, 1]);
        return reshape(rowTap(e, reshape(first, [first.shape[0]!, n])), [first.shape[0]!, 1, n]);
      };
      /** The part that belongs to the studied Z goes through the tap: the whole batch, or the first image. */
      const tapOwn = (x: Tensor, e: number, row: Tensor, rest: Tensor): Tensor => {
        const first = tap(e, mix(slice(x, [0, 0], [s, own]), e, row));
        return perImage ? concat([first, mix(slice(x, [0, 1], [s, IMAGES]), e, rest)], 1) : first;
      };
      const activate = (x: Tensor, b: Tensor): Tensor => {
        const shifted = add(x, b);
        if (!kinks) return shifted;
        preactivations.push(shifted);
        return relu(shifted);
      };
      const norm = (x: Tensor): Tensor => {
        if (!batchStatistics) return div(sub(x, running.mean), running.scale);
        const held = (t: Tensor): Tensor => {
          const after = settings.heldStatistics ? detach(t) : alias(t);
          statistics.push({ before: t, after });
          return after;
        };
        const middle = mean(x, 1, { keepDims: true });
        const spread = mean(square(sub(x, middle)), 1, { keepDims: true });
        const [m, v] = [held(middle), held(spread)];
        return div(sub(x, m), sqrt(add(v, EPS)));
      };
      let x0 = add(mul(reshape(sum(z, 1), [s, 1, 1]), 0), input);
      const x1 = add(place(x0, 0, undefined), x0);
      x0 = norm(activate(x1, bias[0]!));
      const x2 = add(place(x0, 1, tied ? undefined : drawn(0)), x0);
      const x3 = place(x2, 2, drawn(1));
      const last = activate(x3, bias[1]!);
      const each = crossEntropy
        ? neg(
            sum(mul(logSoftmax(reshape(matmul(reshape(last, [s * IMAGES, FEATURES]), classes), [s, IMAGES, CLASSES])), labels), 2),
          )
        : sum(mul(last, target), 2);
      const nodes = new Map([x1, x2, x3].map((x, i) => [i + 1, x] as const));
      return { losses: mean(each, 1), nodes, statistics, later, preactivations };
    },
  });
  return { device, operations: n, temperature, logits, switches, network };
}
