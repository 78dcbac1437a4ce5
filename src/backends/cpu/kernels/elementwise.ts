/** @file Elementwise loops of the plain CPU backend, with broadcasting by strides. */
import { broadcastStrides } from '../../../contract/axes.ts';
import { sameShape, sizeOf } from '../../../contract/shape.ts';
import { eachRow } from '../each-row.ts';
import type { BinaryKernel, CpuKernel, UnaryKernel } from '../kernel.ts';

export function unary(f: (x: number) => number): UnaryKernel {
  return (_params, [x], [y]) => {
    const source = x.data;
    const target = y.data;
    const n = sizeOf(y.shape);
    for (let i = 0; i < n; i++) target[i] = f(source[i]!);
  };
}

export function binary(f: (a: number, b: number) => number): BinaryKernel {
  return (_params, [a, b], [y]) => {
    const p = a.data;
    const q = b.data;
    const target = y.data;
    const n = sizeOf(y.shape);
    if (sameShape(a.shape, b.shape)) {
      for (let i = 0; i < n; i++) target[i] = f(p[i]!, q[i]!);
    } else if (sizeOf(b.shape) === 1) {
      const c = q[0]!;
      for (let i = 0; i < n; i++) target[i] = f(p[i]!, c);
    } else if (sizeOf(a.shape) === 1) {
      const c = p[0]!;
      for (let i = 0; i < n; i++) target[i] = f(c, q[i]!);
    } else {
      const strides = [broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape)];
      eachRow(y.shape, strides, (at, [ia, ib], length, [da, db]) => {
        for (let j = 0, u = ia!, v = ib!; j < length; j++, u += da!, v += db!) target[at + j] = f(p[u]!, q[v]!);
      });
    }
  };
}

export const where: CpuKernel<'where'> = (_params, [condition, a, b], [y]) => {
  const [c, p, q, target] = [condition.data, a.data, b.data, y.data];
  const strides = [condition, a, b].map(({ shape }) => broadcastStrides(shape, y.shape));
  eachRow(y.shape, strides, (at, [ic, ia, ib], length, [dc, da, db]) => {
    for (let j = 0; j < length; j++) {
      target[at + j] = c[ic! + j * dc!]! !== 0 ? p[ia! + j * da!]! : q[ib! + j * db!]!;
    }
  });
};

/**
 * erf(x) = 2 / sqrt(pi) int_0^x exp(-t^2) dt to float64's precision: a Taylor series near zero, a continued fraction in the tails.
 * Abramowitz and Stegun, 7.1.6 and 7.1.14.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  const gauss = Math.exp(-a * a);
  if (a < 2.5) {
    // 2 / sqrt(pi) e^(-x^2) sum_n 2^n x^(2n+1) / (1 3 5 ... (2n+1)): all terms positive, so nothing cancels.
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * gauss * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - gauss / Math.sqrt(Math.PI) / (a + fraction));
}

/** 1 / (1 + e^-x): where e^-x overflows the result is below the smallest normal number. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), of which neither term loses a digit. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
