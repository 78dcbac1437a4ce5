/** @file The arbitraries keep what they promise, also for the values that shrinking leads to. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { avgPool2d, conv2d, cpu, maxPool2d, permute, reshape, slice, type Shape } from '../../src/index.ts';
import { broadcastShapes, sizeOf } from '../../src/contract/shape.ts';
import {
  axesOf,
  boundaryShapes,
  boundarySizes,
  broadcasts,
  bulk,
  convolutions,
  kinkSafe,
  permutationsOf,
  pools,
  positive,
  reshapesOf,
  shapes,
  slicesOf,
  tieSafe,
  tieSafeParts,
  toTensor,
  unit,
} from '../../src/testing/properties/index.ts';

const device = cpu();
const options = { seed: 5, numRuns: 200 };

/** All values that shrinking tries on the way to the smallest counterexample of a property that always fails. */
function shrunken<T>(arbitrary: fc.Arbitrary<T>): T[] {
  const seen: T[] = [];
  fc.check(
    fc.property(arbitrary, (value) => {
      seen.push(value);
      return false;
    }),
    { seed: 3 },
  );
  return seen;
}

describe('values', () => {
  it('stay 1/16 away from zero while they shrink, and shrink to the smallest', () => {
    const seen = shrunken(kinkSafe([4]));
    expect(seen.length).toBeGreaterThanOrEqual(5);
    for (const { values } of seen) for (const v of values) expect(Math.abs(v)).toBeGreaterThanOrEqual(1 / 16);
    expect(new Set(seen.at(-1)!.values)).toEqual(new Set([1 / 16 + 1 / 512]));
  });

  it('stay 1/8 apart while they shrink, across tensors too', () => {
    for (const parts of shrunken(tieSafeParts([[3], [2, 2]]))) {
      const sorted = parts.flatMap((p) => p.values).sort((a, b) => a - b);
      expect(sorted.slice(1).every((v, i) => v - sorted[i]! >= 1 / 8)).toBe(true);
      expect(sorted.every((v) => Math.abs(v) >= 1 / 16)).toBe(true);
    }
  });

  it('are exact in float32, of the range that they promise', () => {
    const shape = [3, 5];
    const check = (arbitrary: fc.Arbitrary<{ readonly values: readonly number[] }>, low: number, high: number): void =>
      fc.assert(
        fc.property(arbitrary, ({ values }) =>
          values.every((v) => Math.fround(v) === v && Math.abs(v) >= low && Math.abs(v) <= high),
        ),
        options,
      );
    check(kinkSafe(shape), 1 / 16, 2.1);
    check(tieSafe(shape), 1 / 16, 15 / 8);
    check(positive(shape), 1 / 16, 16);
    check(unit(shape), 1 / 64, 1 - 1 / 64);
    check(bulk(shape, 'kink-safe'), 1 / 16, 2.1);
    check(bulk(shape, 'wide'), 1 / 64, 16.1);
    check(bulk(shape, 'positive'), 1 / 16, 16);
  });
});

describe('shapes', () => {
  it('keep their rank and their number of elements, and are often square', () => {
    const drawn = fc.sample(shapes({ minRank: 1, maxRank: 3, maxSize: 20 }), options);
    expect(drawn.every((s) => s.length >= 1 && s.length <= 3 && sizeOf(s) >= 1 && sizeOf(s) <= 20)).toBe(true);
    expect(drawn.filter((s) => s.length === 2 && s[0] === s[1] && s[0]! > 1).length).toBeGreaterThan(5);
    expect(drawn.some((s) => s.includes(1))).toBe(true);
  });

  it('may be empty where that is asked for', () => {
    expect(fc.sample(shapes({ empty: true }), options).some((s) => s.includes(0))).toBe(true);
    expect(fc.sample(shapes(), options).some((s) => s.includes(0))).toBe(false);
  });

  it('broadcast to what is promised', () => {
    const broadcast = (list: readonly Shape[]): Shape => list.reduce((a, b) => broadcastShapes('test', a, b));
    fc.assert(
      fc.property(broadcasts(3), ({ operands, out }) => {
        expect(broadcast(operands)).toEqual(out);
      }),
      options,
    );
  });

  it('reach the sizes around a workgroup', () => {
    const drawn = new Set(fc.sample(boundaryShapes(), { seed: 1, numRuns: 500 }).map(sizeOf));
    expect(boundarySizes.filter((n) => drawn.has(n)).length).toBeGreaterThan(15);
    for (const edge of [63, 64, 65, 255, 256, 257]) expect(boundarySizes).toContain(edge);
  });
});

describe('views', () => {
  it('fit their shape: permutations, slices, reshapes and axes', () => {
    const cases = shapes({ minRank: 1 }).chain((shape) =>
      fc.record({
        x: kinkSafe(shape),
        order: permutationsOf(shape),
        bounds: slicesOf(shape),
        other: reshapesOf(shape),
        axes: axesOf(shape),
      }),
    );
    fc.assert(
      fc.property(cases, ({ x, order, bounds, other, axes }) => {
        const t = toTensor(device, x);
        expect(permute(t, order).shape).toEqual(order.map((a) => x.shape[a]));
        expect(reshape(t, other).size).toBe(sizeOf(x.shape));
        expect(slice(t, bounds.start, bounds.stop, bounds.steps).size).toBeGreaterThan(0);
        expect(axes.every((a) => a >= -t.rank && a < t.rank)).toBe(true);
      }),
      options,
    );
  });
});

describe('windows', () => {
  it('make convolutions of the promised output, of every stride, dilation, tail and grouping', () => {
    const drawn = fc.sample(convolutions({ kernel: 5 }), { seed: 2, numRuns: 300 });
    for (const c of drawn) expect(conv2d(device.zeros(c.input), device.zeros(c.weight), c.options).shape).toEqual(c.output);
    const has = (f: (c: (typeof drawn)[number]) => boolean): boolean => drawn.some(f);
    for (const v of [1, 2, 3]) {
      expect(has((c) => c.options.stride[0] === v && c.options.dilation[1] === v)).toBe(true);
    }
    expect(has((c) => c.options.groups > 1 && c.weight[1] === 1 && c.weight[0] === c.options.groups)).toBe(true);
    expect(has((c) => c.options.padding[0][0] !== c.options.padding[0][1])).toBe(true);
    expect(has((c) => c.weight[2]! > c.input[2]!)).toBe(true);
    expect(has((c) => c.options.stride[0] > c.weight[2]!)).toBe(true);
    // Rows that no window reaches: where the size less the kernel's extent does not divide by the stride.
    const tail = (c: (typeof drawn)[number]): number =>
      (c.input[2]! + c.options.padding[0][0] + c.options.padding[0][1] - c.options.dilation[0] * (c.weight[2]! - 1) - 1) %
      c.options.stride[0];
    for (const r of [1, 2]) expect(has((c) => tail(c) === r)).toBe(true);
  });

  it('make pools of the promised output whose windows all see the image', () => {
    const drawn = fc.sample(pools({ kernel: 4 }), { seed: 2, numRuns: 300 });
    for (const p of drawn) {
      expect(maxPool2d(device.zeros(p.input), p.kernel, p.options).shape).toEqual(p.output);
      expect(avgPool2d(device.zeros(p.input), p.kernel, p.options).shape).toEqual(p.output);
    }
    expect(drawn.filter((p) => p.options.padding.flat().some((v) => v > 0)).length).toBeGreaterThan(100);
  });
});
