/** @file take and put: elements of rows by index, and their adjoint. */
import { dims } from '../../../contract/shape.ts';
import type { CpuKernel } from '../kernel.ts';

export const take: CpuKernel<'take'> = (_params, [x, index], [y]) => {
  const { n } = dims('take', x, 'rows n');
  const { rows, m } = dims('take', index, 'rows m');
  for (let r = 0; r < rows; r++) {
    for (let j = 0; j < m; j++) {
      const i = index.data[r * m + j]!;
      // NaN for an index that names no element of the row, so that it is noticed.
      y.data[r * m + j] = isIndex(i, n) ? x.data[r * n + i]! : NaN;
    }
  }
};

export const put: CpuKernel<'put'> = (_params, [g, index], [x]) => {
  const { rows, n } = dims('put', x, 'rows n');
  const { m } = dims('put', index, 'rows m');
  const sums = new Float64Array(rows * n);
  for (let r = 0; r < rows; r++) {
    for (let j = 0; j < m; j++) {
      const i = index.data[r * m + j]!;
      // A value that goes nowhere makes its whole row NaN: the gradient of a row of which a NaN was taken.
      if (isIndex(i, n)) sums[r * n + i]! += g.data[r * m + j]!;
      else sums.fill(NaN, r * n, (r + 1) * n);
    }
  }
  x.data.set(sums);
};

function isIndex(i: number, n: number): boolean {
  return Number.isInteger(i) && i >= 0 && i < n;
}
