/** @file Depthwise convolution of stride 1 with the kernels of separable and dilated convolutions, in tiles that share loads. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../../contract/shape.ts';
import type { Gpu, AdapterTraits } from '../../kernel.ts';
import { kernelOf, type Uniforms } from '../../runtime/shader.ts';
import { convDepthwiseFilter, convDepthwiseImage } from '../../shaders.gen.ts';
import { lanesFor, addLaneSums } from '../partial-sums.ts';

const TILE = 4;

/** The kernel's size in the shaders' entry points. */
type Variant = '3x3' | '5x5';

/** The variant for a geometry, or undefined where they do not cover the geometry. */
export function depthwiseVariant(traits: AdapterTraits, w: Shape, { stride, dilation, groups }: ConvGeometry): Variant | undefined {
  const [o, inputs, kh, kw] = w as readonly [number, number, number, number];
  const isDepthwise = groups === o && inputs === 1 && groups <= traits.maxWorkgroups;
  const isCovered = kh === kw && (kh === 3 || kh === 5) && dilation[0] === dilation[1];
  return isDepthwise && isCovered && stride[0] === 1 && stride[1] === 1 ? (kh === 3 ? '3x3' : '5x5') : undefined;
}

interface Images {
  /** Read with a halo. */
  readonly source: Shape;
  /** Cut into tiles. */
  readonly tiled: Shape;
  readonly top: number;
  readonly left: number;
  /** The dilation: how far the pixels of a tile lie apart. */
  readonly step: number;
}

/** The shaders' `struct Geometry` up to `reversed`, with lanes for a number of tiles. */
function geometryOf(images: Images, lanesOf: (tiles: number) => number): Uniforms<typeof convDepthwiseFilter> {
  const { source, tiled, top, left, step } = images;
  const [, , height, width] = source as readonly [number, number, number, number];
  const [n, channels, tileHeight, tileWidth] = tiled as readonly [number, number, number, number];
  const blocksY = Math.ceil(tileHeight / (TILE * step)) * step;
  const blocksX = Math.ceil(tileWidth / (TILE * step)) * step;
  const tiles = n * blocksY * blocksX;
  return { tiles, blocksY, blocksX, channels, lanes: lanesOf(tiles), height, width, tileHeight, tileWidth, top, left, step };
}

function launch(
  gpu: Gpu,
  variant: Variant,
  images: Images,
  isReversed: boolean,
  inputs: readonly Operand[],
  output: Operand,
): void {
  const geometry = geometryOf(images, (tiles) => tiles);
  const kernel = kernelOf(convDepthwiseImage, {
    entryPoint: `kernel${variant}`,
    uniforms: { ...geometry, reversed: Number(isReversed) },
    workgroups: [Math.ceil(geometry.tiles / 64), geometry.channels, 1],
  });
  gpu.launch(kernel, inputs, [output]);
}

/** y = conv2d(x, w). */
export function depthwiseForward(
  gpu: Gpu,
  variant: Variant,
  { padding, dilation }: ConvGeometry,
  x: Operand,
  w: Operand,
  y: Operand,
): void {
  launch(
    gpu,
    variant,
    { source: x.shape, tiled: y.shape, top: padding[0][0], left: padding[1][0], step: dilation[0] },
    false,
    [x, w],
    y,
  );
}

export function depthwiseInput(gpu: Gpu, variant: Variant, geometry: ConvGeometry, g: Operand, w: Operand, x: Operand): void {
  const reach = geometry.dilation[0] * (w.shape[2]! - 1);
  const images = {
    source: g.shape,
    tiled: x.shape,
    top: reach - geometry.padding[0][0],
    left: reach - geometry.padding[1][0],
    step: geometry.dilation[0],
  };
  launch(gpu, variant, images, true, [g, w], x);
}

/** dT/dw of conv2d(x, w). */
export function depthwiseFilter(
  gpu: Gpu,
  variant: Variant,
  { padding, dilation }: ConvGeometry,
  x: Operand,
  g: Operand,
  w: Operand,
): void {
  const channels = w.shape[0]!;
  const images = { source: x.shape, tiled: g.shape, top: padding[0][0], left: padding[1][0], step: dilation[0] };
  const uniforms = geometryOf(images, (tiles) => lanesFor(gpu.traits, tiles, channels, sizeOf(w.shape)));
  const { lanes } = uniforms;
  const kernel = kernelOf(convDepthwiseFilter, {
    entryPoint: `kernel${variant}`,
    uniforms,
    workgroups: [lanes / 64, channels, 1],
  });
  addLaneSums(gpu, lanes, w, (laneSums) => gpu.launch(kernel, [x, g], [laneSums]));
}
