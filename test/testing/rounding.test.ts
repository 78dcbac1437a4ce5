/** @file The rounding bounds: sums of absolute terms where they can be written down, and never exceeded by float32 itself. */
import { describe, expect, it } from 'vitest';
import {
  abs,
  add,
  conv2d,
  type Device,
  cpu,
  div,
  exp,
  flip,
  matmul,
  maximum,
  mean,
  mul,
  neg,
  permute,
  relu,
  sub,
  sum,
  type Tensor,
} from '../../src/index.ts';
import { key, normals } from '../../src/core/random.ts';
import { roundingDevice } from '../../src/testing/properties/index.ts';

const float32Normals = (seed: number, length: number): number[] => Array.from(normals(key(seed), length), Math.fround);

function boundsOf(f: (device: Device) => Tensor): Float64Array {
  const { device, bounds } = roundingDevice();
  return bounds(f(device));
}

describe('the bound of a result', () => {
  it('is the sum of the absolute terms for sums, matrix products and convolutions', async () => {
    const x = float32Normals(1, 12);
    const y = float32Normals(2, 12);
    expect(boundsOf((d) => sum(d.tensor(x)))[0]).toBeCloseTo(
      x.reduce((s, v) => s + Math.abs(v), 0),
      12,
    );
    const reference = cpu();
    const product = (d: Device, a: number[], b: number[]): Tensor => matmul(d.tensor(a, [3, 4]), d.tensor(b, [4, 3]));
    const conv = (d: Device, a: number[], b: number[]): Tensor =>
      conv2d(d.tensor(a, [1, 1, 3, 4]), d.tensor(b.slice(0, 4), [1, 1, 2, 2]), { padding: 1, dilation: 2 });
    for (const f of [product, conv]) {
      const expected = await f(reference, x.map(Math.abs), y.map(Math.abs)).data();
      boundsOf((d) => f(d, x, y)).forEach((b, i) => expect(b).toBeCloseTo(expected[i]!, 12));
    }
  });

  it('is nothing for what only moves, compares or changes signs', () => {
    const x = float32Normals(3, 6);
    const exact: ((t: Tensor) => Tensor)[] = [neg, relu, permute, (t) => flip(t, 0), (t) => maximum(t, neg(t)), abs];
    for (const f of exact) expect(Array.from(boundsOf((d) => f(d.tensor(x, [2, 3])))).every((b) => b === 0)).toBe(true);
  });

  it('passes on earlier errors by the derivative: mean(x)^2 has 2 |mean| times those of the mean, and its own', () => {
    const [a, b] = [3, -1];
    const bound = boundsOf((d) => {
      const m = mean(d.tensor([a, b]));
      return mul(m, m);
    });
    const m = (a + b) / 2;
    // The sum's terms halved, the product with 1/2 rounded once; then the square.
    const ofMean = (Math.abs(a) + Math.abs(b)) / 2 + Math.abs(m);
    expect(bound[0]).toBeCloseTo(2 * Math.abs(m) * ofMean + m * m, 12);
  });

  it('counts constants that float32 cannot hold', () => {
    const third = boundsOf((d) => d.tensor([1 / 3, 0.25]));
    expect(third[0]).toBeCloseTo(Math.abs(1 / 3 - Math.fround(1 / 3)) * 2 ** 24, 9);
    expect(third[1]).toBe(0);
  });

  it('does not shrink when terms cancel, though the result does', () => {
    expect(boundsOf((d) => sub(d.tensor([1e6 + 1]), d.tensor([1e6])))[0]).toBeCloseTo(1, 12);
    expect(boundsOf((d) => sum(d.tensor([1e6, -1e6, 1])))[0]).toBeCloseTo(2e6 + 1, 6);
  });
});

describe('a float32 computation, rounded after every operation', () => {
  it('is within (n + 4) 2^-24 S in a sum, a product and a quotient of random numbers', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const x = float32Normals(seed, 200);
      const y = float32Normals(1000 + seed, 200);
      const f = (d: Device): Tensor => div(sum(mul(d.tensor(x), d.tensor(y))), exp(add(d.tensor(x.slice(0, 1)), 1)));
      const { device, bounds, longest } = roundingDevice();
      const exact = f(device);
      let dot = 0;
      for (let i = 0; i < 200; i++) dot = Math.fround(dot + Math.fround(x[i]! * y[i]!));
      const got = Math.fround(dot / Math.fround(Math.exp(Math.fround(x[0]! + 1))));
      const expected = (await exact.data())[0]!;
      expect(longest()).toBe(200);
      expect(Math.abs(got - expected)).toBeLessThanOrEqual((longest() + 4) * 2 ** -24 * bounds(exact)[0]!);
    }
  });
});
