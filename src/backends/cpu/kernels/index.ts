/** @file The table of CPU kernels: one plain loop a primitive, complete by its type. */
import type { Primitive, PrimitiveParams } from '../../../contract/backend.ts';
import type { CpuKernel } from '../kernel.ts';
import { threefry, toUniform } from '../../../contract/threefry.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { conv2d, conv2dFilter, conv2dInput, maxPoolIndices } from './conv.ts';
import { binary, broadcastTo, concat, pad, permute, reduce, slice, unary, whereKernel } from './elementwise.ts';
import { erf } from './erf.ts';
import { matmul } from './matmul.ts';

export const cpuKernels: { readonly [P in Primitive]: CpuKernel<PrimitiveParams[P]> } = {
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  reciprocal: unary((x) => 1 / x),
  // Written so that NaN passes through.
  relu: unary((x) => (x < 0 ? 0 : x)),
  step: unary((x) => (x > 0 ? 1 : 0)),
  tanh: unary(Math.tanh),
  erf: unary(erf),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  maximum: binary(Math.max),
  greater: binary((a, b) => (a > b ? 1 : 0)),
  where: whereKernel,
  permute,
  broadcastTo,
  slice,
  pad,
  concat,
  sumTo: reduce(0, (s, x) => s + x),
  maxTo: reduce(-Infinity, Math.max),
  matmul,
  conv2d,
  conv2dInput,
  conv2dFilter,
  take: (_params, [x, index], [y]) => {
    const n = x!.shape[1]!;
    const [rows, m] = index!.shape as [number, number];
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < m; j++) {
        const i = index!.data[r * m + j]!;
        // NaN for an index outside the row, so that it is noticed.
        y!.data[r * m + j] = i >= 0 && i < n ? x!.data[r * n + i]! : NaN;
      }
    }
  },
  put: (_params, [g, index], [x]) => {
    const [rows, n] = x!.shape as [number, number];
    const m = index!.shape[1]!;
    const sums = new Float64Array(rows * n);
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < m; j++) {
        const i = index!.data[r * m + j]!;
        if (i >= 0 && i < n) sums[r * n + i]! += g!.data[r * m + j]!;
      }
    }
    x!.data.set(sums);
  },
  maxPoolIndices,
  randomBits: (_params, [key], [y]) => {
    const n = sizeOf(y!.shape);
    const k = [key!.data[0]!, key!.data[1]!] as const;
    for (let i = 0; i < n; i++) {
      const [a, b] = threefry(k, 0, i);
      y!.data[i] = a ^ b;
    }
  },
  bitsToUniform: unary(toUniform),
  assign: (_params, [x], [target]) => {
    const n = sizeOf(x!.shape);
    target!.data.set(x!.data.length === n ? x!.data : x!.data.subarray(0, n));
  },
  sgd: ({ nesterov }, [gradient, hyper], [parameter, velocity]) => {
    const [rate, momentum, decay, scale] = hyper!.data as unknown as readonly [number, number, number, number];
    const n = sizeOf(parameter!.shape);
    for (let i = 0; i < n; i++) {
      const p = parameter!.data[i]!;
      const g = gradient!.data[i]! * scale + decay * p;
      const v = momentum * velocity!.data[i]! + g;
      velocity!.data[i] = v;
      parameter!.data[i] = p - rate * (nesterov ? g + momentum * v : v);
    }
  },
  adam: (_params, [gradient, hyper], [parameter, first, second]) => {
    const [rate, beta1, beta2, eps, decay, correction1, correction2, scale] = hyper!.data as unknown as readonly [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const n = sizeOf(parameter!.shape);
    for (let i = 0; i < n; i++) {
      const p = parameter!.data[i]!;
      const g = gradient!.data[i]! * scale + decay * p;
      const m = beta1 * first!.data[i]! + (1 - beta1) * g;
      const v = beta2 * second!.data[i]! + (1 - beta2) * g * g;
      first!.data[i] = m;
      second!.data[i] = v;
      parameter!.data[i] = p - (rate * m) / correction1 / (Math.sqrt(v / correction2) + eps);
    }
  },
};
