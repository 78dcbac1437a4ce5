/** @file Maximum and average pool on WebGPU: several outputs a lane, so that loads are shared; gradients are gathered. */
import { f32Bits, type FusedRow, type PoolGeometry, type WgslKernel } from '../../../contract/backend.ts';
import type { Shape } from '../../../contract/shape.ts';
import { pooledShape } from '../../../contract/window.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { Gpu, GpuFacts } from '../kernel.ts';
import { avgPool, maxPool, maxPoolGradient } from '../shaders.gen.ts';

/** Rows that a lane takes, and columns too where the window is 3x3 with stride 1. */
const TILE = 4;

interface Planes {
  readonly x: Shape;
  readonly y: Shape;
}

/** A 3x3 window of stride and dilation 1, whose rows share loads. */
function isDense3({ kernel, stride, dilation }: PoolGeometry): boolean {
  return [...kernel].every((v) => v === 3) && [...stride, ...dilation].every((v) => v === 1);
}

/** Rows that a lane of the forward dense3 takes: it loads two more. Tall on a processor, where loads cost more than idle lanes. */
function denseRows(facts: GpuFacts): number {
  return facts.software ? 16 : TILE;
}

/** WINDOW and STRIDE of a window that the shaders have as constants, or zeros: few enough that each is compiled in a moment. */
function windowConstants({ kernel: k, stride, dilation }: PoolGeometry): { readonly WINDOW: number; readonly STRIDE: number } {
  const square = k[0] === k[1] && stride[0] === stride[1] && dilation[0] === 1 && dilation[1] === 1;
  const usual = square && k[0] >= 2 && k[0] <= 3 && stride[0] <= 2;
  return usual ? { WINDOW: k[0], STRIDE: stride[0] } : { WINDOW: 0, STRIDE: 0 };
}

/** A kernel whose lanes take tiles of the planes of `over`. `words` are the shader's uniforms up to `blocksY`. */
function kernel(
  facts: GpuFacts,
  name: string,
  code: string,
  entryPoint: string,
  over: Shape,
  words: readonly number[],
  constants: Readonly<Record<string, number>>,
): WgslKernel {
  const [n, c, rows, columns] = over as readonly [number, number, number, number];
  const blocksY = Math.ceil(rows / (constants['DENSE_ROWS'] ?? TILE));
  const blocksX = entryPoint.startsWith('dense3') ? Math.ceil(columns / TILE) : columns;
  const size = n * c * blocksY * blocksX;
  return {
    kind: 'wgsl',
    name: `${name} ${entryPoint}`,
    code,
    entryPoint,
    constants,
    uniforms: [...words, blocksY, blocksX, size, f32Bits(-Infinity)],
    workgroups: foldedGrid(facts, size, 64),
  };
}

function windowWords({ x, y }: Planes, { kernel: k, stride, padding, dilation }: PoolGeometry): number[] {
  return [x[2]!, x[3]!, y[2]!, y[3]!, ...k, ...stride, padding[0][0], padding[1][0], ...dilation];
}

/** How many windows along an axis can hold one pixel. */
function reach({ kernel: k, stride, dilation }: PoolGeometry, axis: 0 | 1): number {
  return Math.floor(((k[axis] - 1) * dilation[axis]) / stride[axis]) + 1;
}

export function maxPoolRow(gpu: Gpu): FusedRow<PoolGeometry> {
  const { facts } = gpu;
  return {
    /** Each window's first maximum. Where no gradient can be asked for, one element stands for all of them. */
    saved: (geometry, [x]) => [pooledShape('pool', x!, geometry)],
    forward(geometry, [x], [y], saved) {
      const entry = isDense3(geometry) ? 'dense3' : 'general';
      const constants = {
        ...windowConstants(geometry),
        INDEXED: saved.length,
        ...(entry === 'dense3' && { DENSE_ROWS: denseRows(facts) }),
      };
      const words = windowWords({ x: x!.shape, y: y!.shape }, geometry);
      gpu.launch(
        kernel(facts, 'maxPool2d', maxPool, entry, y!.shape, words, constants),
        [x!],
        [y!, saved[0] ?? gpu.temporary([1])],
      );
    },
    backward(geometry, { inputs: [x], outputs: [y], saved: [index], g }, [dx]) {
      const { stride, padding } = geometry;
      const words = [
        x!.shape[2]!,
        x!.shape[3]!,
        y!.shape[2]!,
        y!.shape[3]!,
        ...stride,
        padding[0][0],
        padding[1][0],
        reach(geometry, 0),
        reach(geometry, 1),
      ];
      const entry = isDense3(geometry) ? 'dense3' : 'general';
      const constants = windowConstants(geometry);
      gpu.launch(kernel(facts, 'maxPool2d gradient', maxPoolGradient, entry, x!.shape, words, constants), [g, index!], [dx!]);
    },
  };
}

export function avgPoolRow(gpu: Gpu): FusedRow<PoolGeometry> {
  const { facts } = gpu;
  return {
    forward(geometry, [x], [y]) {
      const entry = isDense3(geometry) ? 'dense3' : 'general';
      const constants = { ...windowConstants(geometry), ...(entry === 'dense3' && { DENSE_ROWS: denseRows(facts) }) };
      const words = windowWords({ x: x!.shape, y: y!.shape }, geometry);
      gpu.launch(kernel(facts, 'avgPool2d', avgPool, entry, y!.shape, words, constants), [x!], [y!]);
    },
    backward(geometry, { inputs: [x], outputs: [y], g }, [dx]) {
      const entry = isDense3(geometry) ? 'dense3Gradient' : 'generalGradient';
      const words = windowWords({ x: x!.shape, y: y!.shape }, geometry);
      gpu.launch(kernel(facts, 'avgPool2d', avgPool, entry, x!.shape, words, windowConstants(geometry)), [g], [dx!]);
    },
  };
}
