/** @file Sums and maxima over axes, accumulated in float64 whatever the device's type. */
import { broadcastStrides } from '../../../contract/axes.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { eachRow } from '../each-row.ts';
import type { UnaryKernel } from '../kernel.ts';

/** Over the axes where the output has a 1. */
function reduce(initial: number, f: (accumulated: number, value: number) => number): UnaryKernel {
  return (_params, [x], [y]) => {
    const source = x.data;
    const totals = new Float64Array(sizeOf(y.shape)).fill(initial);
    eachRow(x.shape, [broadcastStrides(y.shape, x.shape)], (at, [to], length, [step]) => {
      if (step === 0) {
        let total = totals[to!]!;
        for (let j = 0; j < length; j++) total = f(total, source[at + j]!);
        totals[to!] = total;
      } else {
        for (let j = 0; j < length; j++) {
          const k = to! + j * step!;
          totals[k] = f(totals[k]!, source[at + j]!);
        }
      }
    });
    y.data.set(totals);
  };
}

export const sumTo: UnaryKernel = reduce(0, (sum, x) => sum + x);
export const maxTo: UnaryKernel = reduce(-Infinity, Math.max);
