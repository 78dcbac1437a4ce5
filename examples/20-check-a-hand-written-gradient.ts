/** @file A gradient that somebody wrote by hand: bodies joined by springs, the forces as a physics engine has them, and a fault in one. */
import { checkGradFunction, expectGradient, GradientError } from 'reparam/testing';

interface Spring {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}
type Point = readonly [number, number, number];
const springs: readonly Spring[] = [
  { from: 0, to: 1, length: 1 },
  { from: 1, to: 2, length: 0.5 },
];

/** The energy of springs between points, and of their weight. */
function energy(points: readonly Point[], stiffness: number): number {
  let sum = points.reduce((total, [, y]) => total + 9.81 * y, 0);
  for (const { from, to, length } of springs) {
    const [a, b] = [points[from]!, points[to]!];
    sum += 0.5 * stiffness * (Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) - length) ** 2;
  }
  return sum;
}

/** Its derivatives: minus the forces, and by the stiffness. `recoil` is the sign of the force on a spring's other end. */
const gradientWith = (recoil: number) =>
  function gradient(points: readonly Point[], stiffness: number): [number[][], number] {
    const by = points.map(() => [0, 9.81, 0]);
    let byStiffness = 0;
    for (const { from, to, length } of springs) {
      const d = points[from]!.map((v, i) => v - points[to]![i]!);
      const distance = Math.hypot(...d);
      for (let i = 0; i < 3; i++) {
        const force = (stiffness * (distance - length) * d[i]!) / distance;
        by[from]![i]! += force;
        by[to]![i]! += recoil * force;
      }
      byStiffness += 0.5 * (distance - length) ** 2;
    }
    return [by, byStiffness];
  };

const inputs = [
  [
    [0.1, 1.9, 0.3],
    [1.2, 0.7, -0.4],
    [0.8, -0.3, 0.6],
  ] as Point[],
  3.5,
] as const;

// In a test of vitest, jest or node:test this line is the whole test.
const report = await expectGradient(energy, gradientWith(-1), inputs);
console.log(`right: ${report.derivatives} derivatives, f in ${report.precision}`);

// A shader has the same mathematics in float32. The checker sees that, and judges by what float32 can show.
const f32 = Math.fround;
const shade = (x: readonly number[]): number => x.reduce((sum, v) => f32(sum + f32(f32(v * v) * f32(Math.sin(v)))), 0);
const shadeGradient = (x: readonly number[]): number[] => x.map((v) => f32(2 * v * Math.sin(v) + v * v * Math.cos(v)));
const shader = await checkGradFunction(shade, shadeGradient, [[0.4, 1.3, 2.2]]);
console.log(
  `right: ${shader.derivatives} derivatives, f in ${shader.precision}, judged to ${(100 * shader.resolution).toFixed(1)} %`,
);

// The planted fault: action without reaction.
try {
  await checkGradFunction(energy, gradientWith(1), inputs);
} catch (error) {
  if (!(error instanceof GradientError)) throw error;
  console.log(error.message);
}
