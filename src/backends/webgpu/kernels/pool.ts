/** @file Maximum and average pool on WebGPU: several outputs a lane, so that loads are shared; gradients are gathered. */
import { f32Bits, type PoolGeometry, type WgslKernel } from '../../../contract/backend.ts';
import type { FusedKernel } from '../../../core/fused.ts';
import type { Shape } from '../../../contract/shape.ts';
import { windowOutput } from '../../../contract/window.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { GpuFacts } from '../kernel.ts';
import { poolAverage, poolMaximum, poolMaximumGradient } from '../shaders.gen.ts';

/** Rows that a lane takes, and columns too where the window is 3x3 with stride 1. */
const TILE = 4;

interface Planes {
  readonly x: Shape;
  readonly y: Shape;
}

function planes(x: Shape, geometry: PoolGeometry): Planes {
  const [n, c, h, w] = x as readonly [number, number, number, number];
  const { kernel } = geometry;
  return { x, y: [n, c, windowOutput('pool', geometry, 0, h, kernel[0]), windowOutput('pool', geometry, 1, w, kernel[1])] };
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

export function maxPoolKernel(facts: GpuFacts): FusedKernel<PoolGeometry> {
  return {
    forward([x], geometry, recorded) {
      if (x!.size === 0) return undefined;
      const p = planes(x!.shape, geometry);
      const entry = isDense3(geometry) ? 'dense3' : 'general';
      const constants = {
        ...windowConstants(geometry),
        INDEXED: Number(recorded),
        ...(entry === 'dense3' && { DENSE_ROWS: denseRows(facts) }),
      };
      const launch = kernel(facts, 'maxPool2d', poolMaximum.code, entry, p.y, windowWords(p, geometry), constants);
      const [y, index] = x!.device.launch(launch, [x!], [p.y, recorded ? p.y : [1]]);
      if (recorded) return { output: y!, saved: [index!] };
      index!.dispose();
      return { output: y! };
    },
    backward({ inputs: [x], saved: [index], params }, g) {
      const { y } = planes(x!.shape, params);
      const [h, w] = [x!.shape[2]!, x!.shape[3]!];
      const words = [
        h,
        w,
        y[2]!,
        y[3]!,
        ...params.stride,
        params.padding[0][0],
        params.padding[1][0],
        reach(params, 0),
        reach(params, 1),
      ];
      const entry = isDense3(params) ? 'dense3' : 'general';
      return x!.device.launch(
        kernel(facts, 'maxPool2d gradient', poolMaximumGradient.code, entry, x!.shape, words, windowConstants(params)),
        [g, index!],
        [x!.shape],
      );
    },
  };
}

export function avgPoolKernel(facts: GpuFacts): FusedKernel<PoolGeometry> {
  return {
    forward([x], geometry) {
      if (x!.size === 0) return undefined;
      const p = planes(x!.shape, geometry);
      const entry = isDense3(geometry) ? 'dense3' : 'general';
      const constants = { ...windowConstants(geometry), ...(entry === 'dense3' && { DENSE_ROWS: denseRows(facts) }) };
      const launch = kernel(facts, 'avgPool2d', poolAverage.code, entry, p.y, windowWords(p, geometry), constants);
      const [y] = x!.device.launch(launch, [x!], [p.y]);
      return { output: y! };
    },
    backward({ inputs: [x], params }, g) {
      const p = planes(x!.shape, params);
      const entry = isDense3(params) ? 'dense3Gradient' : 'generalGradient';
      const launch = kernel(facts, 'avgPool2d', poolAverage.code, entry, x!.shape, windowWords(p, params), windowConstants(params));
      return x!.device.launch(launch, [g], [x!.shape]);
    },
  };
}
