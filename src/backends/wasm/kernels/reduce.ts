/**
 * @file Sums over axes. Sixteen numbers are added in a row in every lane of four vectors; their sums are added in float64, so that the
 * error does not grow with the length.
 */
import { broadcastStrides, collapse } from '../../../contract/axes.ts';
import { sizeOf } from '../../../contract/shape.ts';
import type { SimdKernels } from '../kernel.ts';
import { type FunctionWriter, type Local, minimum, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { call, inRanges, overBytes } from '../runtime/calls.ts';
import { type Code, f32, f32x4, f64, f64x2, i32, shuffle, v128, when } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';

/** Vectors that are added side by side, and bytes of them that are added before float64 takes over: sixteen of each. */
const VECTORS = 4;
const RUN_BYTES = 16 * 16 * VECTORS;

/** Rows that are added before float64 takes over. */
const RUN = 16;

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
  const { i, end, stop, whole } = f.locals('i32', 'i end stop whole');
  const sums = totals.map((total) => ({ total, runs: f.localArray('v128', VECTORS) }));
  const add = (place: number): Code =>
    terms(place === 0 ? i.get : i32.add(i.get, i32.const(16 * place)), VECTOR).flatMap((term, k) => {
      const run = sums[k]!.runs[place]!;
      return run.set(f32x4.add(run.get, term));
    });
  return [
    ...whole.set(i32.and(bytes, i32.const(-16))),
    ...i.set(i32.const(0)),
    ...end.set(i32.const(0)),
    ...f.loop(end, i32.const(RUN_BYTES), i32.add(whole.get, i32.const(RUN_BYTES)), RUN_BYTES, [
      ...sums.flatMap(({ runs }) => runs.flatMap((run) => run.set(v128.zero))),
      ...stop.set(minimum(end.get, whole.get)),
      ...f.loop(
        i,
        i32.sub(end.get, i32.const(RUN_BYTES)),
        i32.sub(stop.get, i32.const(16 * (VECTORS - 1))),
        16 * VECTORS,
        Array.from({ length: VECTORS }, (_, place) => add(place)).flat(),
      ),
      ...f.loop(i, i.get, stop.get, 16, add(0)),
      ...sums.flatMap(({ total, runs: [a, b, c, d] }) => [
        ...a!.set(f32x4.add(f32x4.add(a!.get, b!.get), f32x4.add(c!.get, d!.get))),
        ...addLanes(total, a!),
      ]),
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

function sumModule(): WasmModule<'outer' | 'middle'> {
  const module = new ModuleWriter('outer', 'middle');
  // y[k] = sum over a, c of x[a, k, c], x going on by `pitch` from a to a.
  module.add('outer', 'x y outer kept bytes pitch', (f, { x, y, outer, kept, bytes, pitch }) => {
    const { k, a, row } = f.locals('i32', 'k a row');
    const total = f.local('f64');
    return f.loop(k, i32.const(0), kept.get, 1, [
      ...total.set(f64.const(0)),
      ...row.set(i32.add(x.get, i32.mul(k.get, bytes.get))),
      ...f.loop(a, i32.const(0), outer.get, 1, [
        ...sumRow(f, [total], bytes.get, (offset, width) => [width.load(i32.add(row.get, offset))]),
        ...row.advance(pitch.get),
      ]),
      ...f32.store(y.get, f32.fromF64(total.get)),
      ...y.advance(4),
    ]);
  });
  // y[a, c] = sum over b of x[a, b, c], x going on by `pitch` from b to b, in runs of sixteen, whose sums are added in float64.
  module.add('middle', 'x y outer size bytes pitch', (f, { x, y, outer, size, bytes, pitch }) => {
    const { a, b, c, end, at, target } = f.locals('i32', 'a b c end at target');
    const { low, high, total, run, v } = f.locals('v128', 'low high total run v');
    const column = (load: (address: Code) => Code, store: (address: Code) => Code): Code => [
      ...low.set(v128.zero),
      ...high.set(v128.zero),
      ...at.set(i32.add(x.get, target.get)),
      ...f.loop(end, i32.const(RUN), i32.add(size.get, i32.const(RUN)), RUN, [
        ...run.set(v128.zero),
        ...f.loop(b, i32.sub(end.get, i32.const(RUN)), minimum(end.get, size.get), 1, [
          ...v.set(load(at.get)),
          ...run.set(f32x4.add(run.get, v.get)),
          ...at.advance(pitch.get),
        ]),
        ...low.set(f64x2.add(low.get, f64x2.fromLow(run.get))),
        ...high.set(f64x2.add(high.get, f64x2.fromLow(shuffle(run.get, run.get, [2, 3, 2, 3])))),
      ]),
      ...total.set(shuffle(f64x2.toLow(low.get), f64x2.toLow(high.get), [0, 1, 4, 5])),
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
      ...x.advance(i32.mul(size.get, pitch.get)),
      ...y.advance(pitch.get),
    ]);
  });
  return module.assemble();
}

export function reduceKernels(linker: Linker): SimdKernels<'sumTo'> {
  return {
    sumTo: (_params, [x], [y]) => {
      const { sizes, strides } = collapse(x.shape, [broadcastStrides(y.shape, x.shape)]);
      // Innermost first; an axis along which y stays is summed.
      const [columns = 1, second = 1, third = 1] = sizes.toReversed();
      const inner = strides[0]?.at(-1) === 0;
      if (sizes.length > 3 || (!inner && sizes.length < 2)) return undefined;
      const { outer, middle } = linker.load('sum', sumModule);
      const bytes = columns * 4;
      const cost = sizeOf(x.shape) * 4;
      if (inner) {
        const pitch = second * bytes;
        return inRanges(cost, second, (from, to) =>
          call(outer, addressOf(x) + from * bytes, addressOf(y) + from * 4, third, to - from, bytes, pitch),
        );
      }
      if (third > 1) {
        return inRanges(cost, third, (from, to) =>
          call(middle, addressOf(x) + from * second * bytes, addressOf(y) + from * bytes, to - from, second, bytes, bytes),
        );
      }
      return overBytes(bytes, second, (from, length) =>
        call(middle, addressOf(x) + from, addressOf(y) + from, 1, second, length, bytes),
      );
    },
  };
}
