/** @file The operations that literals name: shapes, values against plain loops, gradients against differences. */
import { describe, expect, it } from 'vitest';
import { cpu, foldIn, key, normals, scope, type Tensor } from '../../../../src/index.ts';
import { BatchNorm2d, Conv2d } from '../../../../src/nn/index.ts';
import { type ChildOperation, operation, OPERATIONS, OTHER_OPERATIONS } from '../../../../src/snas/index.ts';
import { checkGrads } from '../../../../src/testing/index.ts';

const device = cpu({ dtype: 'float64' });

/** [c][h][w]. */
type Image = readonly (readonly (readonly number[])[])[];

const map = (images: readonly Image[], f: (v: number) => number): Image[] =>
  images.map((image) => image.map((plane) => plane.map((row) => row.map(f))));

interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: number;
}

/** For each output pixel the values that its window sees, with their place in the kernel; zeros of the padding are left out. */
function windows<T>(
  plane: readonly (readonly number[])[],
  { kernel, stride, dilation }: Window,
  reduce: (seen: [number, number][]) => T,
): T[][] {
  const [h, w] = [plane.length, plane[0]!.length];
  const before = kernel.map((k) => (dilation * (k - 1)) / 2) as [number, number];
  return Array.from({ length: Math.ceil(h / stride[0]) }, (_, p) =>
    Array.from({ length: Math.ceil(w / stride[1]) }, (_q, q) => {
      const seen: [number, number][] = [];
      for (let i = 0; i < kernel[0]; i++) {
        for (let j = 0; j < kernel[1]; j++) {
          const value = plane[p * stride[0] - before[0] + i * dilation]?.[q * stride[1] - before[1] + j * dilation];
          if (value !== undefined) seen.push([i * kernel[1] + j, value]);
        }
      }
      return reduce(seen);
    }),
  );
}

const plus = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[][] =>
  a.map((row, y) => row.map((v, x) => v + b[y]![x]!));

/** One filter a channel, or all channels into each output channel. */
function convolve(images: readonly Image[], weight: readonly number[], window: Window, depthwise: boolean): Image[] {
  const taps = window.kernel[0] * window.kernel[1];
  const c = images[0]!.length;
  const at = (image: Image, input: number, from: number): number[][] =>
    windows(image[input]!, window, (seen) => seen.reduce((sum, [tap, v]) => sum + v * weight[from + tap]!, 0));
  return images.map((image) =>
    image.map((_, o) =>
      depthwise ? at(image, o, o * taps) : image.map((_plane, i) => at(image, i, (o * c + i) * taps)).reduce((a, b) => plus(a, b)),
    ),
  );
}

function normalised(images: readonly Image[]): Image[] {
  const c = images[0]!.length;
  const statistics = Array.from({ length: c }, (_, k) => {
    const all = images.flatMap((image) => image[k]!.flat());
    const mean = all.reduce((a, b) => a + b) / all.length;
    return { mean, deviation: Math.sqrt(all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length + 1e-5) };
  });
  return images.map((image) =>
    image.map((plane, k) => plane.map((row) => row.map((v) => (v - statistics[k]!.mean) / statistics[k]!.deviation))),
  );
}

const relu = (images: readonly Image[]): Image[] => map(images, (v) => Math.max(0, v));

/** What an operation means, from the weights in the order of its layers. */
function meaning(name: ChildOperation, images: readonly Image[], weights: readonly (readonly number[])[], stride: number): Image[] {
  const side = Number(name.at(-1));
  const square = (s = stride, dilation = 1): Window => ({ kernel: [side, side], stride: [s, s], dilation });
  const point: Window = { kernel: [1, 1], stride: [1, 1], dilation: 1 };
  const separable = (x: readonly Image[], first: number, s: number, dilation: number): Image[] =>
    normalised(convolve(convolve(relu(x), weights[first]!, square(s, dilation), true), weights[first + 1]!, point, false));
  const [, kind] = /^(max_pool|avg_pool|sep_conv|dil_sep_conv|dil_conv|nor_conv|conv_\dx1|conv)_/.exec(name)!;
  switch (kind) {
    case 'max_pool':
      return normalised(
        images.map((image) => image.map((p) => windows(p, square(), (seen) => Math.max(...seen.map(([, v]) => v))))),
      );
    case 'avg_pool':
      return normalised(
        images.map((image) =>
          image.map((p) => windows(p, square(), (seen) => seen.reduce((sum, [, v]) => sum + v, 0) / seen.length)),
        ),
      );
    case 'sep_conv':
      return separable(separable(images, 0, stride, 1), 2, 1, 1);
    case 'dil_sep_conv':
      return separable(separable(images, 0, stride, 2), 2, 1, 2);
    case 'dil_conv':
      return separable(images, 0, stride, 2);
    case 'conv':
    case 'nor_conv':
      return normalised(convolve(relu(images), weights[0]!, square(), false));
    default: {
      const row = convolve(relu(images), weights[0]!, { kernel: [1, side], stride: [1, stride], dilation: 1 }, false);
      return normalised(convolve(row, weights[1]!, { kernel: [side, 1], stride: [stride, 1], dilation: 1 }, false));
    }
  }
}

const SHAPE = [2, 3, 8, 7] as const;
const values = Array.from(normals(key(5), 2 * 3 * 8 * 7));
const images: Image[] = Array.from({ length: 2 }, (_, n) =>
  Array.from({ length: 3 }, (_c, c) =>
    Array.from({ length: 8 }, (_y, y) => Array.from({ length: 7 }, (_x, x) => values[((n * 3 + c) * 8 + y) * 7 + x]!)),
  ),
);

const named = [...OPERATIONS.filter((name) => name !== 'none' && name !== 'skip_connect'), ...OTHER_OPERATIONS];

describe('an operation of a literal is what plain loops say, on sides even and odd', () => {
  for (const name of named) {
    it.each([1, 2] as const)(`${name}, stride %i`, async (stride) => {
      const layer = operation(device, key(7), name, 3, stride, false)!;
      const weights = await Promise.all(layer.parameters().map(async (w) => [...(await w.data())]));
      const y = scope(() => layer.forward(device.tensor(values, SHAPE)));
      expect(y.shape).toEqual([2, 3, 8 / stride, Math.ceil(7 / stride)]);
      const expected = meaning(name, images, weights, stride).flat(3);
      (await y.data()).forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-11));
      y.dispose();
    });
  }
});

describe('its gradient, in image and weights, is that of differences', () => {
  for (const name of OTHER_OPERATIONS) {
    it.each([1, 2] as const)(`${name}, stride %i`, async (stride) => {
      const layer = operation(device, key(8), name, 2, stride, true)!;
      const norms = [...layer.modules()].filter((m) => m instanceof BatchNorm2d);
      for (const norm of norms) norm.trackRunning = false;
      const convolutions = [...layer.modules()].filter((m) => m instanceof Conv2d);
      const x = device.parameter(normals(foldIn(key(9), stride), 2 * 2 * 5 * 4), [2, 2, 5, 4]);
      const forward = (image: Tensor, ...weights: Tensor[]): Tensor => {
        for (const [i, conv] of convolutions.entries()) Object.assign(conv, { weight: weights[i] });
        return layer.forward(image);
      };
      await checkGrads(forward, [x, ...convolutions.map((conv) => conv.weight)], { name, order: 2 });
    });
  }
});
