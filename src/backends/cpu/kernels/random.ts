/** @file Random bits and uniforms. */
import { sizeOf } from '../../../contract/shape.ts';
import { threefry, toUniform } from '../../../contract/threefry.ts';
import type { CpuKernel, UnaryKernel } from '../kernel.ts';
import { unary } from './elementwise.ts';

export const randomBits: CpuKernel<'randomBits'> = (_params, [key], [y]) => {
  const n = sizeOf(y.shape);
  const k = [key.data[0]!, key.data[1]!] as const;
  for (let i = 0; i < n; i++) {
    const [a, b] = threefry(k, 0, i);
    y.data[i] = a ^ b;
  }
};

export const bitsToUniform: UnaryKernel = unary(toUniform);
