/** @file Layout loops of the plain CPU backend: copies between strided arrays. */
import { broadcastStrides } from '../../../contract/axes.ts';
import { sizeOf, stridesOf } from '../../../contract/shape.ts';
import { copyStrided, eachRow } from '../each-row.ts';
import type { CpuKernel } from '../kernel.ts';

export const permute: CpuKernel<'permute'> = ({ axes }, [x], [y]) => {
  const strides = stridesOf(x.shape);
  copyStrided(
    x.data,
    0,
    axes.map((a) => strides[a]!),
    y,
  );
};

export const broadcastTo: CpuKernel<'broadcastTo'> = (_params, [x], [y]) => {
  const source = x.data;
  if (sizeOf(x.shape) === 1) {
    y.data.fill(source[0]!, 0, sizeOf(y.shape));
    return;
  }
  copyStrided(source, 0, broadcastStrides(x.shape, y.shape), y);
};

export const slice: CpuKernel<'slice'> = ({ start, step }, [x], [y]) => {
  const strides = stridesOf(x.shape);
  const origin = start.reduce((sum, s, i) => sum + s * strides[i]!, 0);
  copyStrided(
    x.data,
    origin,
    strides.map((s, i) => s * step[i]!),
    y,
  );
};

export const pad: CpuKernel<'pad'> = ({ low, step }, [x], [y]) => {
  y.data.fill(0, 0, sizeOf(y.shape));
  const outer = stridesOf(y.shape);
  const origin = low.reduce((sum, s, i) => sum + s * outer[i]!, 0);
  const strides = outer.map((s, i) => s * step[i]!);
  const source = x.data;
  const target = y.data;
  eachRow(x.shape, [strides], (at, [to], length, [stride]) => {
    for (let j = 0; j < length; j++) target[origin + to! + j * stride!] = source[at + j]!;
  });
};

export const concat: CpuKernel<'concat'> = ({ axis }, inputs, [y]) => {
  const outer = sizeOf(y.shape.slice(0, axis));
  const row = sizeOf(y.shape.slice(axis));
  let offset = 0;
  for (const x of inputs) {
    const length = sizeOf(x.shape.slice(axis));
    for (let o = 0; o < outer; o++) y.data.set(x.data.subarray(o * length, (o + 1) * length), o * row + offset);
    offset += length;
  }
};

export const assign: CpuKernel<'assign'> = (_params, [x], [target]) => {
  const n = sizeOf(x.shape);
  target.data.set(x.data.length === n ? x.data : x.data.subarray(0, n));
};
