/** @file What held up under trials and must go on to: 322 random cases against PyTorch to second order, and hard draws of Gumbel-softmax. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  avgPool2d,
  batchNorm2d,
  conv2d,
  cpu,
  crossEntropy,
  type Device,
  grad,
  key,
  logSoftmax,
  matmul,
  maxPool2d,
  mul,
  scope,
  softmax,
  sum,
  type Tensor,
  add,
  gumbels,
} from '../../../src/index.ts';
import { gumbelSoftmax } from '../../../src/distributions/index.ts';
import golden from '../../golden/held-up.json' with { type: 'json' };
import { openDevice } from '../../support/device.ts';
import { fill, project, toleranceOf } from '../../support/golden.ts';

type Case = (typeof golden.values)[number];

let devices: Device[] = [];
beforeAll(async () => {
  devices = [await openDevice(), cpu({ dtype: 'float32' }), cpu()];
});
afterAll(() => devices.forEach((device) => device.destroy()));

function compute(c: Case, xs: readonly Tensor[]): Tensor {
  const [x, w, b] = xs as [Tensor, Tensor, Tensor];
  const pair = (v: readonly number[] | undefined): [number, number] => [v![0]!, v![1]!];
  const { kind } = c;
  if (kind === 'matmul') return matmul(x, w);
  if (kind === 'norm') return batchNorm2d(x, { weight: w, bias: b });
  if (kind === 'softmax') return softmax(mul(x, 4));
  if (kind === 'logSoftmax') return logSoftmax(mul(x, 4));
  if (kind === 'crossEntropy') return crossEntropy(mul(x, 4), c.labels!, { reduction: 'none' });
  const padding = c.padding!.map(pair) as [[number, number], [number, number]];
  const options = { stride: pair(c.stride), padding, dilation: pair(c.dilation) };
  if (kind === 'conv') return conv2d(x, w, { ...options, groups: c.groups! });
  return kind === 'max' ? maxPool2d(x, pair(c.kernel), options) : avgPool2d(x, pair(c.kernel), options);
}

/** Every tensor that the goldens have a projection of, by its name there. */
function results(c: Case, device: Device): Record<string, Tensor> {
  const { name, shapes } = c;
  const xs = shapes.map((shape, i) => fill(device, `${name} ${i}`, shape));
  const y = compute(c, xs);
  const first = grad(y, xs, { cotangent: fill(device, `${name} c`, y.shape), createGraph: true });
  const along = first.map((g, i) => sum(mul(g, fill(device, `${name} d${i}`, g.shape)))).reduce((a, b) => add(a, b));
  const second = grad(along, xs, { unused: 'zeros' });
  return Object.fromEntries([
    ['y', y],
    ...first.map((g, i) => [`g${i}`, g] as const),
    ...second.map((s, i) => [`s${i}`, s] as const),
  ]);
}

const kinds = [...new Set(golden.values.map(({ kind }) => kind))];

describe('values, gradients and second order are those of PyTorch', () => {
  it.each(kinds)('%s', { timeout: 300_000 }, async (kind) => {
    for (const c of golden.values.filter((v) => v.kind === kind)) {
      for (const device of devices) {
        const tensors = scope(() => results(c, device));
        for (const [what, expected] of Object.entries(c.results) as [string, [number, number]][]) {
          const t = tensors[what]!;
          const found = await project(`${c.name} ${what}`, t);
          // A derivative may be a small difference of terms as large as the inputs.
          const size = Math.max(expected[1], Math.sqrt(t.size));
          for (const i of [0, 1] as const) {
            const error = Math.abs(found[i] - expected[i]) / size;
            const told = `${device.name} ${device.dtype}, ${c.name} ${what}: ${found[i]} against PyTorch's ${expected[i]}`;
            expect(error, told).toBeLessThanOrEqual(toleranceOf(device, 1e-11, 5e-5));
          }
        }
        for (const t of Object.values(tensors)) t.dispose();
      }
    }
  });
});

it('Gumbel-softmax has no NaN at temperature 1e-6, nor at logits of 1e4, and its rows sum to 1', async () => {
  for (const device of devices) {
    for (const [temperature, scale] of [
      [1e-6, 1],
      [1, 1e4],
      [1e-6, 1e4],
    ] as const) {
      const rows = 4096;
      const logits = fill(device, 'held up logits', [rows, 8], scale);
      const noise = device.tensor(gumbels(key(7), rows * 8), [rows, 8]);
      const z = gumbelSoftmax(logits, { temperature, noise });
      const data = await z.data();
      let worst = 0;
      for (let r = 0; r < rows; r++) {
        let total = 0;
        for (let i = 8 * r; i < 8 * r + 8; i++) total += data[i]!;
        // A NaN fails too.
        if (!(Math.abs(total - 1) <= worst)) worst = Math.abs(total - 1);
      }
      expect(worst, `${device.name} ${device.dtype}, ${temperature}, ${scale}`).toBeLessThan(1e-5);
      for (const t of [logits, noise, z]) t.dispose();
    }
  }
});
