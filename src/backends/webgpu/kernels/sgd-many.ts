/** @file SGD on several parameters a dispatch: a network has hundreds of small ones. */
import type { FusedRow, Operand } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import type { Gpu } from '../kernel.ts';
import { sgdFive, sgdTwo } from '../shaders.gen.ts';
import { sgd } from './optimizer.ts';

const PER_GROUP = 256;

/** Parameters by dispatch: two, or five where a device binds sixteen buffers. */
function slotsOf(gpu: Gpu): readonly number[] {
  return gpu.facts.maxStorageBuffers >= 16 ? [5, 2] : [2];
}

export function sgdManyRow(gpu: Gpu): FusedRow<{ readonly nesterov: boolean }> & { readonly atMost: number } {
  const slots = slotsOf(gpu);
  return {
    atMost: slots[0]!,
    forward({ nesterov }, [hyper, ...gradients], targets) {
      const sizes = gradients.map(({ shape }) => sizeOf(shape));
      const fits = (first: number, count: number): boolean =>
        first + count <= sizes.length &&
        sizes.slice(first, first + count).every((size) => size <= PER_GROUP * gpu.facts.maxWorkgroups);
      for (let first = 0; first < gradients.length;) {
        const count = slots.find((n) => fits(first, n)) ?? 1;
        const some = gradients.slice(first, first + count);
        const changed = targets.slice(2 * first, 2 * (first + count));
        if (count === 1) sgd(gpu, { nesterov }, [some[0]!, hyper!], changed);
        else launchMany(gpu, nesterov, hyper!, some, changed);
        first += count;
      }
    },
  };
}

function launchMany(gpu: Gpu, nesterov: boolean, hyper: Operand, gradients: readonly Operand[], targets: readonly Operand[]): void {
  const sizes = gradients.map(({ shape }) => sizeOf(shape));
  const five = sizes.length === 5;
  gpu.launch(
    {
      kind: 'wgsl',
      name: `sgd on ${sizes.length}`,
      code: five ? sgdFive : sgdTwo,
      constants: { NESTEROV: Number(nesterov) },
      uniforms: Array.from({ length: five ? 8 : 4 }, (_, i) => sizes[i] ?? 0),
      workgroups: [Math.ceil(Math.max(...sizes) / PER_GROUP), sizes.length, 1],
    },
    [hyper, ...gradients],
    targets,
  );
}
