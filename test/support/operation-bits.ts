/** @file What operations give on a device, to the bit: values and gradients of the registry's cases, and of convolutions of any geometry. */
import fc from 'fast-check';
import { type Device, grad, scope, type Tensor } from '../../src/index.ts';
import { type Operation, operations, type Sample, toTensor } from '../../src/testing/properties/index.ts';
import { anyGeometry, convolution, dense, plain3x3, pointwise, separable } from './convolution-cases.ts';

export interface OperationCase {
  readonly op: Operation;
  readonly sample: Sample;
}

/** `runs` large cases of every operation, and of convolutions around the tiles of every kernel. */
export function operationCases(seed: number, runs: number): OperationCase[] {
  const convolutions = Object.entries({ anyGeometry, dense, plain3x3, pointwise, separable });
  const all = [...operations, ...convolutions.map(([name, cases]) => convolution(`conv2d, ${name}`, cases, 'kink-safe'))];
  return all.flatMap((op) => fc.sample(op.samples('large'), { seed, numRuns: runs }).map((sample) => ({ op, sample })));
}

/** The words of an operation's value and of its gradients. */
export async function operationBits(device: Device, { op, sample }: OperationCase): Promise<Uint32Array[]> {
  const tensors = scope(() => {
    const inputs = sample.inputs.map((value) => toTensor(device, value));
    const y = op.run(inputs, sample.params);
    const wrt = op.order === 0 ? [] : (op.wrt ?? inputs.map((_, i) => i)).map((i) => inputs[i]!);
    // A cotangent that is not the same everywhere.
    const gradients = wrt.length > 0 ? grad(y, wrt, { cotangent: y, unused: 'zeros' }) : [];
    return [y, ...gradients] as readonly Tensor[];
  });
  const words = await Promise.all(tensors.map(async (t) => new Uint32Array((await t.data()).buffer)));
  for (const t of tensors) t.dispose();
  return words;
}
