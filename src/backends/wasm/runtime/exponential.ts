/**
 * @file e^x of four floats and the logarithm of one double, as code of a kernel.
 *
 * The exponential is Cody and Waite's reduction x = n log 2 + r with the polynomial of degree 7 of Moshier's Cephes library (expf.c):
 * its error is about a unit in the last place. The logarithm is Sun's fdlibm
 * (e_log.c), below 1 unit in the last place of float64.
 */
import { type FunctionWriter, type Local } from './assembler.ts';
import { type Code, f32, f32x4, f64, i32, i32x4, type MultiplyAdd, v128 } from './instructions.ts';

/** log 2 as a number of nine bits, so that its multiples are exact, and the rest. */
const LOG2_HIGH = 0.693359375;
const LOG2_LOW = -2.1219444e-4;
/** From the highest power down. */
const EXPONENTIAL = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];
/** e to a lower power is 0 here: it would be less than the least normal number of float32. */
const LEAST = -87.33;
/** A number between -2^22 and 2^22, added to this, is an integer in its last bits. */
const ROUND = 1.5 * 2 ** 23;

/**
 * Makes `v` e^(v - top), lane by lane, for v <= top: 0 where v is -Infinity and top is not, NaN where either is NaN. What the difference
 * loses by rounding is made up for, as it would be times |v - top| in the result.
 */
export function exponential(f: FunctionWriter, multiplyAdd: MultiplyAdd): (v: Local, top: Local) => Code {
  const { difference, rest, n, r, p } = f.locals('v128', 'difference rest n r p');
  const constant = (value: number): Code => f32x4.splat(f32.const(value));
  const d = difference.get;
  return (v, top) => [
    // Knuth's exact sum of v and -top: the difference and the rest, which is NaN for infinities and is 0 then.
    ...difference.set(f32x4.sub(v.get, top.get)),
    ...p.set(f32x4.sub(d, v.get)),
    ...rest.set(f32x4.sub(f32x4.sub(v.get, f32x4.sub(d, p.get)), f32x4.add(top.get, p.get))),
    ...rest.set(v128.and(rest.get, f32x4.equal(rest.get, rest.get))),
    ...r.set(f32x4.larger(d, constant(LEAST))),
    ...n.set(multiplyAdd(r.get, constant(Math.LOG2E), constant(ROUND))),
    ...p.set(f32x4.sub(n.get, constant(ROUND))),
    ...r.set(multiplyAdd(p.get, constant(-LOG2_HIGH), r.get)),
    ...r.set(f32x4.add(multiplyAdd(p.get, constant(-LOG2_LOW), r.get), rest.get)),
    ...p.set(constant(EXPONENTIAL[0]!)),
    ...EXPONENTIAL.slice(1).flatMap((c) => p.set(multiplyAdd(p.get, r.get, constant(c)))),
    ...p.set(f32x4.add(multiplyAdd(f32x4.mul(r.get, r.get), p.get, r.get), constant(1))),
    // 2^n: n becomes the exponent.
    ...n.set(i32x4.add(i32x4.shl(n.get, i32.const(23)), i32x4.splat(i32.const(127 << 23)))),
    ...v.set(v128.andNot(f32x4.mul(p.get, n.get), f32x4.lessThan(d, constant(LEAST)))),
  ];
}

/** fdlibm's Lg7 to Lg1. */
const LOGARITHM = [
  1.479819860511658591e-1, 1.531383769920937332e-1, 1.818357216161805012e-1, 2.222219843214978396e-1, 2.857142874366239149e-1,
  3.999999999940941908e-1, 6.66666666666673513e-1,
];

/** Makes `x` log x, for x in [1, 2^127] or NaN. */
export function logarithm(f: FunctionWriter): (x: Local) => Code {
  const { bits, exponent } = f.locals('i32', 'bits exponent');
  const { m, s, z, r } = f.locals('f64', 'm s z r');
  return (x) => [
    // x = 2^exponent (1 + m), 1 + m in [sqrt 1/2, sqrt 2).
    ...bits.set(i32.reinterpretF32(f32.fromF64(x.get))),
    ...exponent.set(i32.sub(i32.shr(i32.add(bits.get, i32.const(0x3f800000 - 0x3f3504f3)), i32.const(23)), i32.const(127))),
    ...m.set(f64.mul(x.get, f64.fromF32(f32.reinterpretI32(i32.shl(i32.sub(i32.const(127), exponent.get), i32.const(23)))))),
    ...m.set(f64.sub(m.get, f64.const(1))),
    ...s.set(f64.div(m.get, f64.add(f64.const(2), m.get))),
    ...z.set(f64.mul(s.get, s.get)),
    ...r.set(f64.const(0)),
    ...LOGARITHM.flatMap((c) => r.set(f64.mul(z.get, f64.add(r.get, f64.const(c))))),
    // log(1 + m) = m - (h - s (h + r)), h = m^2 / 2.
    ...z.set(f64.mul(f64.const(0.5), f64.mul(m.get, m.get))),
    ...r.set(f64.sub(m.get, f64.sub(z.get, f64.mul(s.get, f64.add(z.get, r.get))))),
    ...x.set(f64.add(f64.mul(f64.fromI32(exponent.get), f64.const(Math.LN2)), r.get)),
  ];
}
