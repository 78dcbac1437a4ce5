/**
 * @file Prints the bits of every operation's value and gradients on WebGPU as a digest a name, to compare two implementations of WebGPU
 * (Dawn in Node, wgpu in Deno) on one driver.
 */
import { createHash } from 'node:crypto';
import process from 'node:process';
import fc from 'fast-check';
import { type Device, enableGrad, grad, scope, type Tensor } from '../../../src/index.ts';
import { webgpu } from '../../../src/devices/webgpu.ts';
import { toTensor } from '../../../src/testing/arbitraries/values.ts';
import { type Operation, operations, type Sample } from '../../../src/testing/registry/index.ts';

export interface Bits {
  /** Of the operands: two runtimes may draw other ones, for their logarithms differ. */
  readonly inputs: string;
  readonly results: string;
}

const SEED = 20;
const CASES = 4;

async function bitsOf(op: Operation, device: Device): Promise<Bits> {
  const inputs = createHash('sha256');
  const results = createHash('sha256');
  for (const sample of fc.sample(op.samples('large'), { seed: SEED, numRuns: CASES })) {
    const tensors = valueAndGradients(op, sample, device, inputs);
    for (const t of tensors) results.update(bytes(await t.data()));
    for (const t of tensors) t.dispose();
  }
  return { inputs: inputs.digest('hex'), results: results.digest('hex') };
}

function valueAndGradients(op: Operation, sample: Sample, device: Device, digest: ReturnType<typeof createHash>): Tensor[] {
  const wrt = op.order === 0 ? [] : (op.wrt ?? sample.inputs.map((_, i) => i));
  for (const { values } of sample.inputs) digest.update(bytes(Float32Array.from(values)));
  return scope(() =>
    enableGrad(() => {
      const inputs = sample.inputs.map((value) => toTensor(device, value));
      const y = op.run(inputs, sample.params);
      if (wrt.length === 0) return [y];
      const cotangent = device.tensor(
        Float32Array.from({ length: y.size }, (_, i) => ((i * 37) % 17) / 8 - 1),
        y.shape,
      );
      const of = wrt.map((i) => inputs[i]!);
      return [y, ...grad(y, of, { cotangent, unused: 'zeros' })];
    }),
  );
}

function bytes(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

const device = await webgpu();
const found: Record<string, Bits> = {};
for (const op of operations) found[op.name] = await bitsOf(op, device);
process.stdout.write(`${JSON.stringify({ device: device.name, operations: found })}\n`);
device.destroy();
