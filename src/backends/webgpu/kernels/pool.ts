/** @file Maximum and average pool on WebGPU: several outputs a lane, so that loads are shared; gradients are gathered. */
import type { FusedRow, PoolGeometry } from '../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../contract/shape.ts';
import { pooledShape } from '../../../contract/window.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf, type Uniforms } from '../runtime/shader.ts';
import type { AdapterTraits, Gpu, WebGpuKernel } from '../kernel.ts';
import { poolAverage, poolMaximum, poolMaximumGradient, poolMaximumIndices } from '../shaders.gen.ts';

/** Rows that a lane takes, and columns too where the window is 3x3 with stride 1. */
const TILE = 4;

/** A 3x3 window of stride and dilation 1, whose rows share loads. */
function isDense3({ kernel, stride, dilation }: PoolGeometry): boolean {
  return [...kernel].every((v) => v === 3) && [...stride, ...dilation].every((v) => v === 1);
}

/** Rows that a lane of the forward dense3 takes: it loads two more. Tall on a processor, where loads cost more than idle lanes. */
function denseRows(traits: AdapterTraits): number {
  return traits.software ? 16 : TILE;
}

/** WINDOW and STRIDE of a window that the shaders have as constants, or zeros: few enough that each is compiled in a moment. */
function windowConstants({ kernel: k, stride, dilation }: PoolGeometry): { readonly WINDOW: number; readonly STRIDE: number } {
  const square = k[0] === k[1] && stride[0] === stride[1] && dilation[0] === 1 && dilation[1] === 1;
  const usual = square && k[0] >= 2 && k[0] <= 3 && stride[0] <= 2;
  return usual ? { WINDOW: k[0], STRIDE: stride[0] } : { WINDOW: 0, STRIDE: 0 };
}

/** How lanes take tiles of images [n, c, rows, columns], and how many there are. */
function lanesOver(images: Shape, isDense: boolean, rowsPerLane = TILE): { blocksY: number; blocksX: number; size: number } {
  const [n, c, rows, columns] = images as readonly [number, number, number, number];
  const blocksY = Math.ceil(rows / rowsPerLane);
  const blocksX = isDense ? Math.ceil(columns / TILE) : columns;
  return { blocksY, blocksX, size: n * c * blocksY * blocksX };
}

/** The window's geometry as the shaders' uniforms name it. */
function windowUniforms(x: Shape, y: Shape, { kernel, stride, padding, dilation }: PoolGeometry): WindowUniforms {
  const [, , h, w] = x as readonly [number, number, number, number];
  const [, , oh, ow] = y as readonly [number, number, number, number];
  const [[top], [left]] = padding;
  const [[kh, kw], [sy, sx], [dy, dx]] = [kernel, stride, dilation];
  return { h, w, oh, ow, kh, kw, sy, sx, top, left, dy, dx };
}

type WindowUniforms = Omit<Uniforms<typeof poolMaximumIndices>, 'size'>;

/** How many windows along an axis can hold one pixel. */
function reach({ kernel: k, stride, dilation }: PoolGeometry, axis: 0 | 1): number {
  return Math.floor(((k[axis] - 1) * dilation[axis]) / stride[axis]) + 1;
}

export function maxPoolRow(gpu: Gpu): FusedRow<PoolGeometry> {
  const { traits } = gpu;
  return {
    /** Each window's first maximum. Where no gradient can be asked for, one element stands for all of them. */
    saved: (geometry, [x]) => [pooledShape('pool', x!, geometry)],
    forward(geometry, [x], [y], saved) {
      const isDense = isDense3(geometry);
      const lanes = lanesOver(y!.shape, isDense, isDense ? denseRows(traits) : TILE);
      const kernel = kernelOf(poolMaximum, {
        entryPoint: isDense ? 'dense3' : 'general',
        constants: {
          ...windowConstants(geometry),
          INDEXED: saved.length,
          ...(isDense && { DENSE_ROWS: denseRows(traits) }),
        },
        uniforms: { ...windowUniforms(x!.shape, y!.shape, geometry), ...lanes, lowest: -Infinity },
        workgroups: foldedGrid(traits, lanes.size, 64),
      });
      gpu.launch(kernel, [x!], [y!, saved[0] ?? gpu.temporary([1])]);
    },
    backward(geometry, { inputs: [x], outputs: [y], saved: [index], g }, [dx]) {
      const { h, w, oh, ow, sy, sx, top, left } = windowUniforms(x!.shape, y!.shape, geometry);
      const isDense = isDense3(geometry);
      const lanes = lanesOver(x!.shape, isDense);
      const kernel = kernelOf(poolMaximumGradient, {
        entryPoint: isDense ? 'dense3' : 'general',
        constants: windowConstants(geometry),
        uniforms: { h, w, oh, ow, sy, sx, top, left, reachY: reach(geometry, 0), reachX: reach(geometry, 1), ...lanes },
        workgroups: foldedGrid(traits, lanes.size, 64),
      });
      gpu.launch(kernel, [g, index!], [dx!]);
    },
  };
}

export function avgPoolRow(gpu: Gpu): FusedRow<PoolGeometry> {
  const { traits } = gpu;
  return {
    forward(geometry, [x], [y]) {
      const isDense = isDense3(geometry);
      const lanes = lanesOver(y!.shape, isDense, isDense ? denseRows(traits) : TILE);
      const kernel = kernelOf(poolAverage, {
        entryPoint: isDense ? 'dense3' : 'general',
        constants: { ...windowConstants(geometry), ...(isDense && { DENSE_ROWS: denseRows(traits) }) },
        uniforms: { ...windowUniforms(x!.shape, y!.shape, geometry), ...lanes },
        workgroups: foldedGrid(traits, lanes.size, 64),
      });
      gpu.launch(kernel, [x!], [y!]);
    },
    backward(geometry, { inputs: [x], outputs: [y], g }, [dx]) {
      const isDense = isDense3(geometry);
      const lanes = lanesOver(x!.shape, isDense);
      const kernel = kernelOf(poolAverage, {
        entryPoint: isDense ? 'dense3Gradient' : 'generalGradient',
        constants: windowConstants(geometry),
        uniforms: { ...windowUniforms(x!.shape, y!.shape, geometry), ...lanes },
        workgroups: foldedGrid(traits, lanes.size, 64),
      });
      gpu.launch(kernel, [g], [dx!]);
    },
  };
}

export const maxPoolIndices: WebGpuKernel<PoolGeometry> = (gpu, geometry, [x], [y]) => {
  const size = sizeOf(y!.shape);
  const uniforms = { ...windowUniforms(x!.shape, y!.shape, geometry), size };
  gpu.launch(kernelOf(poolMaximumIndices, { uniforms, workgroups: foldedGrid(gpu.traits, size, 64) }), [x!], [y!]);
};
