/** @file The weighted sum of a mixed operation on WebGPU: six tensors a dispatch, which is what eight bindings hold, or seven. */
import type { WgslKernel } from '../../../contract/backend.ts';
import type { FusedKernel } from '../../../core/fused.ts';
import type { Tensor } from '../../../core/tensor.ts';
import { lanesFor, partialSumsKernel } from './partial-sums.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { GpuFacts } from '../kernel.ts';
import { mixedSumSix, mixedSumSeven } from '../shaders.gen.ts';

/** Tensors that a dispatch takes: with z and the result, two bindings more. */
function slotsOf(facts: GpuFacts): 6 | 7 {
  return facts.maxStorageBuffers > 8 ? 7 : 6;
}

const ELEMENTS_PER_GROUP = 512;

interface Terms {
  readonly size: number;
  readonly first: number;
  readonly count: number;
  readonly carries?: boolean;
  readonly lanes?: number;
}

function kernel(facts: GpuFacts, entryPoint: string, { size, first, count, carries = false, lanes = 0 }: Terms): WgslKernel {
  const seven = slotsOf(facts) === 7 && !/^scale[1236]$/.test(entryPoint);
  return {
    kind: 'wgsl',
    name: `mixedSum ${seven ? 'of seven ' : ''}${entryPoint}`,
    code: seven ? mixedSumSeven.code : mixedSumSix.code,
    entryPoint,
    uniforms: [size, first, count, carries ? 1 : 0, lanes],
    workgroups: lanes > 0 ? [lanes / 64, 1, 1] : foldedGrid(facts, size, ELEMENTS_PER_GROUP),
  };
}

/** A tensor for each slot: those given, then the first again in the places that the kernel does not read. */
function filled(facts: GpuFacts, xs: readonly Tensor[]): Tensor[] {
  return Array.from({ length: slotsOf(facts) }, (_, i) => xs[i] ?? xs[0]!);
}

function forward(facts: GpuFacts, z: Tensor, xs: readonly Tensor[]): Tensor {
  const { device } = z;
  const slots = slotsOf(facts);
  let sum: Tensor | undefined;
  for (let first = 0; first < xs.length;) {
    const terms: Tensor[] = sum ? [sum, ...xs.slice(first, first + slots - 1)] : xs.slice(0, slots);
    const launch = kernel(facts, 'sum', { size: xs[0]!.size, first, count: terms.length, carries: sum !== undefined });
    const [y] = device.launch(launch, [z, ...filled(facts, terms)], [xs[0]!.shape]);
    first += terms.length - (sum ? 1 : 0);
    sum?.dispose();
    sum = y!;
  }
  return sum!;
}

/** <g, x_k> for each k, [k]. */
function products(facts: GpuFacts, xs: readonly Tensor[], g: Tensor): Tensor {
  const { device } = g;
  const slots = slotsOf(facts);
  const lanes = lanesFor(facts, Math.ceil(g.size / 8), 1);
  let partials: Tensor | undefined;
  for (let first = 0; first < xs.length; first += slots) {
    const terms = xs.slice(first, first + slots);
    const launch = kernel(facts, 'dots', { size: g.size, first, count: terms.length, lanes });
    const inputs = [g, ...filled(facts, terms)];
    if (partials) device.launch(launch, inputs, [], [partials]);
    else [partials] = device.launch(launch, inputs, [[xs.length, lanes]]);
  }
  return device.launch(partialSumsKernel(facts, xs.length, lanes), [partials!], [[xs.length]])[0]!;
}

/** z_k g for each k. */
function scaled(facts: GpuFacts, z: Tensor, g: Tensor, count: number): Tensor[] {
  const made: Tensor[] = [];
  while (made.length < count) {
    const number = [7, 6, 3, 2, 1].find((n) => n <= Math.min(count - made.length, slotsOf(facts)))!;
    const launch = kernel(facts, `scale${number}`, { size: g.size, first: made.length, count: number });
    made.push(
      ...z.device.launch(
        launch,
        [z, g],
        Array.from({ length: number }, () => g.shape),
      ),
    );
  }
  return made;
}

export function mixedSumKernel(facts: GpuFacts): FusedKernel<unknown> {
  return {
    forward: ([z, ...xs]) => (xs[0]!.size === 0 ? undefined : { output: forward(facts, z!, xs) }),
    backward({ inputs: [z, ...xs], needs }, g) {
      const dz = needs[0] ? products(facts, xs, g) : undefined;
      const dxs = needs.slice(1).some(Boolean) ? scaled(facts, z!, g, xs.length) : [];
      return [dz, ...xs.map((_, i) => dxs[i])];
    },
  };
}
