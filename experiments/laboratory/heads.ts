/** @file Loss heads of the fixtures: from a node's value to one loss a sample, each of a different curvature. */
import {
  add,
  type Device,
  div,
  foldIn,
  type Key,
  linear,
  logSoftmax,
  matmul,
  mul,
  neg,
  normals,
  OptionError,
  relu,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
} from 'reparam';

export const headNames = ['linear', 'quadratic', 'softmax', 'tanh', 'scale-invariant', 'relu'] as const;
export type HeadName = (typeof headNames)[number];

export interface Head {
  readonly name: HeadName;
  /** x [s, d] -> losses [s]. */
  readonly losses: (x: Tensor) => Tensor;
  /** The affine pieces of the 'relu' head, for finding its kinks: row r is active where weight_r . x + bias_r > 0. */
  readonly pieces?: {
    readonly weight: readonly (readonly number[])[];
    readonly bias: readonly number[];
    readonly slope: readonly number[];
  };
}

/** Checks a name that came from outside. */
export function headName(name: string): HeadName {
  const found = headNames.find((h) => h === name);
  if (!found) throw new OptionError(`head '${name}' is unknown; choose one of ${headNames.join(', ')}`);
  return found;
}

const ROWS = 4;

/**
 * A head with weights drawn from the key. With t, W, b fixed: linear t . x; quadratic |x - t|^2 / 2; softmax cross-entropy of W x
 * with class 1; tanh sum u tanh(W x); scale-invariant -t . x / |x|; relu sum u relu(W x + b).
 */
export function makeHead(device: Device, name: HeadName, size: number, k: Key): Head {
  const draw = (purpose: number, length: number): number[] => Array.from(normals(foldIn(k, purpose), length));
  const t = device.parameter(draw(0, size), [size]);
  const weights = draw(1, ROWS * size).map((v) => v / Math.sqrt(size));
  const w = device.parameter(weights, [ROWS, size]);
  const slope = draw(2, ROWS);
  const u = device.parameter(slope, [ROWS]);
  const bias = draw(3, ROWS).map((v) => 0.3 * v);
  const b = device.parameter(bias, [ROWS]);
  const minusTarget = device.parameter([0, -1, 0, 0], [ROWS, 1]);
  const losses: Readonly<Record<HeadName, Head['losses']>> = {
    linear: (x) => sum(mul(x, t), 1),
    quadratic: (x) => mul(sum(square(sub(x, t)), 1), 0.5),
    softmax: (x) => reshape(matmul(logSoftmax(linear(x, w)), minusTarget), [x.shape[0]!]),
    tanh: (x) => sum(mul(tanh(linear(x, w)), u), 1),
    'scale-invariant': (x) => neg(div(sum(mul(x, t), 1), sqrt(sum(square(x), 1)))),
    relu: (x) => sum(mul(relu(add(linear(x, w), b)), u), 1),
  };
  if (name !== 'relu') return { name, losses: losses[name] };
  const rows = Array.from({ length: ROWS }, (_, r) => weights.slice(r * size, (r + 1) * size));
  return { name, losses: losses.relu, pieces: { weight: rows, bias, slope } };
}
