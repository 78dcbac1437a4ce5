/** @file checkGrads itself: what it accepts, what it refuses and how it says so. */
import { describe, expect, it } from 'vitest';
import {
  abs,
  add,
  concat,
  conv2d,
  cpu,
  customVjp,
  detach,
  div,
  exp,
  fused,
  greater,
  log,
  logSoftmax,
  mean,
  mul,
  relu,
  reshape,
  sigmoid,
  slice,
  softmax,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
  where,
} from '../../src/index.ts';
import { axis } from '../../src/testing/difference.ts';
import { slopeAlong } from '../../src/testing/slope.ts';
import {
  checkGrads,
  type CheckGradsOptions,
  GradientError,
  type GradientFailure,
  GradTally,
  NonSmoothError,
} from '../../src/testing/index.ts';

const device = cpu({ dtype: 'float64' });
const point = device.parameter([0.3, -0.7, 1.2, 2], [2, 2]);

async function failureOf(
  f: (...xs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: CheckGradsOptions = {},
): Promise<GradientFailure> {
  const error: unknown = await checkGrads(f, inputs, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GradientError)) throw new Error(`no GradientError but ${String(error)}`);
  return error.failure;
}

describe('the difference', () => {
  it('has a relative error below 1e-9 on exp(sin 3x) x^2 / (1 + x^2), where the derivative is known', async () => {
    const f = (x: number): number => (Math.exp(Math.sin(3 * x)) * x * x) / (1 + x * x);
    const slope = (x: number): number =>
      Math.exp(Math.sin(3 * x)) * ((3 * Math.cos(3 * x) * x * x) / (1 + x * x) + (2 * x) / (1 + x * x) ** 2);
    const evaluate = async ([p]: readonly Float64Array[]): Promise<Float64Array[]> => [p!.map(f)];
    for (let i = 0; i <= 40; i++) {
      const at = [Float64Array.of(-2 + i / 10 + 0.013)];
      const expected = slope(at[0]![0]!);
      const gradient = [Float64Array.of(expected)];
      const { numeric, analytic, uncertainty } = await slopeAlong(
        {
          evaluate,
          point: at,
          centre: await evaluate(at),
          direction: axis(at, 0, 0),
          cotangents: [Float64Array.of(1)],
          gradient,
          noise: [Float64Array.of(0)],
        },
        2 ** -53,
        1e-3,
      );
      expect(Math.abs(numeric - expected)).toBeLessThan(1e-9);
      expect(Math.abs(numeric - expected)).toBeLessThan(uncertainty);
      expect(analytic).toBeCloseTo(expected, 14);
    }
  });
});

describe('checkGrads', () => {
  it('counts one derivative for each element of each input, and of the cotangent from order 2 on', async () => {
    const { orders } = await checkGrads((x) => square(x), [point], { order: 3 });
    // 4 inputs; 4 + 4 cotangent; 8 + 4 cotangents of the input's gradient.
    expect(orders.map((o) => o.derivatives)).toEqual([4, 8, 12]);
    expect(orders.every((o) => o.nonSmooth === 0 && o.worst < 1e-8)).toBe(true);
  });

  it('takes 8 random lines beyond 64 elements, and still names the one element that is wrong', async () => {
    const x = device.tensor(
      Array.from({ length: 100 }, (_, i) => Math.sin(i)),
      [10, 10],
    );
    expect((await checkGrads((t) => tanh(t), [x], { order: 1 })).at(1).derivatives).toBe(8);
    const mask = device.tensor(
      Array.from({ length: 100 }, (_, i) => (i === 37 ? 1.001 : 1)),
      [10, 10],
    );
    const wrong = customVjp(
      'tanh',
      (t: Tensor) => tanh(t),
      (g, { output: y }) => [mul(mul(g, mask), sub(1, square(y)))],
    );
    expect(await failureOf((t) => wrong(t), [x])).toMatchObject({ fault: 'wrong', order: 1, input: 0, element: 37 });
  });

  it('names operation, input, element, both derivatives and the call that shows it again', async () => {
    const wrong = customVjp(
      'product',
      (a: Tensor, b: Tensor) => mul(a, b),
      (g, { inputs: [a, b] }) => [mul(g, b), mul(mul(g, a), 0.5)],
    );
    const other = device.tensor([1, 2, 3, 4], [2, 2]);
    const error: unknown = await checkGrads((a, b) => wrong(a, b), [point, other], { name: 'product', seed: 5 }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(GradientError);
    const { message } = error as GradientError;
    const { analytic, numeric } = (error as GradientError).failure;
    expect(numeric / analytic).toBeCloseTo(2, 6);
    for (const part of [
      'product: wrong derivative, at order 1',
      'input     1 of shape [2, 2], element 0 = [0, 0]',
      `analytic  ${analytic}`,
      `numeric   ${numeric}`,
      'checkGrads(product, [device.tensor([0.3, -0.7, 1.2, 2], [2, 2]), device.tensor([1, 2, 3, 4], [2, 2])], { order: 2, seed: 5 })',
    ]) {
      expect(message).toContain(part);
    }
  });

  it('does not pass silently at a kink, not even at one that central differences straddle evenly', async () => {
    const kinked = device.tensor([0, 1, 2]);
    expect((await failureOf((x) => relu(x), [kinked], { order: 1 })).fault).toBe('non-smooth');
    expect((await failureOf((x) => abs(x), [kinked], { order: 1 })).fault).toBe('non-smooth');
    expect((await failureOf((x) => abs(x), [kinked], { order: 1 })).element).toBe(0);
  });

  it('with a tally counts what cannot be judged, and the tally refuses more than one in a hundred', async () => {
    const tally = new GradTally();
    await checkGrads((x) => relu(x), [device.tensor([0, 1])], { order: 1, tally });
    expect(tally.at(1)).toMatchObject({ derivatives: 2, nonSmooth: 1 });
    expect(() => tally.check('relu')).toThrow(NonSmoothError);
    for (let i = 0; i < 2; i++)
      await checkGrads((x) => relu(x), [device.tensor(Array.from({ length: 60 }, (_, k) => k + 1))], { order: 1, tally });
    expect(() => tally.check('relu')).not.toThrow();
    expect(() => new GradTally().check('nothing')).toThrow(/no derivative/);
  });

  it('reports a jump in the value as not judged, never as right', async () => {
    const jumps = (x: Tensor): Tensor => where(greater(x, 0.3), 5, x);
    expect((await failureOf((x) => jumps(x), [device.tensor([0.3, 1])], { order: 1 })).fault).toBe('non-smooth');
  });

  it('finds a NaN in the gradient of a smooth function', async () => {
    const wrong = customVjp(
      'x',
      (x: Tensor) => mul(x, 1),
      (g) => [mul(g, NaN)],
    );
    await expect(checkGrads((x) => wrong(x), [point])).rejects.toBeInstanceOf(GradientError);
  });

  it('finds a VJP that is not linear in its cotangent, before any difference is taken', async () => {
    const wrong = customVjp(
      'crooked',
      (x: Tensor) => mul(x, 2),
      (g) => [mul(mul(g, abs(g)), 2)],
    );
    expect((await failureOf((x) => wrong(x), [point])).fault).toBe('not linear in the cotangent');
  });

  it('finds that a linear operation is not its own adjoint, with no difference taken', async () => {
    const x = device.tensor(
      Array.from({ length: 9 }, (_, i) => i / 8),
      [1, 1, 3, 3],
    );
    const w = device.tensor([1, 2, 3, 4], [1, 1, 2, 2]);
    await checkGrads((a, b) => conv2d(a, b, { padding: 1 }), [x, w], { linear: [[0], [1]] });
    const affine = (a: Tensor): Tensor => add(mul(a, 2), 1);
    expect(await failureOf((a) => affine(a), [x], { linear: [[0]] })).toMatchObject({
      fault: 'not the adjoint',
      order: 1,
      input: 0,
    });
  });

  it('checks the kernel of a fused operation at order 1 and its composite beyond', async () => {
    const broken = fused('testing.check-grads sigmoid', ([x]: readonly [Tensor]): Tensor => sigmoid(x), {
      cpu: {
        forward: ([x]) => ({ output: sigmoid(x!) }),
        backward: ({ output: y }, g) => [mul(g, y)],
      },
    });
    expect((await failureOf((x) => broken([x], undefined), [point])).order).toBe(1);
    const whole = fused('testing.check-grads tanh', ([x]: readonly [Tensor]): Tensor => tanh(x), {
      cpu: { forward: ([x]) => ({ output: tanh(x!) }), backward: ({ output: y }, g) => [mul(g, sub(1, mul(y, y)))] },
    });
    expect((await checkGrads((x) => whole([x], undefined), [point], { order: 3 })).orders.length).toBe(3);
  });

  it('is replayed by its seed: the same cotangent, the same derivatives', async () => {
    const wrong = (x: Tensor): Tensor => detach(exp(x));
    const failures = await Promise.all([1, 1, 2].map((seed) => failureOf((x) => wrong(x), [point], { seed })));
    expect(failures[0]!.numeric).toBe(failures[1]!.numeric);
    expect(failures[0]!.numeric).not.toBe(failures[2]!.numeric);
  });

  it('treats inputs that cannot vary as constants: labels given as wrt leaves them out', async () => {
    const labels = device.tensor([0, 1]);
    const f = (x: Tensor, y: Tensor): Tensor => mean(mul(square(x), reshape(y, [2, 1])));
    expect((await checkGrads((x, y) => f(x, y), [point, labels], { wrt: [0], order: 1 })).derivatives).toBe(4);
  });

  it('refuses float32, because a difference there is good to 1e-4 at best', async () => {
    const x = cpu({ dtype: 'float32' }).tensor([1, 2]);
    await expect(checkGrads((t) => exp(t), [x])).rejects.toThrow(/float64/);
    await expect(checkGrads((t) => exp(t), [])).rejects.toThrow(/needs an input/);
  });

  it('leaves no tensors behind, and does not free what it was given', async () => {
    const x = device.tensor([0.5, 1.5]);
    await checkGrads((t) => div(sum(exp(t)), 3), [x], { order: 3 });
    const before = device.memory().tensors;
    await checkGrads((t) => div(sum(exp(t)), 3), [x], { order: 3 });
    await checkGrads((t) => t, [x], { order: 2 });
    expect(device.memory().tensors).toBe(before);
    expect(x.disposed).toBe(false);
  });
});

describe('at any scale', () => {
  const point1 = [device.tensor([0.7])];
  /** s x^2 with its VJP times `factor`. */
  const scaled = (s: number, factor: number): ((x: Tensor) => Tensor) => {
    const f = customVjp(
      'scaled',
      (x: Tensor) => mul(square(x), s),
      (g, { inputs: [x] }) => [mul(mul(g, mul(x, 2 * s)), factor)],
    );
    return (x) => f(x);
  };
  const scales = [300, 200, 100, 10, 0, -9, -11, -13, -20, -100, -200, -300].map((e) => 10 ** e);

  it.each(scales)('s x^2 passes to order 2 for s = %d, and a VJP of 0, of half and of 1 + 1e-6 is found', async (s) => {
    const { orders, hidden, nonSmooth } = await checkGrads((x) => mul(square(x), s), point1);
    expect([orders.map((o) => o.derivatives), hidden, nonSmooth]).toEqual([[1, 2], 0, 0]);
    for (const factor of [0, 0.5, -1, 1 + 1e-6]) expect((await failureOf(scaled(s, factor), point1)).fault).toBe('wrong');
  });

  it.each(scales)('a VJP that is not linear in its cotangent is found for s = %d', async (s) => {
    const crooked = customVjp(
      'crooked',
      (x: Tensor) => mul(x, s),
      (g) => [mul(mul(g, abs(g)), s)],
    );
    expect((await failureOf((x) => crooked(x), point1)).fault).toBe('not linear in the cotangent');
  });

  it.each([1e-300, 1e-12, 1e-9, 1e9, 1e12])('log passes at x = %d to order 2, and a VJP of 1.001 / x is found', async (x) => {
    const at = [device.tensor([x, 1])];
    await checkGrads((t) => log(t), at, { order: x < 1e-100 ? 1 : 2 });
    const wrong = customVjp(
      'log',
      (t: Tensor) => log(t),
      (g, { inputs: [t] }) => [mul(div(g, t), 1.001)],
    );
    expect((await failureOf((t) => wrong(t), at)).fault).toBe('wrong');
  });

  /** sum a^2 + p sum b^2, with the derivative by b times `factor`. */
  const unequal = (p: number, factor: number): ((a: Tensor, b: Tensor) => Tensor) => {
    const f = customVjp(
      'unequal',
      (a: Tensor, b: Tensor) => add(sum(square(a)), mul(sum(square(b)), p)),
      (g, { inputs: [a, b] }) => [mul(g, mul(a, 2)), mul(g, mul(b, 2 * p * factor))],
    );
    return (a, b) => f(a, b);
  };

  it('a component that is 1e-4 to 1e-10 of the largest is judged: right, and wrong by 10 % or altogether', async () => {
    const inputs = [device.tensor([0.7]), device.tensor([0.3])];
    for (const p of [1e-4, 1e-6, 1e-8, 1e-9, 1e-10]) {
      expect((await checkGrads(unequal(p, 1), inputs, { order: 1 })).hidden).toBe(0);
      for (const factor of [0, 0.5, 1.1]) {
        const failure = await failureOf(unequal(p, factor), inputs, { order: 1 });
        expect(failure).toMatchObject({ fault: 'wrong', input: 1, element: 0 });
        expect(failure.uncertainty!.numeric).toBeLessThan(0.1 * p);
      }
    }
  });

  it('a component that rounding hides is counted as hidden, right or wrong', async () => {
    const inputs = [device.tensor([0.7]), device.tensor([0.3])];
    for (const factor of [1, 0]) {
      const tally = await checkGrads(unequal(1e-14, factor), inputs, { order: 1 });
      expect(tally.orders).toMatchObject([{ derivatives: 2, hidden: 1, nonSmooth: 0 }]);
    }
  });

  it('among 200 elements too, one of 1e-10 of the largest is found, by a line of its own band', async () => {
    const a = device.tensor(Array.from({ length: 100 }, (_, i) => 1 + Math.sin(i) / 2));
    const b = device.tensor(Array.from({ length: 100 }, (_, i) => 1 + Math.cos(i) / 2));
    // The sums of squares are near 100, so there is less room than with one element.
    expect((await checkGrads(unequal(1e-6, 1), [a, b], { order: 1 })).at(1)).toMatchObject({ derivatives: 16, hidden: 0 });
    expect((await failureOf(unequal(1e-6, 0), [a, b], { order: 1 })).input).toBe(1);
    const elementwise = (factor: number): ((x: Tensor) => Tensor) => {
      const weight = device.tensor(Array.from({ length: 100 }, (_, i) => (i === 41 ? 1e-10 : 1)));
      const claimed = device.tensor(Array.from({ length: 100 }, (_, i) => (i === 41 ? 1e-10 * factor : 1)));
      const f = customVjp(
        'weighted',
        (x: Tensor) => mul(tanh(x), weight),
        (g, { inputs: [x] }) => [mul(mul(g, claimed), sub(1, square(tanh(x))))],
      );
      return (x) => f(x);
    };
    expect((await checkGrads(elementwise(1), [a], { order: 1 })).hidden).toBe(0);
    for (const factor of [0, 0.99]) expect((await failureOf(elementwise(factor), [a], { order: 1 })).element).toBe(41);
  });

  it('never passes when it could judge nothing: the sum of a softmax has only rounding for a derivative', async () => {
    const noise = customVjp(
      'one',
      (x: Tensor) => sum(softmax(x)),
      (g, { inputs: [x] }) => [mul(mul(g, x), 1e-17)],
    );
    expect((await failureOf((x) => noise(x), [device.tensor([1, 2.3, -1])], { order: 1 })).fault).toBe('hidden');
    const tally = new GradTally();
    await checkGrads((x) => noise(x), [device.tensor([1, 2.3, -1])], { order: 1, tally });
    expect(() => tally.check('one')).toThrow(/none of 3/);
  });
});

describe('an infinite output', () => {
  it('that stands still is no roughness, beside finite ones or alone', async () => {
    const x = device.tensor([1, 2]);
    for (const end of [-Infinity, Infinity]) {
      const tail = device.tensor([end]);
      await checkGrads((t) => concat([t, tail], 0), [x]);
      await checkGrads((t) => where(greater(t, -9), end, t), [x], { order: 1 });
    }
    await checkGrads((t) => logSoftmax(concat([t, device.tensor([-Infinity])], 0)), [x]);
  });

  it('does not hide a fault in the finite ones, and a NaN is not taken for it', async () => {
    const tail = device.tensor([-Infinity]);
    const wrong = customVjp(
      'padded',
      (t: Tensor) => concat([square(t), tail], 0),
      (g, { inputs: [t] }) => [mul(slice(g, [0], [2]), t)],
    );
    expect((await failureOf((t) => wrong(t), [device.tensor([1, 2])], { order: 1 })).fault).toBe('wrong');
    const nan = (t: Tensor): Tensor => concat([t, device.tensor([NaN])], 0);
    expect((await failureOf(nan, [device.tensor([1, 2])], { order: 1 })).fault).toBe('non-smooth');
  });
});
