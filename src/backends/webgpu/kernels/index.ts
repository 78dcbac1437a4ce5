/** @file The table of WebGPU kernels, complete by its type. */
import { binaryOperations, byOperation, type Primitive, type PrimitiveParams, unaryOperations } from '../../../contract/backend.ts';
import { conv2d, conv2dFilter, conv2dInput } from './conv/index.ts';
import { binary, unary, where } from './elementwise.ts';
import { put, take } from './indexing.ts';
import type { WebGpuKernel } from '../kernel.ts';
import { assign, broadcastTo, concat, pad, permute, slice } from './layout.ts';
import { matmul } from './matmul.ts';
import { bitsToUniform, randomBits } from './random.ts';
import { maxTo, sumTo } from './reduce.ts';
import { adam, sgd } from './optimizer.ts';
import { maxPoolIndices } from './pool.ts';

export const webgpuKernels: { readonly [P in Primitive]: WebGpuKernel<PrimitiveParams[P]> } = {
  ...byOperation(unaryOperations, unary),
  ...byOperation(binaryOperations, binary),
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
