/** @file SIMD kernels of fused operations on the float32 CPU device: forward values and first-order gradients. */
import type { FusedKernel } from '../../../core/fused.ts';
import type { Tensor } from '../../../core/tensor.ts';
import { softmaxKernels } from './softmax.ts';
import { batchNormModule } from './batch-norm.ts';
import type { Linker } from '../runtime/linker.ts';
import { mixedGradientModule, mixedSumModule } from './mixed-sum.ts';

/** Kernels by the names of the operations whose composites they stand in for. */
export function fusedKernels(linker: Linker): ReadonlyMap<string, FusedKernel> {
  return new Map<string, FusedKernel>([
    ['batchNorm2d', batchNorm(linker)],
    ['batchNormAffine2d', batchNorm(linker)],
    ['mixedSum', mixedSum(linker)],
    ...softmaxKernels,
  ]);
}

/** Of [x] or of [x, weight, bias]. */
function batchNorm(linker: Linker): FusedKernel<{ readonly eps: number }> {
  const sizes = (x: Tensor): readonly [number, number, number] => {
    const [n, c, h, w] = x.shape as readonly [number, number, number, number];
    return [n, c, h * w * 4];
  };
  return {
    forward(inputs, { eps }) {
      const [x] = inputs as readonly [Tensor, ...Tensor[]];
      if (x.size === 0) return undefined;
      const [n, c, bytes] = sizes(x);
      const { forward } = linker.load('batch norm', batchNormModule);
      const [y, statistics] = x.device.launch(
        {
          kind: 'cpu',
          name: 'batchNorm2d',
          run: ([from, weight, bias], [to, stats]) =>
            forward(
              from!.byteOffset,
              weight?.byteOffset ?? 0,
              bias?.byteOffset ?? 0,
              to!.byteOffset,
              stats!.byteOffset,
              n,
              c,
              bytes,
              eps,
            ),
        },
        inputs,
        [x.shape, [2, c]],
      ) as [Tensor, Tensor];
      return { output: [y, statistics], saved: [statistics] };
    },
    backward({ inputs: [x, weight], saved: [statistics], params: { eps } }, g) {
      const [n, c, bytes] = sizes(x!);
      const { backward } = linker.load('batch norm', batchNormModule);
      return g.device.launch(
        {
          kind: 'cpu',
          name: 'batchNorm2d.backward',
          run: ([cotangent, from, stats, scale], [dx, dweight, dbias]) =>
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
        },
        [g, x!, statistics!, ...(weight ? [weight] : [])],
        weight ? [x!.shape, weight.shape, weight.shape] : [x!.shape],
      );
    },
  };
}

/** Tensors that one pass of the weighted sum reads; more are left to the composite. */
const MOST_TERMS = 32;

function mixedSum(linker: Linker): FusedKernel {
  return {
    forward(inputs) {
      const [z, ...xs] = inputs as readonly [Tensor, ...Tensor[]];
      const [head] = xs as [Tensor, ...Tensor[]];
      if (head.size === 0 || xs.length > MOST_TERMS) return undefined;
      const { sum } = linker.load(`mixed sum of ${xs.length}`, () => mixedSumModule(xs.length));
      const [output] = z.device.launch(
        {
          kind: 'cpu',
          name: 'mixedSum',
          run: ([weights, ...terms], [y]) =>
            sum(weights!.byteOffset, y!.byteOffset, head.size * 4, ...terms.map((t) => t.byteOffset)),
        },
        inputs,
        [head.shape],
      ) as [Tensor];
      return { output };
    },
    backward({ inputs, needs }, g) {
      const [z, ...xs] = inputs as readonly [Tensor, ...Tensor[]];
      const { scale, dot } = linker.load('mixed sum gradient', mixedGradientModule);
      const bytes = g.size * 4;
      const wanted = xs.map((_, k) => k).filter((k) => needs[k + 1]);
      const [dz, ...dxs] = g.device.launch(
        {
          kind: 'cpu',
          name: 'mixedSum.backward',
          run: ([cotangent, weights, ...terms], [dweights, ...targets]) => {
            const from = cotangent!.byteOffset;
            if (needs[0]) terms.forEach((x, k) => dot(from, x.byteOffset, dweights!.byteOffset + 4 * k, bytes));
            wanted.forEach((k, i) => scale(from, weights!.byteOffset + 4 * k, targets[i]!.byteOffset, bytes));
          },
        },
        [g, z, ...xs],
        [z.shape, ...wanted.map(() => g.shape)],
      ) as [Tensor, ...Tensor[]];
      return [needs[0] ? dz : undefined, ...xs.map((_, k) => (needs[k + 1] ? dxs[wanted.indexOf(k)] : undefined))];
    },
  };
}
