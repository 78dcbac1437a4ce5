/** @file Sums over axes. Runs of up to 1,024 numbers are summed in vectors; their sums are added in float64. */
import { addressOf } from '../runtime/buffer.ts';
import { mergedAxes } from './broadcast.ts';
import { type FunctionWriter, type Local, minimum, ModuleWriter } from '../runtime/assembler.ts';
import { type Code, f32, f32x4, f64, i32, v128, when } from '../runtime/instructions.ts';
import type { SimdKernels } from '../kernel.ts';
import type { Linker } from '../runtime/linker.ts';

const RUN_BYTES = 4096;

/** Adds the four lanes of a vector to a float64. */
export function addLanes(total: Local, v: Local): Code {
  const lane = (i: number): Code => f64.fromF32(f32x4.lane(v.get, i));
  return total.set(f64.add(total.get, f64.add(f64.add(lane(0), lane(1)), f64.add(lane(2), lane(3)))));
}

/**
 * Adds to float64 totals the sums, over a row of `bytes` bytes, of what `terms` makes of the row's elements. `terms` gets the byte
 * offset within the row, and the arithmetic and loads of vectors or (for the last elements) of single numbers.
 */
export function sumRow(
  f: FunctionWriter,
  totals: readonly Local[],
  bytes: Code,
  terms: (offset: Code, width: Width) => readonly Code[],
): Code {
  const [i, end, whole] = [f.i32(), f.i32(), f.i32()];
  const sums = totals.map(() => f.v128());
  return [
    ...whole.set(i32.and(bytes, i32.const(-16))),
    ...i.set(i32.const(0)),
    ...end.set(i32.const(0)),
    ...f.loop(end, i32.const(RUN_BYTES), i32.add(whole.get, i32.const(RUN_BYTES)), RUN_BYTES, [
      ...sums.flatMap((sum) => sum.set(v128.zero)),
      ...f.loop(
        i,
        i32.sub(end.get, i32.const(RUN_BYTES)),
        minimum(end.get, whole.get),
        16,
        terms(i.get, VECTOR).flatMap((term, k) => sums[k]!.set(f32x4.add(sums[k]!.get, term))),
      ),
      ...sums.flatMap((sum, k) => addLanes(totals[k]!, sum)),
    ]),
    ...f.loop(
      i,
      whole.get,
      bytes,
      4,
      terms(i.get, SINGLE).flatMap((term, k) => totals[k]!.set(f64.add(totals[k]!.get, f64.fromF32(term)))),
    ),
  ];
}

/** The same arithmetic on four floats or on one. */
export interface Width {
  readonly load: (address: Code) => Code;
  readonly add: (a: Code, b: Code) => Code;
  readonly sub: (a: Code, b: Code) => Code;
  readonly mul: (a: Code, b: Code) => Code;
  /** A vector that holds one number in all lanes, as an operand of this width. */
  readonly same: (v: Local) => Code;
}

export const VECTOR: Width = { load: v128.load, add: f32x4.add, sub: f32x4.sub, mul: f32x4.mul, same: (v) => v.get };
export const SINGLE: Width = {
  load: f32.load,
  add: f32.add,
  sub: f32.sub,
  mul: f32.mul,
  same: (v) => f32x4.lane(v.get, 0),
};

function sumModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  // y[k] = sum over a, c of x[a, k, c].
  module.add('outer', ['i32', 'i32', 'i32', 'i32', 'i32'], (f, x, y, outer, kept, bytes) => {
    const [k, a, row] = [f.i32(), f.i32(), f.i32()];
    const total = f.local('f64');
    return f.loop(k, i32.const(0), kept.get, 1, [
      ...total.set(f64.const(0)),
      ...row.set(i32.add(x.get, i32.mul(k.get, bytes.get))),
      ...f.loop(a, i32.const(0), outer.get, 1, [
        ...sumRow(f, [total], bytes.get, (offset, width) => [width.load(i32.add(row.get, offset))]),
        ...row.advance(i32.mul(kept.get, bytes.get)),
      ]),
      ...f32.store(y.get, f32.fromF64(total.get)),
      ...y.advance(4),
    ]);
  });
  // y[a, c] = sum over b of x[a, b, c], in runs of 256.
  module.add('middle', ['i32', 'i32', 'i32', 'i32', 'i32'], (f, x, y, outer, size, bytes) => {
    const [a, b, c, end, at, target] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const [total, run, v] = [f.v128(), f.v128(), f.v128()];
    const column = (load: (address: Code) => Code, store: (address: Code) => Code): Code => [
      ...total.set(v128.zero),
      ...at.set(i32.add(x.get, target.get)),
      ...f.loop(end, i32.const(256), i32.add(size.get, i32.const(256)), 256, [
        ...run.set(v128.zero),
        ...f.loop(b, i32.sub(end.get, i32.const(256)), minimum(end.get, size.get), 1, [
          ...v.set(load(at.get)),
          ...run.set(f32x4.add(run.get, v.get)),
          ...at.advance(bytes.get),
        ]),
        ...total.set(f32x4.add(total.get, run.get)),
      ]),
      ...store(i32.add(y.get, target.get)),
    ];
    return f.loop(a, i32.const(0), outer.get, 1, [
      ...when(
        i32.lessThan(bytes.get, i32.const(16)),
        f.loop(c, i32.const(0), bytes.get, 4, [
          ...target.set(c.get),
          ...column(v128.loadSplat, (address) => f32.store(address, f32x4.lane(total.get, 0))),
        ]),
        f.loop(c, i32.const(0), bytes.get, 16, [
          ...target.set(minimum(c.get, i32.sub(bytes.get, i32.const(16)))),
          ...column(v128.load, (address) => v128.store(address, total.get)),
        ]),
      ),
      ...x.advance(i32.mul(size.get, bytes.get)),
      ...y.advance(bytes.get),
    ]);
  });
  return module.bytes();
}

export function reductionKernels(linker: Linker): SimdKernels {
  return {
    sumTo: (_params, [x], [y]) => {
      // Innermost first; an axis along which y stays is summed.
      const axes = mergedAxes(x!.shape, [y!.shape]);
      const sizes = axes.map((axis) => axis.size);
      const inner = axes[0]!.strides[0] === 0;
      if (axes.length > 3 || (!inner && axes.length < 2)) return undefined;
      const { outer, middle } = linker.load('sum', sumModule);
      const sum = (inner ? outer : middle)!;
      const [bytes, second, third] = [sizes[0]! * 4, sizes[1] ?? 1, sizes[2] ?? 1];
      return () => sum(addressOf(x!), addressOf(y!), third, second, bytes);
    },
  };
}
