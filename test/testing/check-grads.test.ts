/** @file checkGrads itself: what it accepts, what it refuses and how it says so. */
import { describe, expect, it } from 'vitest';
import {
  abs,
  add,
  conv2d,
  cpu,
  customVjp,
  detach,
  div,
  exp,
  fused,
  greater,
  mean,
  mul,
  relu,
  reshape,
  sigmoid,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
  where,
} from '../../src/index.ts';
import { axis, differentiate } from '../../src/testing/difference.ts';
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
      const { numeric, analytic } = await differentiate(
        evaluate,
        at,
        await evaluate(at),
        axis(at, 0, 0),
        [Float64Array.of(1)],
        gradient,
      );
      expect(Math.abs(numeric - expected)).toBeLessThan(1e-9);
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
