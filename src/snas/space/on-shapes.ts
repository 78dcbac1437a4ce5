/** @file A run on shapes alone: every operation checks its operands, and nothing is computed, allocated or added to a graph. */
import { withComposites } from '../../core/fused-rows.ts';
import { scope } from '../../core/scope.ts';
import type { NotAsync } from '../../core/synchronous.ts';
import type { Device } from '../../core/tensor.ts';

/** Runs `body` on shapes alone. The tensors that it makes have no values; weights that were there before keep theirs. */
export function onShapes<T>(device: Device, body: () => NotAsync<T>): T {
  return withComposites<T>(() => device.dryRun(() => scope<T>(body)) as NotAsync<T>);
}
