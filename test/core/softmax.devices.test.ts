/** @file Softmax, log-softmax and cross-entropy at every magnitude that float32 holds, against closed forms. */
import { describe, expect, inject, it } from 'vitest';
import { cpu, crossEntropy, type Device, grad, logSoftmax, softmax, type Tensor } from '../../src/index.ts';
import { webgpu } from '../../src/devices/webgpu.ts';

const DEVICES: Readonly<Record<string, () => Device | Promise<Device>>> =
  inject('device') === 'cpu'
    ? {
        float64: () => cpu(),
        'float32 with SIMD': () => cpu({ dtype: 'float32' }),
        'float32 without SIMD': () => cpu({ dtype: 'float32', simd: false }),
      }
    : { WebGPU: () => webgpu(), 'WebGPU with kernels of hardware': () => webgpu({ asHardware: true }) };

const MAGNITUDES = [1, 30, 1e3, 1e7, 1e10, 1e20, 1e30, 1e38, 3e38].map(Math.fround);

/** Rows of `k` numbers: m at the places in `tops`, 0 elsewhere; m may be negative. */
interface Row {
  readonly m: number;
  readonly k: number;
  readonly tops: readonly number[];
}

const ROWS: readonly Row[] = MAGNITUDES.flatMap((size) =>
  [size, -size].flatMap((m) => [
    { m, k: 3, tops: [0, 1] },
    { m, k: 5, tops: [4] },
    { m, k: 5, tops: [0, 1, 2, 3, 4] },
    // Long enough for the kernels of long rows.
    { m, k: 300, tops: [0, 7, 299] },
  ]),
);

/** log sum e^(x - max) of a row: the larger number's count, and the smaller's times e^-|m|. */
function logSum({ m, k, tops }: Row): number {
  const [larger, smaller] = m > 0 ? [tops.length, k - tops.length] : [k - tops.length, tops.length];
  return larger === 0 ? Math.log(smaller) : Math.log(larger) + Math.log1p((smaller * Math.exp(-Math.abs(m))) / larger);
}

function elements({ m, k, tops }: Row): number[] {
  return Array.from({ length: k }, (_, i) => (tops.includes(i) ? m : 0));
}

/** x - max - log sum, with max x = max(m, 0) unless all are m. */
function expectedLogSoftmax(row: Row): number[] {
  const top = row.tops.length === row.k ? row.m : Math.max(row.m, 0);
  return elements(row).map((x) => x - top - logSum(row));
}

/** The largest error, in units of the expected number (absolute under 1); NaN and a wrong infinity count as infinite. */
function worst(found: ArrayLike<number>, expected: readonly number[]): number {
  const errors = expected.map((e, i) => {
    const error = Math.abs(found[i]! - e) / Math.max(1, Math.abs(e));
    return Number.isNaN(error) ? Infinity : error;
  });
  return Math.max(...errors);
}

// A float32 logarithm and two roundings stand behind each result; WGSL grants exp and log 3 units and more beside.
const TOLERANCE = 2e-6;

describe.each(Object.entries(DEVICES))('%s', (_name, open) => {
  async function each(check: (x: Tensor, row: Row, where: string) => Promise<void>): Promise<void> {
    const device = await open();
    for (const row of ROWS) {
      const where = `m ${row.m}, k ${row.k}, tops ${row.tops.join(' ')}`;
      await check(device.tensor(elements(row), [1, row.k]), row, where);
    }
    device.destroy();
  }

  it('takes the logarithm of softmax beside a maximum of any size', () =>
    each(async (x, row, where) => {
      const y = await logSoftmax(x).data();
      expect(worst(y, expectedLogSoftmax(row)), where).toBeLessThan(TOLERANCE);
    }));

  it('makes probabilities beside a maximum of any size', () =>
    each(async (x, row, where) => {
      const y = await softmax(x).data();
      expect(worst(y, expectedLogSoftmax(row).map(Math.exp)), where).toBeLessThan(TOLERANCE);
    }));

  it('makes the loss and its gradient beside a maximum of any size', () =>
    each(async (x, row, where) => {
      for (const label of [0, row.k - 1]) {
        const loss = crossEntropy(x, x.device.tensor([label], [1]));
        const [g] = grad(loss, [x]);
        const expected = expectedLogSoftmax(row);
        expect(worst(await loss.data(), [-expected[label]!]), `${where}, label ${label}`).toBeLessThan(TOLERANCE);
        const slopes = expected.map((v, i) => Math.exp(v) - (i === label ? 1 : 0));
        expect(worst(await g.data(), slopes), `${where}, label ${label}`).toBeLessThan(TOLERANCE);
      }
    }));

  it('takes the gradient of the logarithm beside a maximum of any size', () =>
    each(async (x, row, where) => {
      const weights = Array.from({ length: row.k }, (_, i) => Math.fround(Math.cos(i)));
      const [g] = grad(logSoftmax(x), [x], { cotangent: x.device.tensor(weights, [1, row.k]) });
      const all = weights.reduce((a, b) => a + b, 0);
      const expected = expectedLogSoftmax(row).map((v, i) => weights[i]! - Math.exp(v) * all);
      expect(worst(await g.data(), expected), where).toBeLessThan(TOLERANCE);
    }));
});
