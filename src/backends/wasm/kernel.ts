/** @file What a SIMD kernel is, the table of those primitives that have one, and how a fused kernel is launched. */
import type { CpuFunction, Operand, Primitive, PrimitiveParams } from '../../contract/backend.ts';

/**
 * The work that computes the outputs, or undefined where these shapes or parameters are not covered: then the plain loop runs. A
 * kernel decides everything that it can from shapes and parameters; the work, which a recorded step repeats, asks its operands for
 * their addresses each time.
 */
export type SimdKernel<Params> = (
  params: Params,
  inputs: readonly Operand[],
  outputs: readonly Operand[],
) => (() => void) | undefined;

export type SimdKernels = { readonly [P in Primitive]?: SimdKernel<PrimitiveParams[P]> };

/** Runs a function over the operands' elements, now or whenever the captured step runs. */
export type LaunchCpu = (name: string, run: CpuFunction['run'], inputs: readonly Operand[], outputs: readonly Operand[]) => void;
