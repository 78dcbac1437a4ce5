/** @file The three partials of convolution as sums over taps: what is read, where the weights lie, and where the output goes. */
import type { ConvGeometry } from '../../../../contract/backend.ts';
import type { Tap, TapGeometry } from './taps.ts';

export type Quad = readonly [number, number, number, number];

/** A sum over taps for all items (groups of images), and how weights and outputs lie. Steps are in elements. */
export interface ConvolveSpec extends TapGeometry {
  readonly items: number;
  readonly groups: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly weight: { readonly group: number; readonly output: number; readonly input: number };
  readonly out: {
    readonly offset: number;
    readonly item: number;
    readonly plane: number;
    readonly pitch: number;
    readonly step: number;
  };
}

/** The filter's form: [outputs, inputs x taps] for each group, summed over images. */
export interface CorrelateSpec extends TapGeometry {
  readonly items: number;
  readonly groups: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** The forward partial; with the cotangent in the weight's place also the filter's. */
export function forwardSpec(geometry: ConvGeometry, x: Quad, w: Quad, y: Quad): ConvolveSpec {
  const { stride, padding, dilation, groups } = geometry;
  const [outputs, inputs, kh, kw] = w;
  const taps: Tap[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      taps.push({ row: i * dilation[0] - padding[0][0], column: j * dilation[1] - padding[1][0], weight: i * kw + j });
    }
  }
  const perGroup = outputs / groups;
  const plane = y[2] * y[3];
  return {
    taps,
    stride,
    height: x[2],
    width: x[3],
    rows: y[2],
    columns: y[3],
    items: x[0] * groups,
    groups,
    inputs,
    outputs: perGroup,
    weight: { group: perGroup * inputs * kh * kw, output: inputs * kh * kw, input: kh * kw },
    out: { offset: 0, item: perGroup * plane, plane, pitch: y[3], step: 1 },
  };
}

/** The input partial: for each phase of the stride, pixels a + s u read the cotangent at u + (a + padding - i dilation) / s. */
export function inputSpecs(geometry: ConvGeometry, x: Quad, w: Quad, g: Quad): ConvolveSpec[] {
  const { stride, padding, dilation, groups } = geometry;
  const [outputs, inputs, kh, kw] = w;
  const [, , height, width] = x;
  const perGroup = outputs / groups;
  const specs: ConvolveSpec[] = [];
  const reached = (axis: 0 | 1, phase: number, k: number): { index: number; step: number }[] =>
    Array.from({ length: k }, (_, index) => ({
      index,
      step: (phase + padding[axis][0] - index * dilation[axis]) / stride[axis],
    })).filter(({ step }) => Number.isInteger(step));
  for (let a = 0; a < Math.min(stride[0], height); a++) {
    const rows = reached(0, a, kh);
    for (let b = 0; b < Math.min(stride[1], width); b++) {
      const columns = reached(1, b, kw);
      if (rows.length === 0 || columns.length === 0) continue;
      specs.push({
        taps: rows.flatMap((r) => columns.map((c) => ({ row: r.step, column: c.step, weight: r.index * kw + c.index }))),
        stride: [1, 1],
        height: g[2],
        width: g[3],
        rows: Math.ceil((height - a) / stride[0]),
        columns: Math.ceil((width - b) / stride[1]),
        items: x[0] * groups,
        groups,
        inputs: perGroup,
        outputs: inputs,
        weight: { group: perGroup * inputs * kh * kw, output: kh * kw, input: inputs * kh * kw },
        out: {
          offset: a * width + b,
          item: inputs * height * width,
          plane: height * width,
          pitch: stride[0] * width,
          step: stride[1],
        },
      });
    }
  }
  return specs;
}
