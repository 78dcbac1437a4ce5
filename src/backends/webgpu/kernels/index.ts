/** @file The table of WebGPU kernels, complete by its type. */
import type { Primitive, PrimitiveParams } from '../../../contract/backend.ts';
import { conv2d, conv2dFilter, conv2dInput, maxPoolIndices } from './conv/index.ts';
import { binary, unary, where } from './elementwise.ts';
import { put, take } from './indexing.ts';
import type { WebGpuKernel } from '../kernel.ts';
import { assign, broadcastTo, concat, pad, permute, slice } from './layout.ts';
import { matmul } from './matmul.ts';
import { bitsToUniform, randomBits } from './random.ts';
import { maxTo, sumTo } from './reduce.ts';
import { adam, sgd } from './optimizer.ts';

export const webgpuKernels: { readonly [P in Primitive]: WebGpuKernel<PrimitiveParams[P]> } = {
  neg: unary('neg'),
  exp: unary('exp'),
  log: unary('log'),
  sqrt: unary('sqrt'),
  reciprocal: unary('reciprocal'),
  relu: unary('relu'),
  step: unary('step'),
  tanh: unary('tanh'),
  erf: unary('erf'),
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: binary('div'),
  maximum: binary('maximum'),
  greater: binary('greater'),
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
