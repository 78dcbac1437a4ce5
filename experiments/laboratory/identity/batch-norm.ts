/** @file A node whose only consumer is a bias-free convolution and batch norm: scale invariant, so its credits are only relative. */
import {
  add,
  batchNorm2d,
  conv2d,
  type Device,
  foldIn,
  key,
  logSoftmax,
  mul,
  normals,
  reshape,
  sum,
  tanh,
  type Tensor,
} from 'reparam';
import type { GatedNetwork } from 'reparam/credit';

/** Three edges into one node [4, 2, 3, 3], then conv, batch norm with the given eps, tanh and a softmax head: one sample. */
export function batchNormFixture(device: Device, eps: number, seed = 1): GatedNetwork {
  const k = key(seed);
  const shape = [4, 2, 3, 3];
  const size = 72;
  const draw = (purpose: number, dims: readonly number[]): Tensor =>
    device.parameter(
      normals(
        foldIn(k, purpose),
        dims.reduce((a, b) => a * b, 1),
      ),
      dims,
    );
  const parts = [0, 1, 2].map((e) => draw(e, shape));
  const weight = draw(3, [3, 2, 2, 2]);
  const target = draw(4, [4, 12]);
  const edges = parts.map((_, e) => ({ name: `${e}-3`, from: e, to: 3 }));
  return {
    edges,
    run: (tap = (_e, output) => output) => {
      const node = parts.map((part, e) => tap(e, mul(part, 1 / Math.sqrt(size)))).reduce((a, b) => add(a, b));
      const normalised = tanh(batchNorm2d(conv2d(node, weight), { eps }));
      return { losses: sum(mul(logSoftmax(reshape(normalised, [4, 12])), target)), nodes: new Map([[3, node]]) };
    },
  };
}
