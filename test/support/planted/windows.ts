/** @file Planted wrong rules for convolution and pools. */
import {
  add,
  avgPool2d,
  broadcastTo,
  concat,
  conv2d,
  conv2dFilter,
  conv2dInput,
  detach,
  div,
  flip,
  globalAvgPool2d,
  maxPool2d,
  mul,
  pad,
  permute,
  put,
  reshape,
  slice,
  sum,
  type Tensor,
} from '../../../src/index.ts';
import { maxPoolIndices } from '../../../src/core/pool.ts';
import type { Convolution, Pooling } from '../../../src/testing/properties/index.ts';
import { plant, type PlantedRule } from './rule.ts';

/** A convolution whose gradient in x is wrong, and one whose gradient in the weight is. */
function wrongInput(wrong: string, gradient: (g: Tensor, x: Tensor, w: Tensor, c: Convolution) => Tensor): PlantedRule {
  return plant(
    'conv2d',
    wrong,
    ([x, w], c: Convolution) => conv2d(x!, w!, c.options),
    (g, { inputs: [x, w], params: c }) => [gradient(g, x!, w!, c), conv2dFilter(x!, g, w!.shape, c.options)],
  );
}

function wrongFilter(wrong: string, gradient: (g: Tensor, x: Tensor, w: Tensor, c: Convolution) => Tensor): PlantedRule {
  return plant(
    'conv2d',
    wrong,
    ([x, w], c: Convolution) => conv2d(x!, w!, c.options),
    (g, { inputs: [x, w], params: c }) => [conv2dInput(g, w!, x!.shape, c.options), gradient(g, x!, w!, c)],
  );
}

/** Rows at the end of the image that no window reaches, by axis. */
function unusedTail({ input, weight, options }: Convolution): [number, number] {
  const along = (axis: 0 | 1): number => {
    const [before, after] = options.padding[axis];
    const extent = options.dilation[axis] * (weight[2 + axis]! - 1) + 1;
    return (input[2 + axis]! + before + after - extent) % options.stride[axis];
  };
  return [along(0), along(1)];
}

/** The gradient of the image without some of its last rows, set into the whole image with zeros at the chosen end. */
function cut(
  g: Tensor,
  w: Tensor,
  c: Convolution,
  rows: number,
  at: 'start' | 'end',
  options: Convolution['options'] = c.options,
): Tensor {
  const [n, channels, height, width] = c.input as [number, number, number, number];
  const tight = conv2dInput(g, w, [n, channels, height - rows, width], options);
  return pad(tight, [[0, 0], [0, 0], at === 'start' ? [rows, 0] : [0, rows], [0, 0]]);
}

type Fixed = readonly [readonly [number, number], readonly [number, number]];

function withPadding(c: Convolution, padding: Fixed): Convolution['options'] {
  return { ...c.options, padding: padding as Convolution['options']['padding'] };
}

function scatter(g: Tensor, index: Tensor, x: Tensor): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const rows = g.shape[2]! * g.shape[3]!;
  return reshape(put(reshape(g, [n * c, rows]), reshape(index, [n * c, rows]), h * w), x.shape);
}

function wrongMaximum(wrong: string, index: (x: Tensor, p: Pooling) => Tensor): PlantedRule {
  return plant(
    'maxPool2d',
    wrong,
    ([x], p: Pooling) => maxPool2d(x!, p.kernel, p.options),
    (g, { inputs: [x], params: p }) => [scatter(g, index(x!, p), x!)],
  );
}

export const windows: readonly PlantedRule[] = [
  wrongInput('kernel not flipped in the gradient of x', (g, x, w, c) => conv2dInput(g, flip(w, [2, 3]), x.shape, c.options)),
  wrongInput('dilation ignored along the height', (g, x, w, c) => {
    const [dy, dx] = c.options.dilation;
    const shorter = (dy - 1) * (w.shape[2]! - 1);
    if (x.shape[2]! <= shorter) return conv2dInput(g, w, x.shape, c.options);
    return cut(g, w, c, shorter, 'end', { ...c.options, dilation: [1, dx] });
  }),
  wrongInput('padding off by one, top for bottom', (g, x, w, c) => {
    const [[top, bottom], columns] = c.options.padding;
    return conv2dInput(g, w, x.shape, withPadding(c, [top > 0 ? [top - 1, bottom + 1] : [top, bottom], columns]));
  }),
  wrongInput('padding of height and width exchanged where the sizes allow it', (g, x, w, c) => {
    const [rows, columns] = c.options.padding;
    const same = rows[0] + rows[1] === columns[0] + columns[1];
    return conv2dInput(g, w, x.shape, same ? withPadding(c, [columns, rows]) : c.options);
  }),
  wrongInput('unused rows at the end dropped, the rest moved down', (g, _x, w, c) => cut(g, w, c, unusedTail(c)[0], 'start')),
  wrongInput('last used row dropped', (g, x, w, c) => {
    const gx = conv2dInput(g, w, x.shape, c.options);
    const rows = unusedTail(c)[0] + 1;
    return pad(slice(gx, [], [undefined, undefined, x.shape[2]! - rows]), [
      [0, 0],
      [0, 0],
      [0, rows],
      [0, 0],
    ]);
  }),
  wrongInput('groups in the opposite order', (g, x, w, c) => {
    const gx = conv2dInput(g, w, x.shape, c.options);
    const size = x.shape[1]! / c.options.groups;
    const parts = Array.from({ length: c.options.groups }, (_, i) => slice(gx, [0, i * size], [undefined, (i + 1) * size]));
    return concat(parts.reverse(), 1);
  }),
  wrongInput('weight transposed where it is square', (g, x, w, c) =>
    conv2dInput(g, w.shape[2] === w.shape[3] ? permute(w, [0, 1, 3, 2]) : w, x.shape, c.options),
  ),
  wrongInput('input and output channels of the weight exchanged where they are as many', (g, x, w, c) =>
    conv2dInput(g, c.options.groups === 1 && w.shape[0] === w.shape[1] ? permute(w, [1, 0, 2, 3]) : w, x.shape, c.options),
  ),
  wrongInput('weight taken as a constant: only order 2 sees it', (g, x, w, c) => conv2dInput(g, detach(w), x.shape, c.options)),
  wrongFilter('kernel flipped in the gradient of the weight', (g, x, w, c) => flip(conv2dFilter(x, g, w.shape, c.options), [2, 3])),
  wrongFilter('mean over the batch, not the sum', (g, x, w, c) => div(conv2dFilter(x, g, w.shape, c.options), x.shape[0]!)),
  wrongFilter('padding off by one, left for right', (g, x, w, c) => {
    const [rows, [left, right]] = c.options.padding;
    return conv2dFilter(x, g, w.shape, withPadding(c, [rows, right > 0 ? [left + 1, right - 1] : [left, right]]));
  }),
  wrongFilter('only the first image of the batch', (g, x, w, c) =>
    conv2dFilter(slice(x, [0], [1]), slice(g, [0], [1]), w.shape, c.options),
  ),
  wrongFilter('input taken as a constant: only order 2 sees it', (g, x, w, c) => conv2dFilter(detach(x), g, w.shape, c.options)),
  plant(
    'conv2d (bias)',
    'bias gradient not summed over the batch',
    ([x, w, bias], c: Convolution) => add(conv2d(x!, w!, c.options), reshape(bias!, [1, bias!.size, 1, 1])),
    (g, { inputs: [x, w], params: c }) => [
      conv2dInput(g, w!, x!.shape, c.options),
      conv2dFilter(x!, g, w!.shape, c.options),
      sum(slice(g, [0], [1]), [0, 2, 3]),
    ],
  ),
  wrongMaximum('gradient to the first pixel of each window', (x, p) =>
    maxPoolIndices(x.device.zeros(x.shape), { kernel: p.kernel, ...p.options }),
  ),
  wrongMaximum('indices of the first plane used for every plane', (x, p) => {
    const index = maxPoolIndices(x, { kernel: p.kernel, ...p.options });
    return broadcastTo(slice(index, [0, 0], [1, 1]), index.shape);
  }),
  plant(
    'avgPool2d',
    'padding counted',
    ([x], p: Pooling) => avgPool2d(x!, p.kernel, p.options),
    (g, { inputs: [x], params: p }) => {
      const [kh, kw] = p.kernel;
      const c = x!.shape[1]!;
      return [conv2dInput(g, x!.device.full([c, 1, kh, kw], 1 / (kh * kw)), x!.shape, { ...p.options, groups: c })];
    },
  ),
  plant(
    'avgPool2d',
    'not divided by the count',
    ([x], p: Pooling) => avgPool2d(x!, p.kernel, p.options),
    (g, { inputs: [x], params: p }) => {
      const c = x!.shape[1]!;
      return [conv2dInput(g, x!.device.ones([c, 1, ...p.kernel]), x!.shape, { ...p.options, groups: c })];
    },
  ),
  plant(
    'globalAvgPool2d',
    '1/N missing',
    ([x]) => globalAvgPool2d(x!),
    (g, { inputs: [x] }) => [mul(reshape(g, [...g.shape, 1, 1]), x!.device.ones(x!.shape))],
  ),
];
