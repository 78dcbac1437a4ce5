/** @file The rows of fused operations on the float32 CPU device: forward values and first-order gradients. */
import type { BatchNormParams, FusedRow, FusedTable, Operand, RunningUpdate } from '../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../contract/shape.ts';
import type { LaunchWork } from '../kernel.ts';
import { addressAt, addressOf } from '../runtime/buffer.ts';
import { type Call, call, inRanges, overBytes } from '../runtime/calls.ts';
import type { Linker } from '../runtime/linker.ts';
import { batchNormModule, runningModule } from './batch-norm.ts';
import { mixedGradientModule, mixedSumModule } from './mixed-sum.ts';
import { softmaxRows } from './softmax.ts';

export function fusedTable(linker: Linker, launch: LaunchWork): FusedTable {
  const batchNorm = batchNormRow(linker, launch);
  return {
    ...softmaxRows(linker, launch),
    batchNorm2d: batchNorm,
    batchNormAffine2d: batchNorm,
    batchNormRunning: batchNormRunningRow(linker, launch),
    mixedSum: mixedSumRow(linker, launch),
  };
}

/** Of [x] or of [x, weight, bias]. The backward kernel makes all gradients in one walk. */
function batchNormRow(linker: Linker, launch: LaunchWork): FusedRow<BatchNormParams> {
  const sizes = ({ shape }: Operand): readonly [number, number, number] => {
    const [n, c, h, w] = shape as readonly [number, number, number, number];
    return [n, c, h * w * 4];
  };
  return {
    forward({ eps }, inputs, outputs) {
      const [x, weight, bias] = inputs as readonly [Operand, Operand?, Operand?];
      const [y, statistics] = outputs as readonly [Operand, Operand];
      const [n, c, bytes] = sizes(x);
      const { forward } = linker.load('batch norm', batchNormModule);
      const work = inRanges(n * c * bytes * 4, c, (from, to) => {
        const [maps, numbers] = [from * bytes, from * 4];
        return call(
          forward,
          ...[
            addressAt(x, maps),
            addressAt(weight, numbers),
            addressAt(bias, numbers),
            addressAt(y, maps),
            addressAt(statistics, numbers),
          ],
          ...[n, c, to - from, bytes, eps],
        );
      });
      launch(inputs, outputs, work);
    },
    writes: (needs) => needs.map(() => true),
    backward({ eps }, { inputs, outputs: [, statistics], g }, gradients) {
      const [x, weight] = inputs as readonly [Operand, Operand?];
      const [dx, dweight, dbias] = gradients;
      const [n, c, bytes] = sizes(x);
      const { backward } = linker.load('batch norm', batchNormModule);
      const work = inRanges(n * c * bytes * 5, c, (from, to) => {
        const [maps, numbers] = [from * bytes, from * 4];
        return call(
          backward,
          ...[addressAt(g, maps), addressAt(x, maps), addressAt(weight, numbers), addressAt(statistics, numbers)],
          ...[addressAt(dx, maps), addressAt(dweight, numbers), addressAt(dbias, numbers)],
          ...[n, c, to - from, bytes, eps],
        );
      });
      launch(
        [g, x, statistics!, ...(weight ? [weight] : [])],
        gradients.map((t) => t!),
        work,
      );
    },
  };
}

/** The running statistics of all channels in one call, with the roundings of the composite. */
function batchNormRunningRow(linker: Linker, launch: LaunchWork): FusedRow<RunningUpdate> {
  return {
    forward({ momentum, count }, inputs, outputs) {
      const [batch, running] = [inputs[0]!, outputs[0]!];
      const bytes = sizeOf(batch.shape) * 2;
      const { update } = linker.load('batch norm running', runningModule);
      const rates = [1 - momentum, momentum, (momentum * count) / (count - 1)];
      launch(
        inputs,
        outputs,
        inRanges(bytes, 1, () => call(update, addressOf(batch), addressOf(running), bytes, ...rates)),
      );
    },
  };
}
/** Tensors that one pass of the weighted sum reads; more are left to the composite. */
const MOST_TERMS = 32;

function mixedSumRow(linker: Linker, launch: LaunchWork): FusedRow<object> {
  const bytesOf = (shape: Shape): number => sizeOf(shape) * 4;
  return {
    covers: (_params, [, ...terms]) => terms.length <= MOST_TERMS,
    forward(_params, inputs, outputs) {
      const [weights, ...terms] = inputs as readonly [Operand, ...Operand[]];
      const y = outputs[0]!;
      const { sum } = linker.load(`mixed sum of ${terms.length}`, () => mixedSumModule(terms.length));
      const work = overBytes(bytesOf(y.shape), terms.length + 1, (from, bytes) =>
        call(sum, addressOf(weights), addressOf(y) + from, bytes, ...terms.map((t) => addressOf(t) + from)),
      );
      launch(inputs, outputs, work);
    },
    backward(_params, { inputs, g }, [dz, ...dxs]) {
      const [weights, ...terms] = inputs as readonly [Operand, ...Operand[]];
      const { scale, dot } = linker.load('mixed sum gradient', mixedGradientModule);
      const bytes = bytesOf(g.shape);
      const dots = (): readonly Call[] =>
        dz ? terms.map((x, k) => call(dot, addressOf(g), addressOf(x), addressOf(dz) + 4 * k, bytes)) : [];
      const scales = (): readonly Call[] =>
        dxs.flatMap((dx, k) => (dx ? [call(scale, addressOf(g), addressOf(weights) + 4 * k, addressOf(dx), bytes)] : []));
      launch(
        [g, ...inputs],
        [dz, ...dxs].filter((t) => t !== undefined),
        [{ cost: 4 * bytes * terms.length, make: () => [...dots(), ...scales()] }],
      );
    },
  };
}
