/** @file Stochastic nodes on every device: no clamp and no NaN at any temperature, and values that agree with float64. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gumbelMax, gumbelSoftmax, RelaxedOneHotCategorical } from '../../src/distributions/index.ts';
import { cpu, type Device, foldIn, grad, gumbels, key, mul, normals, sum, type Tensor } from '../../src/index.ts';
import { openDevice } from '../support/device.ts';
import { expectNumbers, toleranceOf } from '../support/golden.ts';

let device: Device;
const reference = cpu({ dtype: 'float64' });
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const ROWS = 512;
const n = 4;
const f32 = (x: number): number => Math.fround(x);

/** The same logits, noise and weights on a device, exact in float32. */
function inputs(d: Device): { logits: Tensor; noise: Tensor; weights: Tensor } {
  const noise = gumbels(key(1), ROWS * n).map(f32);
  const logits = normals(key(2), ROWS * n).map(f32);
  const weights = normals(foldIn(key(2), 1), ROWS * n).map(f32);
  return { logits: d.tensor(logits, [ROWS, n]), noise: d.tensor(noise, [ROWS, n]), weights: d.tensor(weights, [ROWS, n]) };
}

describe.each([1, 0.1, 0.03, 0.01, 0.001])('temperature %d', (temperature) => {
  it('samples lie on the simplex, tend to Gumbel-max of the same noise, and pass finite gradients', async () => {
    const { logits, noise, weights } = inputs(device);
    const t = device.tensor(temperature, []);
    const soft = gumbelSoftmax(logits, { temperature: t, noise });
    const hard = gumbelSoftmax(logits, { temperature: t, noise, hard: true });
    const exact = await gumbelMax(logits, { noise }).data();
    const z = await soft.data();
    expect(await hard.data()).toEqual(exact);
    for (let r = 0; r < ROWS; r++) {
      const row = Array.from(z.slice(r * n, (r + 1) * n));
      expect(Math.abs(row.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(toleranceOf(device, 1e-14, 5e-7));
      expect(row.indexOf(Math.max(...row))).toBe(exact.slice(r * n, (r + 1) * n).indexOf(1));
    }
    const [gl, gt] = grad(sum(mul(soft, weights)), [logits, t]);
    expect((await gl.data()).every(Number.isFinite)).toBe(true);
    expect(Number.isFinite(await gt.item())).toBe(true);
  });

  it('density and score are finite and agree with float64, from the noise and from log z', async () => {
    const here = inputs(device);
    const there = inputs(reference);
    const p = new RelaxedOneHotCategorical({ logits: here.logits, temperature });
    const exact = new RelaxedOneHotCategorical({ logits: there.logits, temperature: f32(temperature) });
    const expectedScore = Array.from(await exact.score({ noise: there.noise }).data());
    const expectedDensity = Array.from(await exact.logProb({ noise: there.noise }).data());
    const logZ = p.rsampleLog({ noise: here.noise });
    const t = toleranceOf(device, 1e-6, 2e-5);
    expectNumbers('score from the noise', await p.score({ noise: here.noise }).data(), expectedScore, t);
    expectNumbers('score from log z', await p.score({ logZ }).data(), expectedScore, t);
    expectNumbers('log density from the noise', await p.logProb({ noise: here.noise }).data(), expectedDensity, t);
    expectNumbers('log density from log z', await p.logProb({ logZ }).data(), expectedDensity, t);
    const [slope] = grad(sum(p.logProb({ noise: here.noise })), [here.logits]);
    expectNumbers('derivative of the log density', await slope.data(), expectedScore, t);
  });
});

it('z itself underflows to an exact zero at low temperature in float32, which is why density and score take log z or the noise', async () => {
  const { logits, noise } = inputs(device);
  const p = new RelaxedOneHotCategorical({ logits, temperature: 0.03 });
  const zeros = (await p.rsample({ noise }).data()).filter((v) => v === 0).length;
  expect(zeros > 0).toBe(device.dtype === 'float32');
  expect((await p.rsampleLog({ noise }).data()).every(Number.isFinite)).toBe(true);
});

it('logits as large as a float32 can hold an exponential of make no NaN', async () => {
  const logits = device.tensor([88, -88, 0, 88, 1e30, -1e30, 0, 1], [2, 4]);
  const z = gumbelSoftmax(logits, { temperature: 0.05, key: key(3) });
  expect((await z.data()).every(Number.isFinite)).toBe(true);
  expect((await grad(sum(mul(z, logits)), [logits])[0].data()).every(Number.isFinite)).toBe(true);
});
