/** @file SIMD kernels of fused operations on the float32 CPU device: forward values and first-order gradients. */
import type { FusedKernel } from '../fused.ts';
import type { Tensor } from '../tensor.ts';
import { batchNormModule } from './wasm/batch-norm.ts';
import type { Linker } from './wasm/linker.ts';

/** Kernels by the names of the operations whose composites they stand in for. */
export function fusedKernels(linker: Linker): ReadonlyMap<string, FusedKernel> {
  return new Map<string, FusedKernel>([['batchNorm2d', batchNorm(linker)]]);
}

function batchNorm(linker: Linker): FusedKernel<{ readonly eps: number }> {
  const planes = (x: Tensor): readonly [number, number, number] => {
    const [n, c, h, w] = x.shape as readonly [number, number, number, number];
    return [n, c, h * w * 4];
  };
  return {
    forward([x], { eps }) {
      if (x!.size === 0) return undefined;
      const { forward } = linker.load('batch norm', batchNormModule);
      const [n, c, bytes] = planes(x!);
      const [y, statistics] = x!.device.launch(
        {
          kind: 'cpu',
          name: 'batchNorm2d',
          run: ([from], [to, stats]) => forward!(from!.byteOffset, to!.byteOffset, stats!.byteOffset, n, c, bytes, eps),
        },
        [x!],
        [x!.shape, [2, c]],
      ) as [Tensor, Tensor];
      return { output: [y, statistics], saved: [statistics] };
    },
    backward({ output, saved: [statistics], params: { eps } }, g) {
      const { backward } = linker.load('batch norm', batchNormModule);
      const [n, c, bytes] = planes(output);
      return g.device.launch(
        {
          kind: 'cpu',
          name: 'batchNorm2d.backward',
          run: ([cotangent, y, stats], [dx]) =>
            backward!(cotangent!.byteOffset, y!.byteOffset, stats!.byteOffset, dx!.byteOffset, n, c, bytes, eps),
        },
        [g, output, statistics!],
        [output.shape],
      );
    },
  };
}
