/** @file Depthwise convolution of stride 1 with the kernels of separable and dilated convolutions, in tiles that share loads. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import type { Shape } from '../../../../contract/shape.ts';
import type { Gpu, GpuFacts } from '../../kernel.ts';
import { convDepthwiseImage, convDepthwiseFilter } from '../../shaders.gen.ts';
import { lanesFor, sumOfPartials } from '../partial-sums.ts';

const TILE = 4;

/** The kernel's size in the shaders' entry points (`3x3`), or undefined where they do not cover the geometry. */
export function depthwiseVariant(facts: GpuFacts, w: Shape, { stride, dilation, groups }: ConvGeometry): string | undefined {
  const [o, inputs, kh, kw] = w as readonly [number, number, number, number];
  const isDepthwise = groups === o && inputs === 1 && groups <= facts.maxWorkgroups;
  const isCovered = kh === kw && (kh === 3 || kh === 5) && dilation[0] === dilation[1];
  return isDepthwise && isCovered && stride[0] === 1 && stride[1] === 1 ? `${kh}x${kh}` : undefined;
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

function words({ source, tiled, top, left, step }: Images, lanes: (tiles: number) => number): number[] {
  const [n, c, height, width] = tiled as readonly [number, number, number, number];
  const blocksY = Math.ceil(height / (TILE * step)) * step;
  const blocksX = Math.ceil(width / (TILE * step)) * step;
  const tiles = n * blocksY * blocksX;
  return [tiles, blocksY, blocksX, c, lanes(tiles), source[2]!, source[3]!, height, width, top, left, step];
}

function launch(gpu: Gpu, variant: string, images: Images, reversed: boolean, inputs: readonly Operand[], output: Operand): void {
  const uniforms = words(images, (tiles) => tiles);
  gpu.launch(
    {
      kind: 'wgsl',
      name: `conv2d depthwise ${variant}`,
      code: convDepthwiseImage.code,
      entryPoint: `kernel${variant}`,
      uniforms: [...uniforms, reversed ? 1 : 0],
      workgroups: [Math.ceil(uniforms[0]! / 64), images.tiled[1]!, 1],
    },
    inputs,
    [output],
  );
}

/** y = conv2d(x, w). */
export function depthwiseForward(
  gpu: Gpu,
  variant: string,
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

export function depthwiseInput(gpu: Gpu, variant: string, geometry: ConvGeometry, g: Operand, w: Operand, x: Operand): void {
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
  variant: string,
  { padding, dilation }: ConvGeometry,
  x: Operand,
  g: Operand,
  w: Operand,
): void {
  const channels = w.shape[0]!;
  const images = { source: x.shape, tiled: g.shape, top: padding[0][0], left: padding[1][0], step: dilation[0] };
  const uniforms = words(images, (tiles) => lanesFor(gpu.facts, tiles, channels));
  const lanes = uniforms[4]!;
  sumOfPartials(gpu, lanes, w, (partials) =>
    gpu.launch(
      {
        kind: 'wgsl',
        name: `conv2dFilter depthwise ${variant}`,
        code: convDepthwiseFilter.code,
        entryPoint: `kernel${variant}`,
        uniforms,
        workgroups: [lanes / 64, channels, 1],
      },
      [x, g],
      [partials],
    ),
  );
}
