/** @file The rows of fused operations on the float32 CPU device: forward values and first-order gradients. */
import type { BatchNormParams, FusedRow, FusedTable, Operand } from '../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../contract/shape.ts';
import type { LaunchCpu } from '../kernel.ts';
import type { Linker } from '../runtime/linker.ts';
import { batchNormModule } from './batch-norm.ts';
import { mixedGradientModule, mixedSumModule } from './mixed-sum.ts';
import { softmaxRows } from './softmax.ts';

export function fusedTable(linker: Linker, launch: LaunchCpu): FusedTable {
  const batchNorm = batchNormRow(linker, launch);
  return {
    ...softmaxRows(launch),
    batchNorm2d: batchNorm,
    batchNormAffine2d: batchNorm,
    mixedSum: mixedSumRow(linker, launch),
  };
}

/** Of [x] or of [x, weight, bias]. The backward kernel makes all gradients in one walk. */
function batchNormRow(linker: Linker, launch: LaunchCpu): FusedRow<BatchNormParams> {
  const sizes = ({ shape }: Operand): readonly [number, number, number] => {
    const [n, c, h, w] = shape as readonly [number, number, number, number];
    return [n, c, h * w * 4];
  };
  return {
    forward({ eps }, inputs, outputs) {
      const [n, c, bytes] = sizes(inputs[0]!);
      const { forward } = linker.load('batch norm', batchNormModule);
      launch(
        'batchNorm2d',
        ([x, weight, bias], [y, statistics]) =>
          forward(
            x!.byteOffset,
            weight?.byteOffset ?? 0,
            bias?.byteOffset ?? 0,
            y!.byteOffset,
            statistics!.byteOffset,
            n,
            c,
            bytes,
            eps,
          ),
        inputs,
        outputs,
      );
    },
    writes: (needs) => needs.map(() => true),
    backward({ eps }, { inputs: [x, weight], outputs: [, statistics], g }, gradients) {
      const [n, c, bytes] = sizes(x!);
      const { backward } = linker.load('batch norm', batchNormModule);
      launch(
        'batchNorm2d.backward',
        ([cotangent, from, stats, scale], [dx, dweight, dbias]) =>
          backward(
            cotangent!.byteOffset,
            from!.byteOffset,
            scale?.byteOffset ?? 0,
            stats!.byteOffset,
            dx!.byteOffset,
            dweight?.byteOffset ?? 0,
            dbias?.byteOffset ?? 0,
            n,
            c,
            bytes,
            eps,
          ),
        [g, x!, statistics!, ...(weight ? [weight] : [])],
        gradients.map((t) => t!),
      );
    },
  };
}

/** Tensors that one pass of the weighted sum reads; more are left to the composite. */
const MOST_TERMS = 32;

function mixedSumRow(linker: Linker, launch: LaunchCpu): FusedRow<object> {
  const bytesOf = (shape: Shape): number => sizeOf(shape) * 4;
  return {
    covers: (_params, [, ...terms]) => terms.length <= MOST_TERMS,
    forward(_params, inputs, outputs) {
      const count = inputs.length - 1;
      const bytes = bytesOf(outputs[0]!.shape);
      const { sum } = linker.load(`mixed sum of ${count}`, () => mixedSumModule(count));
      launch(
        'mixedSum',
        ([weights, ...terms], [y]) => sum(weights!.byteOffset, y!.byteOffset, bytes, ...terms.map((t) => t.byteOffset)),
        inputs,
        outputs,
      );
    },
    backward(_params, { inputs, g }, [dz, ...dxs]) {
      const { scale, dot } = linker.load('mixed sum gradient', mixedGradientModule);
      const bytes = bytesOf(g.shape);
      const wanted = dxs.flatMap((dx, k) => (dx ? [k] : []));
      launch(
        'mixedSum.backward',
        ([cotangent, weights, ...terms], targets) => {
          const from = cotangent!.byteOffset;
          if (dz) terms.forEach((x, k) => dot(from, x.byteOffset, targets[0]!.byteOffset + 4 * k, bytes));
          const scaled = dz ? targets.slice(1) : targets;
          wanted.forEach((k, i) => scale(from, weights!.byteOffset + 4 * k, scaled[i]!.byteOffset, bytes));
        },
        [g, ...inputs],
        [dz, ...dxs].filter((t) => t !== undefined),
      );
    },
  };
}
