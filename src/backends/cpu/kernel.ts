/** @file What a kernel of the CPU backends is: a plain loop over flat arrays. */
import type { TypedArray } from '../../contract/backend.ts';
import type { Shape } from '../../contract/shape.ts';

export interface CpuOperand {
  readonly data: TypedArray;
  readonly shape: Shape;
}

export type CpuKernel<Params> = (params: Params, inputs: readonly CpuOperand[], outputs: readonly CpuOperand[]) => void;
