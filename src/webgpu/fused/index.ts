/** @file The WGSL kernels that stand in for the composites of fused operations, by the operation's name. */
import type { FusedKernel } from '../../fused.ts';
import type { GpuFacts } from '../kernel.ts';

/** The kernels for a device with these facts. */
export function webgpuFusedKernels(_facts: GpuFacts): ReadonlyMap<string, FusedKernel> {
  return new Map();
}
