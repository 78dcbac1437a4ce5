/** @file The rows of fused kernels that a backend has, as the core uses them: only where they may be used, on checked operands. */
import type { FusedName, FusedParams, FusedRow, FusedTable } from '../contract/backend.ts';
import { checkInPlace } from './primitive.ts';
import type { Device, Tensor } from './tensor.ts';

let compositesOnly = 0;

/** Runs `body` with every fused operation computed by its composite: the other side of `kernel == composite`. */
export function withComposites<T>(body: () => T): T {
  compositesOnly++;
  try {
    return body();
  } finally {
    compositesOnly--;
  }
}

/** Whether every fused operation is computed by its composite now. */
export function compositesChosen(): boolean {
  return compositesOnly > 0;
}

/** The device's row for an operation; undefined where it has none, or composites are chosen. */
export function rowOf<F extends FusedName>(device: Device, name: F): FusedTable[F] | undefined {
  return compositesOnly > 0 ? undefined : device.backend.fused[name];
}

/** Runs a row that changes tensors in place, with the checks of a primitive that does; `op` is what errors call it. */
export function runInPlace<F extends FusedName>(
  op: string,
  row: FusedRow<FusedParams[F]>,
  params: FusedParams[F],
  inputs: readonly Tensor[],
  targets: readonly Tensor[],
): void {
  const device = checkInPlace(op, inputs, targets);
  row.forward(
    params,
    inputs.map((t) => t.operand(op)),
    targets.map((t) => t.operand(op)),
    [],
  );
  device.noteWrites(targets);
}
