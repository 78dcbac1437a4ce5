/** @file How a project's CI checks an operation of its own: its gradient in float64, its kernels within their rounding bound. */
import type fc from 'fast-check';
import { add, cpu, customVjp, div, mean, sqrt, square, type Tensor, webgpu } from 'reparam';
import { checkGrads, GradientError } from 'reparam/testing';
import * as properties from 'reparam/testing/properties';
import { defineRmsNorm } from './rms-norm.ts';

const eps = 1e-5;
const adapter = await webgpu();

/** What the checks need to know of an operation: how to run it, on what, and to which order it is smooth. */
function describe(name: string, run: (x: Tensor) => Tensor): properties.Operation {
  const rows = (size: properties.Size): fc.Arbitrary<readonly number[]> =>
    properties.shapes({ minRank: 2, maxRank: 2, maxSize: size === 'small' ? 12 : 3000 });
  return properties.operation({
    name,
    run: ([x]) => run(x!),
    samples: (size) =>
      rows(size)
        .chain((shape) => (size === 'small' ? properties.kinkSafe(shape) : properties.bulk(shape, 'kink-safe')))
        .map((x) => ({ inputs: [x], params: null })),
    order: 2,
  });
}

async function check(op: properties.Operation): Promise<void> {
  const options = { seed: 1, runs: 20 };
  const gradients = await properties.checkOperationGrads(op, options);
  const kernels = await properties.checkOperationKernel(op, adapter, options);
  console.log(`${op.name}: gradient ${gradients.failure ? 'WRONG' : 'right'}, kernels ${kernels.failure ? 'WRONG' : 'right'}`);
  for (const { failure } of [gradients, kernels]) if (failure) console.log(failure.message);
}

const rmsNorm = defineRmsNorm('rmsNorm', true);
await check(describe('rmsNorm', (x) => rmsNorm([x], { eps })));

// A mistake in the WGSL backward kernel. In float64 the composite runs, which is right; on the adapter the kernel is not.
const wrongKernel = defineRmsNorm('rmsNorm, wrong kernel', false);
await check(describe('rmsNorm, wrong kernel', (x) => wrongKernel([x], { eps })));

// The same mistake in a VJP written by hand, checked at one point: the root taken as a constant.
const wrongVjp = customVjp(
  'rmsNorm, wrong VJP',
  (x: Tensor) => rmsNorm([x], { eps }),
  (g, { inputs: [x] }) => [div(g, sqrt(add(mean(square(x), 1, { keepDims: true }), eps)))],
);
const point = cpu({ dtype: 'float64' }).tensor([3, -4, 1, 2], [2, 2]);
try {
  await checkGrads(wrongVjp, [point], { name: 'rmsNorm, wrong VJP' });
} catch (error) {
  if (!(error instanceof GradientError)) throw error;
  console.log(error.message);
}
adapter.destroy();
