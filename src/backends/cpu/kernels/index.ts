/** @file The table of CPU kernels: one plain loop a primitive, complete by its type. */
import type { Primitive } from '../../../contract/backend.ts';
import type { CpuKernel, CpuKernels } from '../kernel.ts';
import { conv2d, conv2dFilter, conv2dInput } from './conv.ts';
import { binary, erf, sigmoid, softplus, unary, where } from './elementwise.ts';
import { put, take } from './indexing.ts';
import { assign, broadcastTo, concat, pad, permute, slice } from './layout.ts';
import { matmul } from './matmul.ts';
import { adam, sgd } from './optimizer.ts';
import { maxPoolIndices } from './pool.ts';
import { bitsToUniform, randomBits } from './random.ts';
import { maxTo, sumTo } from './reduce.ts';

const kernels: { readonly [P in Primitive]: CpuKernel<P> } = {
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
  sigmoid: unary(sigmoid),
  softplus: unary(softplus),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  maximum: binary(Math.max),
  equal: binary((a, b) => (a === b ? 1 : 0)),
  greater: binary((a, b) => (a > b ? 1 : 0)),
  where,
  permute,
  broadcastTo,
  slice,
  pad,
  concat,
  sumTo,
  maxTo,
  matmul,
  conv2d,
  conv2dInput,
  conv2dFilter,
  take,
  put,
  maxPoolIndices,
  randomBits,
  bitsToUniform,
  assign,
  sgd,
  adam,
};

export const cpuKernels: CpuKernels = kernels;
