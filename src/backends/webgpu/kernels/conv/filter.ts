/** @file The filter gradient as an outer product in registers, for every geometry. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import { sizeOf } from '../../../../contract/shape.ts';
import { foldedGrid } from '../../runtime/grid.ts';
import { kernelOf } from '../../runtime/shader.ts';
import type { Gpu } from '../../kernel.ts';
import { convFilterGeneral, convFilter3x3, convFilterPointwise } from '../../shaders.gen.ts';
import { forwardPass, isPointwise } from './pass.ts';
import { addLaneSums, lanesFor, slicesFor } from '../partial-sums.ts';

/** Columns of the weight matrix that a lane takes. */
const COLUMNS = 8;

function rowsPerLane(outputs: number): number {
  return outputs > 8 ? 16 : outputs > 4 ? 8 : outputs > 1 ? 4 : 1;
}

interface ImageSizes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly outputChannels: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
}

function imagesOf(x: Operand, g: Operand): ImageSizes {
  const [, channels, height, width] = x.shape as readonly [number, number, number, number];
  const [, outputChannels, outputHeight, outputWidth] = g.shape as readonly [number, number, number, number];
  return { channels, height, width, outputChannels, outputHeight, outputWidth };
}

/** Every geometry: see shaders/conv/filter/general.wgsl. */
export function launchFilter(gpu: Gpu, geometry: ConvGeometry, x: Operand, g: Operand, w: Operand): boolean {
  const { stride, padding, dilation, groups } = geometry;
  const [o, inputs, kh, kw] = w.shape as readonly [number, number, number, number];
  const [n, , oh, ow] = g.shape as readonly [number, number, number, number];
  const outputs = o / groups;
  const rows = rowsPerLane(outputs);
  const rowBlocks = Math.ceil(outputs / rows);
  const columnBlocks = Math.ceil((inputs * kh * kw) / COLUMNS);
  const blocks = Math.ceil(oh / 4);
  const tiles = n * blocks * ow;
  if (rowBlocks * groups > gpu.traits.maxWorkgroups || columnBlocks > gpu.traits.maxWorkgroups) return false;
  const lanes = lanesFor(gpu.traits, tiles, rowBlocks * groups * columnBlocks, sizeOf(w.shape));
  const kernel = kernelOf(convFilterGeneral, {
    constants: { OUTPUTS: rows },
    uniforms: {
      ...{ tiles, blocks, lanes, rowBlocks, ...imagesOf(x, g), inputs, outputs, kh, kw },
      ...{ strideY: stride[0], strideX: stride[1], top: padding[0][0], left: padding[1][0] },
      ...{ dilationY: dilation[0], dilationX: dilation[1] },
    },
    workgroups: [lanes / 64, rowBlocks * groups, columnBlocks],
  });
  addLaneSums(gpu, lanes, w, (laneSums) => gpu.launch(kernel, [x, g], [laneSums]));
  return true;
}

/** Lanes that keep the adapter busy: a software one has few to fill. */
const LANES = { software: 2048, hardware: 16384 };

/** 3x3 of stride and dilation 1: a lane owns the taps of four outputs and an input, so that pixels are loaded once for nine taps. */
export function launchFilter3x3(gpu: Gpu, geometry: ConvGeometry, x: Operand, g: Operand, w: Operand): boolean {
  const { stride, padding, dilation, groups } = geometry;
  const [o, inputs, kh, kw] = w.shape as readonly [number, number, number, number];
  const isCovered = kh === 3 && kw === 3 && [...stride, ...dilation].every((v) => v === 1);
  const outputs = o / groups;
  // Fewer outputs would leave much of a lane's sums unused.
  if (!isCovered || outputs < 4) return false;
  const [n, , oh, ow] = g.shape as readonly [number, number, number, number];
  const rowBlocks = Math.ceil(outputs / 4);
  const pairs = groups * rowBlocks * inputs;
  const blocksY = Math.ceil(oh / 4);
  const blocksX = Math.ceil(ow / 4);
  const tiles = n * blocksY * blocksX;
  const busy = Math.ceil((gpu.traits.software ? LANES.software : LANES.hardware) / pairs);
  const slices = slicesFor(tiles, busy, sizeOf(w.shape));
  const kernel = kernelOf(convFilter3x3, {
    uniforms: {
      ...{ tiles, blocksY, blocksX, slices, rowBlocks, pairs, ...imagesOf(x, g), inputs, outputs },
      ...{ top: padding[0][0], left: padding[1][0] },
    },
    workgroups: foldedGrid(gpu.traits, pairs * slices, 64),
  });
  addLaneSums(gpu, slices, w, (laneSums) => gpu.launch(kernel, [x, g], [laneSums]));
  return true;
}

/** 1x1 of stride 1: pixels come as vec4s, and a lane's few sums stay in registers. Planes must be multiples of four pixels. */
export function launchFilterPointwise(gpu: Gpu, geometry: ConvGeometry, x: Operand, g: Operand, w: Operand): boolean {
  const { groups } = geometry;
  const [o, inputs] = w.shape as readonly [number, number, number, number];
  const [n, , oh, ow] = g.shape as readonly [number, number, number, number];
  const outputs = o / groups;
  if (!isPointwise(forwardPass(x.shape, w.shape, g.shape, geometry)) || (oh * ow) % 4 !== 0 || outputs === 1) return false;
  const block = outputs > 4 ? 8 : 4;
  const outputBlocks = Math.ceil(outputs / block);
  const inputBlocks = Math.ceil(inputs / 4);
  if (outputBlocks * groups > gpu.traits.maxWorkgroups || inputBlocks > gpu.traits.maxWorkgroups) return false;
  const quads = (oh * ow) / 4;
  const tiles = n * quads;
  const lanes = lanesFor(gpu.traits, tiles, outputBlocks * groups * inputBlocks, sizeOf(w.shape));
  const kernel = kernelOf(convFilterPointwise, {
    constants: { OUTPUTS: block },
    uniforms: { tiles, quads, lanes, outputBlocks, channels: x.shape[1]!, inputs, outputChannels: o, outputs },
    workgroups: [lanes / 64, outputBlocks * groups, inputBlocks],
  });
  addLaneSums(gpu, lanes, w, (laneSums) => gpu.launch(kernel, [x, g], [laneSums]));
  return true;
}
