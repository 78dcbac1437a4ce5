/** @file Matrix product, rows of the output at a time so that the inner loop runs along memory. */
import type { CpuKernel } from '../kernel.ts';

export const matmul: CpuKernel<'matmul'> = ({ transposeA, transposeB }, [a, b], [y]) => {
  // Innermost first, so that a product without batches has a batch of 1.
  const [n = 1, m = 1, batches = 1] = y.shape.toReversed();
  const k = a.shape.at(transposeA ? -2 : -1) ?? 1;
  const row = new Float64Array(n);
  const [aRow, aColumn] = transposeA ? [1, m] : [k, 1];
  for (let batch = 0; batch < batches; batch++) {
    const p = a.data.subarray(batch * m * k);
    const q = b.data.subarray(batch * k * n);
    const target = y.data.subarray(batch * m * n);
    for (let i = 0; i < m; i++) {
      if (transposeB) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let l = 0; l < k; l++) sum += p[i * aRow + l * aColumn]! * q[j * k + l]!;
          row[j] = sum;
        }
      } else {
        row.fill(0);
        for (let l = 0; l < k; l++) {
          const c = p[i * aRow + l * aColumn]!;
          for (let j = 0; j < n; j++) row[j]! += c * q[l * n + j]!;
        }
      }
      target.set(row, i * n);
    }
  }
};
