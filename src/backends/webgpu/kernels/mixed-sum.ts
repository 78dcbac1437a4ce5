/** @file The weighted sum of a mixed operation on WebGPU: six tensors a dispatch, which is what eight bindings hold, or seven. */
import type { FusedRow, Operand, WgslKernel } from '../../../contract/backend.ts';
import { lanesFor, partialSumsKernel } from './partial-sums.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import { sizeOf } from '../../../contract/shape.ts';
import type { AdapterTraits, Gpu } from '../kernel.ts';
import { mixedSumSeven, mixedSumSix } from '../shaders.gen.ts';

/** Tensors that a dispatch takes: with z and the result, two bindings more. */
function slotsOf(traits: AdapterTraits): 6 | 7 {
  return traits.maxStorageBuffers > 8 ? 7 : 6;
}

const ELEMENTS_PER_GROUP = 512;

/** Elements that lanes may add in long rows. */
const LONG = 2 ** 16;

type EntryPoint = (typeof mixedSumSix | typeof mixedSumSeven)['entryPoints'][number];

interface Terms {
  readonly size: number;
  readonly first: number;
  readonly count: number;
  readonly carries?: boolean;
  readonly lanes?: number;
}

function kernel(traits: AdapterTraits, entryPoint: EntryPoint, terms: Terms): WgslKernel {
  const { size, first, count, carries = false, lanes = 0 } = terms;
  const seven = slotsOf(traits) === 7 && !/^scale[1236]$/.test(entryPoint);
  return kernelOf(seven ? mixedSumSeven : mixedSumSix, {
    entryPoint,
    uniforms: { size, first, count, carries: Number(carries), lanes },
    workgroups: lanes > 0 ? [lanes / 64, 1, 1] : foldedGrid(traits, size, ELEMENTS_PER_GROUP),
  });
}

/** An operand for each slot: those given, then the first again in the places that the kernel does not read. */
function filled(gpu: Gpu, xs: readonly Operand[]): Operand[] {
  return Array.from({ length: slotsOf(gpu.traits) }, (_, i) => xs[i] ?? xs[0]!);
}

function forward(gpu: Gpu, z: Operand, xs: readonly Operand[], y: Operand): void {
  const slots = slotsOf(gpu.traits);
  const size = sizeOf(y.shape);
  let sum: Operand | undefined;
  for (let first = 0; first < xs.length;) {
    const terms: Operand[] = sum ? [sum, ...xs.slice(first, first + slots - 1)] : xs.slice(0, slots);
    const launch = kernel(gpu.traits, 'sum', { size, first, count: terms.length, carries: sum !== undefined });
    first += terms.length - (sum ? 1 : 0);
    const into = first < xs.length ? gpu.temporary(y.shape) : y;
    gpu.launch(launch, [z, ...filled(gpu, terms)], [into]);
    sum = into;
  }
}

/** dz_k = <g, x_k> for each k, [k]. */
function products(gpu: Gpu, xs: readonly Operand[], g: Operand, dz: Operand): void {
  const slots = slotsOf(gpu.traits);
  const size = sizeOf(g.shape);
  // A long sum gets lanes by its elements.
  const lanes = lanesFor(gpu.traits, size > LONG ? size : Math.ceil(size / 8), 1, xs.length);
  const laneSums = gpu.temporary([xs.length, lanes]);
  for (let first = 0; first < xs.length; first += slots) {
    const terms = xs.slice(first, first + slots);
    gpu.launch(kernel(gpu.traits, 'dots', { size, first, count: terms.length, lanes }), [g, ...filled(gpu, terms)], [laneSums]);
  }
  gpu.launch(partialSumsKernel(gpu.traits, xs.length, lanes), [laneSums], [dz]);
}

/** dx_k = z_k g for each k. */
function scaled(gpu: Gpu, z: Operand, g: Operand, dxs: readonly Operand[]): void {
  const size = sizeOf(g.shape);
  for (let first = 0; first < dxs.length;) {
    const number = ([7, 6, 3, 2, 1] as const).find((n) => n <= Math.min(dxs.length - first, slotsOf(gpu.traits)))!;
    const launch = kernel(gpu.traits, `scale${number}`, { size, first, count: number });
    gpu.launch(launch, [z, g], dxs.slice(first, first + number));
    first += number;
  }
}

export function mixedSumRow(gpu: Gpu): FusedRow<object> {
  return {
    forward: (_params, [z, ...xs], [y]) => forward(gpu, z!, xs, y!),
    // One dispatch scales by several weights, so all terms get their gradient where any does.
    writes: ([z, ...terms]) => [z!, ...terms.map(() => terms.some(Boolean))],
    backward(_params, { inputs: [z, ...xs], g }, [dz, ...dxs]) {
      if (dz) products(gpu, xs, g, dz);
      const targets = dxs.filter((dx) => dx !== undefined);
      if (targets.length > 0) scaled(gpu, z!, g, targets);
    },
  };
}
