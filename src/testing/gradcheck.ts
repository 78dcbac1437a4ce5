/** @file The whole gradient check: every operation of the registry, its derivatives in float64 and its kernels on a device. */
import { cpuKernels } from '../backends/cpu/kernels/index.ts';
import type { Device } from '../core/tensor.ts';
import { fusedOperations } from '../core/fused.ts';
import { checkOperationGrads, checkOperationKernel, type OperationFailure, type RunOptions } from './check-operation.ts';
import { TRIPWIRE } from './kernel-error.ts';
import { type Operation, operations } from './registry/index.ts';
import { NON_SMOOTH_LIMIT } from './tally.ts';

/** Largest relative error in float64 that is accepted, by order. */
export const WORST_BY_ORDER: readonly number[] = [1e-7, 1e-5, 1e-5];

export type Part = 'gradients' | 'kernels';

/** One line of the table. */
export interface OperationResult {
  readonly operation: string;
  /** Worst relative error in float64 at order 1, 2, 3; empty where the operation takes no gradient. */
  readonly orders: readonly number[];
  readonly derivatives: number;
  /** Derivatives that could not be judged: at a kink, or ill-conditioned. */
  readonly nonSmooth: number;
  /** Largest kernel errors in units of 2^-24 sum |terms|, and the largest as a share of the proved bound. */
  readonly kernel: { readonly value: number; readonly gradient: number; readonly share: number } | undefined;
  readonly cases: number;
  /** The kernel's error is above the tripwire, though within the proved bound. */
  readonly tripped: boolean;
  /** What went wrong; empty if nothing did. */
  readonly failures: readonly string[];
}

export interface GradcheckOptions extends RunOptions {
  /** The device whose kernels are compared with float64. */
  readonly device: Device;
  /** Operations to check. Default all. */
  readonly pattern?: RegExp;
  /** Only one of the two halves of the check. Default both. */
  readonly only?: Part;
}

/** Checks operations one by one, in the registry's order. */
export async function* gradcheck(options: GradcheckOptions): AsyncGenerator<OperationResult> {
  const { pattern, device, only, ...run } = options;
  for (const op of operations) if (!pattern || pattern.test(op.name)) yield await checkOne(op, device, only, run);
}

async function checkOne(op: Operation, device: Device, only: Part | undefined, run: RunOptions): Promise<OperationResult> {
  const failures: string[] = [];
  const note = (failure: OperationFailure | undefined): void => {
    if (failure) failures.push(`${failure.message}\n  or        ${failure.replay}`);
  };
  const gradients = only === 'kernels' ? undefined : await checkOperationGrads(op, run);
  note(gradients?.failure);
  const orders = gradients?.tally.orders.map((o) => o.worst) ?? [];
  orders.forEach((worst, i) => {
    const most = WORST_BY_ORDER[i]!;
    if (!(worst <= most))
      failures.push(`${op.name}: worst relative error ${worst.toExponential(1)} at order ${i + 1}, more than ${most}`);
  });
  const derivatives = gradients?.tally.derivatives ?? 0;
  const nonSmooth = gradients?.tally.nonSmooth ?? 0;
  if (nonSmooth > NON_SMOOTH_LIMIT * derivatives) {
    failures.push(
      `${op.name}: ${nonSmooth} of ${derivatives} derivatives could not be judged, more than ${100 * NON_SMOOTH_LIMIT} %`,
    );
  }
  const kernels = only === 'gradients' ? undefined : await checkOperationKernel(op, device, run);
  note(kernels?.failure);
  const kernel = kernels && { value: kernels.tally.value, gradient: kernels.tally.gradient, share: kernels.tally.share };
  return {
    operation: op.name,
    orders,
    derivatives,
    nonSmooth,
    kernel,
    cases: (gradients?.cases ?? 0) + (kernels?.cases ?? 0),
    tripped: (kernels?.tally.worst ?? 0) > TRIPWIRE,
    failures,
  };
}

/** Primitives and fused operations of this process that no entry of the registry checks; a complete registry has none. */
export function unchecked(): string[] {
  const primitives = Object.keys(cpuKernels).filter((name) => !operations.some((op) => op.primitive === name));
  const fused = [...fusedOperations.keys()].filter((name) => !operations.some((op) => op.fused === name));
  return [...primitives, ...fused];
}
