/** @file Elementwise and layout loops of the CPU backend, with broadcasting by strides. */
import { sameShape, type Shape, sizeOf, stridesOf } from '../../../contract/shape.ts';
import type { CpuOperand, CpuKernel } from '../kernel.ts';

export function unary(f: (x: number) => number): CpuKernel<object> {
  return (_params, [x], [y]) => {
    const source = x!.data;
    const target = y!.data;
    const n = sizeOf(y!.shape);
    for (let i = 0; i < n; i++) target[i] = f(source[i]!);
  };
}

export function binary(f: (a: number, b: number) => number): CpuKernel<object> {
  return (_params, [a, b], [y]) => {
    const p = a!.data;
    const q = b!.data;
    const target = y!.data;
    const n = sizeOf(y!.shape);
    if (sameShape(a!.shape, b!.shape)) {
      for (let i = 0; i < n; i++) target[i] = f(p[i]!, q[i]!);
    } else if (sizeOf(b!.shape) === 1) {
      const c = q[0]!;
      for (let i = 0; i < n; i++) target[i] = f(p[i]!, c);
    } else if (sizeOf(a!.shape) === 1) {
      const c = p[0]!;
      for (let i = 0; i < n; i++) target[i] = f(c, q[i]!);
    } else {
      const sa = broadcastStrides(a!.shape, y!.shape);
      const sb = broadcastStrides(b!.shape, y!.shape);
      forEachRow(y!.shape, [sa, sb], (at, [ia, ib], length, [da, db]) => {
        for (let j = 0, u = ia!, v = ib!; j < length; j++, u += da!, v += db!) target[at + j] = f(p[u]!, q[v]!);
      });
    }
  };
}

export const whereKernel: CpuKernel<object> = (_params, operands, [y]) => {
  const [c, a, b] = operands.map((o) => o.data);
  const strides = operands.map((o) => broadcastStrides(o.shape, y!.shape));
  const target = y!.data;
  forEachRow(y!.shape, strides, (at, [ic, ia, ib], length, [dc, da, db]) => {
    for (let j = 0; j < length; j++) {
      target[at + j] = c![ic! + j * dc!]! !== 0 ? a![ia! + j * da!]! : b![ib! + j * db!]!;
    }
  });
};

export const broadcastTo: CpuKernel<object> = (_params, [x], [y]) => {
  const source = x!.data;
  if (sizeOf(x!.shape) === 1) {
    y!.data.fill(source[0]!, 0, sizeOf(y!.shape));
    return;
  }
  copyStrided(source, 0, broadcastStrides(x!.shape, y!.shape), y!);
};

export const permute: CpuKernel<{ readonly axes: readonly number[] }> = ({ axes }, [x], [y]) => {
  const strides = stridesOf(x!.shape);
  copyStrided(
    x!.data,
    0,
    axes.map((a) => strides[a]!),
    y!,
  );
};

export const slice: CpuKernel<{ readonly start: readonly number[]; readonly step: readonly number[] }> = (
  { start, step },
  [x],
  [y],
) => {
  const strides = stridesOf(x!.shape);
  const origin = start.reduce((sum, s, i) => sum + s * strides[i]!, 0);
  copyStrided(
    x!.data,
    origin,
    strides.map((s, i) => s * step[i]!),
    y!,
  );
};

export const pad: CpuKernel<{ readonly low: readonly number[]; readonly step: readonly number[] }> = ({ low, step }, [x], [y]) => {
  y!.data.fill(0, 0, sizeOf(y!.shape));
  const outer = stridesOf(y!.shape);
  const origin = low.reduce((sum, s, i) => sum + s * outer[i]!, 0);
  const strides = outer.map((s, i) => s * step[i]!);
  const source = x!.data;
  const target = y!.data;
  forEachRow(x!.shape, [strides], (at, [it], length, [dt]) => {
    for (let j = 0; j < length; j++) target[origin + it! + j * dt!] = source[at + j]!;
  });
};

export const concat: CpuKernel<{ readonly axis: number }> = ({ axis }, inputs, [y]) => {
  const outer = sizeOf(y!.shape.slice(0, axis));
  const row = sizeOf(y!.shape.slice(axis));
  let offset = 0;
  for (const x of inputs) {
    const length = sizeOf(x.shape.slice(axis));
    for (let o = 0; o < outer; o++) y!.data.set(x.data.subarray(o * length, (o + 1) * length), o * row + offset);
    offset += length;
  }
};

/** Sum or maximum over the axes where the output has a 1. */
export function reduce(initial: number, f: (accumulated: number, value: number) => number): CpuKernel<object> {
  return (_params, [x], [y]) => {
    const source = x!.data;
    const target = y!.data;
    const sums = new Float64Array(sizeOf(y!.shape)).fill(initial);
    forEachRow(x!.shape, [broadcastStrides(y!.shape, x!.shape)], (at, [it], length, [dt]) => {
      if (dt === 0) {
        let sum = sums[it!]!;
        for (let j = 0; j < length; j++) sum = f(sum, source[at + j]!);
        sums[it!] = sum;
      } else {
        for (let j = 0; j < length; j++) {
          const k = it! + j * dt!;
          sums[k] = f(sums[k]!, source[at + j]!);
        }
      }
    });
    target.set(sums);
  };
}

function broadcastStrides(shape: Shape, out: Shape): number[] {
  const strides = stridesOf(shape);
  const lead = out.length - shape.length;
  return out.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : strides[i - lead]!));
}

function copyStrided(source: CpuOperand['data'], origin: number, strides: readonly number[], y: CpuOperand): void {
  const target = y.data;
  forEachRow(y.shape, [strides], (at, [it], length, [dt]) => {
    for (let j = 0, u = origin + it!; j < length; j++, u += dt!) target[at + j] = source[u]!;
  });
}

/** Visits a shape row by row (rows run along the last axis) with the position of each strided operand. */
function forEachRow(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (at: number, positions: readonly number[], length: number, lastStrides: readonly number[]) => void,
): void {
  const total = sizeOf(shape);
  if (total === 0) return;
  const rank = shape.length;
  const length = rank === 0 ? 1 : shape[rank - 1]!;
  const last = strides.map((s) => (rank === 0 ? 0 : s[rank - 1]!));
  const positions = strides.map(() => 0);
  const index = Array.from<number>({ length: Math.max(0, rank - 1) }).fill(0);
  for (let at = 0; at < total; at += length) {
    visit(at, positions, length, last);
    for (let axis = rank - 2; axis >= 0; axis--) {
      index[axis]!++;
      for (let k = 0; k < strides.length; k++) positions[k]! += strides[k]![axis]!;
      if (index[axis]! < shape[axis]!) break;
      for (let k = 0; k < strides.length; k++) positions[k]! -= strides[k]![axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}
