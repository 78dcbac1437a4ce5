/** @file checkGradFunction: hand-written derivatives of functions on plain numbers, right and wrong ones, in float64, float32 and noise. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkGradFunction,
  type CheckGradFunctionOptions,
  expectGradient,
  GradientError,
  type GradientFailure,
  GradTally,
} from '../../src/testing/index.ts';
import { realNumbers } from '../../src/testing/properties/index.ts';

async function failureOf(check: Promise<unknown>): Promise<GradientFailure> {
  const error: unknown = await check.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GradientError)) throw new Error(`no GradientError but ${String(error)}`);
  return error.failure;
}

/** What three.js keeps a point in: numbers in an instance. */
class Vector3 {
  x: number;
  y: number;
  z: number;
  constructor(x: number, y: number, z: number) {
    this.x = x;
    this.y = y;
    this.z = z;
  }
  distanceTo(other: Vector3): number {
    return Math.hypot(this.x - other.x, this.y - other.y, this.z - other.z);
  }
}

const spring = (p: Vector3, q: Vector3, k: number): number => 0.5 * k * (p.distanceTo(q) - 1) ** 2;
function springForces(p: Vector3, q: Vector3, k: number): unknown {
  const d = p.distanceTo(q);
  const pull = (k * (d - 1)) / d;
  const by = { x: pull * (p.x - q.x), y: pull * (p.y - q.y), z: pull * (p.z - q.z) };
  return [by, { x: -by.x, y: -by.y, z: -by.z }, 0.5 * (d - 1) ** 2];
}
const ends = [new Vector3(1.234, 2.345, 0.1), new Vector3(0.2, -1.3, 0.7), 3] as const;

function softmax(x: readonly number[]): number[] {
  const e = x.map(Math.exp);
  const total = e.reduce((a, b) => a + b);
  return e.map((v) => v / total);
}
function softmaxBackward(x: readonly number[], cotangent: readonly number[]): number[] {
  const y = softmax(x);
  const mean = y.reduce((sum, v, i) => sum + v * cotangent[i]!, 0);
  return y.map((v, i) => v * (cotangent[i]! - mean));
}
function softmaxJacobian(x: readonly number[]): number[][] {
  const y = softmax(x);
  return y.map((v, i) => y.map((u, j) => (i === j ? v * (1 - v) : -v * u)));
}
const logits = [[0.3, -1.2, 0.7]] as const;

describe('a function of one number', () => {
  it('passes with its gradient: of numbers, of arrays, of typed arrays, of instances, nested, asynchronous', async () => {
    expect(
      await checkGradFunction(
        (a: number, b: number) => a * b * b,
        (a: number, b: number) => [b * b, 2 * a * b],
        [3, -2],
      ),
    ).toMatchObject({
      derivatives: 2,
      hidden: 0,
      precision: 'float64',
      resolution: 1e-7,
    });
    expect((await checkGradFunction(spring, springForces, ends)).derivatives).toBe(7);
    const energy = (x: Float64Array): number => x.reduce((sum, v) => sum + v ** 3, 0);
    expect((await checkGradFunction(energy, (x) => x.map((v) => 3 * v * v), Float64Array.of(1, 2, -0.5))).derivatives).toBe(3);
    const nested = (scene: { readonly bodies: readonly { readonly at: readonly number[]; readonly mass: number }[] }): number =>
      scene.bodies.reduce((sum, { at, mass }) => sum + mass * Math.sin(at[0]!) * at[1]!, 0);
    const scene = {
      bodies: [
        { at: [0.1, 2], mass: 1.5 },
        { at: [-1, 0.3], mass: 2 },
      ],
    };
    const by = ({ bodies }: typeof scene): unknown => ({
      bodies: bodies.map(({ at, mass }) => ({
        mass: Math.sin(at[0]!) * at[1]!,
        at: [mass * Math.cos(at[0]!) * at[1]!, mass * Math.sin(at[0]!)],
      })),
    });
    expect((await checkGradFunction(nested, by, [scene])).derivatives).toBe(6);
    const later = async (x: number): Promise<number> => x * x;
    expect((await checkGradFunction(later, async (x: number) => 2 * x, [3])).derivatives).toBe(1);
  });

  it('names the component, both values, their uncertainty, the simplest input and a line that replays it', async () => {
    const wrong = (p: Vector3, q: Vector3, k: number): unknown => {
      const [by, ...others] = springForces(p, q, k) as [
        { readonly x: number; readonly y: number; readonly z: number },
        ...unknown[],
      ];
      return [{ ...by, y: -by.y }, ...others];
    };
    const check = checkGradFunction(spring, wrong, ends);
    const failure = await failureOf(check);
    expect(failure).toMatchObject({ fault: 'wrong', component: 'input 0 (p).y' });
    expect(failure.numeric / failure.analytic).toBeCloseTo(-1, 6);
    expect(failure.uncertainty!.numeric).toBeLessThan(1e-8);
    const { message } = (await check.catch((e: unknown) => e)) as Error;
    expect(message).toMatch(
      /^spring: wrong derivative\n {2}component {2}input 0 \(p\)\.y\n {2}analytic {3}\S+ \+- \S+\n {2}numeric {4}\S+ \+- \S+\n/,
    );
    expect(failure.smallest).toContain('{ x: 0, y: 0, z: 0 }');
    expect(failure.replay).toMatch(/^await checkGradFunction\(spring, wrong, \[.*\], \{ seed: 0, shrink: false \}\)$/);
    // The line is code: run as it stands it fails in the same way.
    // oxlint-disable-next-line typescript/no-implied-eval -- the line is what is tested
    const run = new Function('checkGradFunction', 'spring', 'wrong', 'Vector3', `return (async () => { ${failure.replay} })()`) as (
      ...names: unknown[]
    ) => Promise<unknown>;
    const again = await failureOf(run(checkGradFunction, spring, wrong, Vector3));
    expect([again.component, again.analytic, again.numeric, again.replay]).toEqual([
      failure.component,
      failure.analytic,
      failure.numeric,
      failure.replay,
    ]);
  });

  it.each([0, 0.5, -1, 1.001])('finds the one wrong element of 200, a factor of %d', async (factor) => {
    const x = Float64Array.from({ length: 200 }, (_, i) => 2 + Math.sin(i));
    const energy = (v: Float64Array): number => v.reduce((sum, u) => sum + u ** 3, 0);
    const by = (v: Float64Array): Float64Array => v.map((u, i) => (i === 77 ? factor : 1) * 3 * u * u);
    expect((await failureOf(checkGradFunction(energy, by, [x]))).component).toBe('input 0 (v)[77]');
  });

  it('is judged at the scale of its inputs: charges of 1e-19 and distances of 1e-11', async () => {
    const coulomb = (q: number, r: number): number => (8.99e9 * q * q) / r;
    const by = (q: number, r: number): number[] => [(2 * 8.99e9 * q) / r, (-8.99e9 * q * q) / (r * r)];
    const at = [1.6e-19, 5.3e-11] as const;
    expect(await checkGradFunction(coulomb, by, at)).toMatchObject({ derivatives: 2, hidden: 0, precision: 'float64' });
    const wrong = (q: number, r: number): number[] => [by(q, r)[0]!, by(q, r)[1]! * r];
    expect((await failureOf(checkGradFunction(coulomb, wrong, at))).component).toBe('input 1 (r)');
  });

  it('gives both functions copies, and finds a gradient that adds to what it returned before', async () => {
    const x = [1.5, 2.5];
    const scribbles = (v: number[]): number => (v[0]! *= v[1]!);
    await checkGradFunction(scribbles, (v: number[]) => [v[1]!, v[0]!], [x]);
    expect(x).toEqual([1.5, 2.5]);
    const sum = [0, 0];
    const adds = (v: number[]): number[] => {
      sum[0]! += v[1]!;
      sum[1]! += v[0]!;
      return sum;
    };
    expect((await failureOf(checkGradFunction((v: number[]) => v[0]! * v[1]!, adds, [x]))).fault).toBe('not repeatable');
  });

  it('does not pass what it could not judge: a kink, a constant, a NaN, an optimum', async () => {
    expect((await failureOf(checkGradFunction(Math.abs, Math.sign, [0]))).fault).toBe('non-smooth');
    expect(
      (
        await failureOf(
          checkGradFunction(
            (_: number) => 5,
            () => 1,
            [0.4],
          ),
        )
      ).fault,
    ).toBe('wrong');
    expect((await failureOf(checkGradFunction(Math.sin, () => 1e-17, [Math.PI / 2]))).fault).toBe('hidden');
    const oneWay = (x: number): number => (x > 0.4 ? NaN : x);
    expect((await failureOf(checkGradFunction(oneWay, () => 1, [0.4]))).fault).toBe('non-smooth');
  });

  it('says in one line what does not fit together', async () => {
    const product = (x: number[]): number => x[0]! * x[1]!;
    await expect(checkGradFunction(product as never, product as never, [1, 2] as never)).rejects.toThrow(/list of f's arguments/);
    await expect(checkGradFunction(softmax, (x: readonly number[]) => x, logits)).rejects.toThrow(/3 numbers.*vjpF/);
    await expect(
      checkGradFunction(
        (a: number, b: number) => a * b,
        (a: number) => a,
        [1, 2],
      ),
    ).rejects.toThrow(/list of 2/);
    await expect(checkGradFunction(spring, () => [{ x: 1, y: 1 }, { x: 0, y: 0, z: 0 }, 0], ends)).rejects.toThrow(
      /input 0 \(p\)\.z is undefined/,
    );
    await expect(checkGradFunction(softmax, { jacobianF: () => [[1, 2]] }, logits)).rejects.toThrow(/3 x 3/);
    await expect(checkGradFunction(softmax, {}, logits)).rejects.toThrow(/gradF.*vjpF.*jacobianF/);
    await expect(
      checkGradFunction(
        (s: string) => s.length,
        () => 0,
        ['a'],
      ),
    ).rejects.toThrow(/no input holds a float/);
  });

  it('leaves out what wrt does not list, and keeps integers, strings and flags as they are', async () => {
    const pick = (x: number[], at: Int32Array, scale: number, mode: string): number =>
      (mode === 'double' ? 2 : 1) * scale * x[at[0]!]! ** 2;
    const by = (x: number[], at: Int32Array, scale: number): number[] => x.map((v, i) => (i === at[0] ? 4 * scale * v : 0));
    expect((await checkGradFunction(pick, by, [[1, 2, 3], Int32Array.of(1), 5, 'double'], { wrt: [0] })).derivatives).toBe(3);
  });
});

describe('a function of several numbers', () => {
  it('passes with its backward pass, and with its Jacobian, nested or flat', async () => {
    expect((await checkGradFunction(softmax, { vjpF: softmaxBackward }, logits)).derivatives).toBe(3);
    expect((await checkGradFunction(softmax, { jacobianF: softmaxJacobian }, logits)).derivatives).toBe(9);
    const flat = (x: readonly number[]): Float64Array => Float64Array.from(softmaxJacobian(x).flat());
    expect((await checkGradFunction(softmax, { jacobianF: flat }, logits)).derivatives).toBe(9);
    const polar = (r: number, angle: number): { x: number; y: number } => ({ x: r * Math.cos(angle), y: r * Math.sin(angle) });
    const jacobianF = (r: number, a: number): number[][] => [
      [Math.cos(a), Math.sin(a)],
      [-r * Math.sin(a), r * Math.cos(a)],
    ];
    expect((await checkGradFunction(polar, { jacobianF }, [2, 0.3])).derivatives).toBe(4);
    const vjpF = (r: number, a: number, { x, y }: { x: number; y: number }): number[] => [
      x * Math.cos(a) + y * Math.sin(a),
      r * (y * Math.cos(a) - x * Math.sin(a)),
    ];
    expect((await checkGradFunction(polar, { vjpF }, [2, 0.3])).derivatives).toBe(2);
  });

  it('names the output as well as the input: the diagonal alone, a factor, a transposed matrix', async () => {
    const diagonal = (x: readonly number[], g: readonly number[]): number[] => softmax(x).map((v, i) => v * (1 - v) * g[i]!);
    const failure = await failureOf(checkGradFunction(softmax, { vjpF: diagonal }, logits));
    expect(failure.component).toBe('input 0 (x)[0], of output[1]');
    const factor = (x: readonly number[]): number[][] =>
      softmaxJacobian(x).map((row, i) => row.map((v, j) => (i === 2 && j === 0 ? 1.0001 * v : v)));
    expect((await failureOf(checkGradFunction(softmax, { jacobianF: factor }, logits))).component).toBe(
      'input 0 (x)[0], of output[2]',
    );
    const A = [
      [1, 2],
      [3, 5],
      [-1, 0.5],
    ];
    const apply = (x: readonly number[]): number[] => A.map((row) => row[0]! * x[0]! + row[1]! * x[1]!);
    await checkGradFunction(apply, { jacobianF: () => A }, [[0.4, 0.7]]);
    const transposed = (): number[] => [1, 3, -1, 2, 5, 0.5];
    expect((await failureOf(checkGradFunction(apply, { jacobianF: transposed }, [[0.4, 0.7]]))).fault).toBe('wrong');
  });

  it('finds a backward pass that is not linear in its cotangent', async () => {
    const crooked = (x: readonly number[], g: readonly number[]): number[] => softmaxBackward(x, g.map(Math.abs));
    expect((await failureOf(checkGradFunction(softmax, { vjpF: crooked }, logits))).fault).toBe('not linear in the cotangent');
  });

  it('an infinite output beside finite ones is no roughness', async () => {
    const masked = (x: readonly number[]): number[] => [...softmax(x).map(Math.log), -Infinity];
    const vjpF = (x: readonly number[], g: readonly number[]): number[] => {
      const y = softmax(x);
      const total = g.slice(0, -1).reduce((a, b) => a + b);
      return y.map((v, i) => g[i]! - v * total);
    };
    expect((await checkGradFunction(masked, { vjpF }, logits)).derivatives).toBe(3);
  });
});

describe('a function in float32', () => {
  const f32 = Math.fround;
  /** sum x sin x, every operation rounded. */
  const inFloat32 = (x: ArrayLike<number>): number =>
    Array.from(x).reduce((sum, v) => f32(sum + f32(f32(Math.sin(f32(v))) * f32(v))), 0);
  const by =
    (factor: number) =>
    (x: readonly number[]): number[] =>
      x.map((v) => f32(factor * f32(f32(f32(Math.cos(v)) * v) + f32(Math.sin(v)))));
  const x = [0.3, 1.7, -2.2, 0.6];

  it('is recognised, passes with a float32 gradient, and the report says how finely it was judged', async () => {
    for (const input of [x, Float32Array.from(x)]) {
      const report = await checkGradFunction(inFloat32, (v: ArrayLike<number>) => by(1)(Array.from(v)), [input]);
      expect(report).toMatchObject({ derivatives: 4, hidden: 0, nonSmooth: 0, precision: 'float32' });
      expect(report.noise).toBeGreaterThan(2 ** -28);
      expect(report.noise).toBeLessThan(2 ** -22);
      expect(report.resolution).toBeLessThan(1e-2);
    }
  });

  it.each([0, 0.5, -1, 1.1, 1.01])('with a gradient times %d is found, and the message speaks of float32', async (factor) => {
    const error: unknown = await checkGradFunction(inFloat32, by(factor), [x]).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(GradientError);
    expect((error as GradientError).failure.fault).toBe('wrong');
    expect((error as GradientError).message).toMatch(/noise +the values of f are float32/);
  });
});

describe('a noisy function', () => {
  /** 40 points and seeds for each size of the noise. */
  const noisy = (size: number, seed: number): ((x: number) => number) => {
    let state = seed;
    return (x) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.sin(x) + size * (state / 2 ** 32 - 0.5);
    };
  };
  /** The noise of shaders: another value at every x, the same each time. */
  const hashed =
    (size: number) =>
    (x: number): number => {
      const v = Math.sin(x * 12.9898) * 43758.5453;
      return Math.sin(x) + size * (v - Math.floor(v));
    };

  it('is judged by its own noise: the right derivative passes, twice of it and none are found', async () => {
    let [right, found, hidden] = [0, 0, 0];
    for (const size of [1e-10, 1e-7, 1e-5, 1e-4]) {
      for (let seed = 1; seed <= 10; seed++) {
        // The hash is smooth where its sine has an extremum: there cos(12.9898 x) is 0.
        const x = (0.3 + Math.PI * seed) / 12.9898;
        for (const make of [noisy(size, seed), hashed(size)]) {
          const report = await checkGradFunction(make, Math.cos, [x], { seed });
          right++;
          expect(report.precision).not.toBe('float64');
          expect(report.resolution).toBeGreaterThan(1e-7);
          for (const wrong of [(v: number): number => 2 * Math.cos(v), (): number => 0]) {
            const { fault } = await failureOf(checkGradFunction(make, wrong, [x], { seed, shrink: false }));
            if (fault === 'wrong') found++;
            else hidden++;
          }
        }
      }
    }
    expect([right, found, hidden]).toEqual([80, 160, 0]);
  });

  it('is not passed where the noise hides everything', async () => {
    for (const factor of [0, 1]) {
      const { fault } = await failureOf(checkGradFunction(noisy(0.5, 3), (x: number) => factor * Math.cos(x), [0.7]));
      expect(['hidden', 'non-smooth']).toContain(fault);
    }
  });
});

describe('cases of a fast-check arbitrary', () => {
  const sumOfSquares = (x: number[], y: number): number => x.reduce((sum, v) => sum + v * v * y, 0);
  const right = (x: number[], y: number): unknown => [x.map((v) => 2 * v * y), x.reduce((sum, v) => sum + v * v, 0)];
  /** Wrong in the third element only, so that it needs three. */
  const wrong = (x: number[], y: number): unknown => [
    x.map((v, i) => (i === 2 ? 1 : 2) * v * y),
    x.reduce((sum, v) => sum + v * v, 0),
  ];
  const cases = fc.tuple(realNumbers({ min: 1, max: 6 }), fc.integer({ min: 1, max: 9 }));

  it('are all checked', async () => {
    const report = await checkGradFunction(sumOfSquares, right, cases, { runs: 20 });
    expect(report.cases).toBe(20);
    expect(report.derivatives).toBeGreaterThan(40);
    await expectGradient(softmax, { vjpF: softmaxBackward }, fc.tuple(realNumbers(3)), { runs: 5 });
  });

  it('shrink to the smallest that fails, which is replayed by its inputs and by seed and path', async () => {
    const failure = await failureOf(checkGradFunction(sumOfSquares, wrong, cases, { seed: 3 }));
    expect(failure).toMatchObject({ fault: 'wrong', component: 'input 0 (x)[2]' });
    expect(failure.smallest).toMatch(/^\[\[0, 0, 1\], 1\] \(after \d+ shrinks\)$/);
    const path = /path: '([\d:]+)'/.exec(failure.replay)![1]!;
    const again = await failureOf(checkGradFunction(sumOfSquares, wrong, cases, { seed: 3, path }));
    expect(again.component).toBe(failure.component);
    await expect(checkGradFunction(sumOfSquares, wrong, cases, { seed: 3, path: '0:1:2:99999' })).rejects.toThrow(
      /leads to no case/,
    );
  });

  it('that throw are shrunk and shown too', async () => {
    const throws = (x: number[]): number => {
      if (x.length > 2) throw new RangeError('too long');
      return x[0]!;
    };
    const by = (x: number[]): number[] => x.map((_, i) => (i === 0 ? 1 : 0));
    await expect(checkGradFunction(throws, by, fc.tuple(realNumbers({ min: 1, max: 6 })))).rejects.toThrow(
      /threw RangeError: too long\n +smallest/,
    );
  });

  it('share the limit on what could not be judged', async () => {
    const kinked = fc.tuple(fc.constantFrom(0));
    await expect(checkGradFunction(Math.abs, Math.sign, kinked)).rejects.toThrow(/none of 50 derivatives could be judged/);
    const tally = new GradTally();
    const options: CheckGradFunctionOptions = { tally, runs: 3 };
    await checkGradFunction(Math.abs, Math.sign, kinked, options);
    expect(tally.at(1)).toMatchObject({ derivatives: 3, nonSmooth: 3 });
  });
});
