/** @file SIMD modules of take and put, one number at a time: they make a maximum pool and its gradient of the pool's indices. */
import { dims } from '../../../contract/shape.ts';
import type { SimdKernels } from '../kernel.ts';
import { type FunctionWriter, type Local, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { call, callWithScratch, inRanges } from '../runtime/calls.ts';
import { type Code, f32, f32x4, f64, f64x2, i32, i32x4, shuffle, v128, when, zeroFill } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';

/**
 * `take(x, index, y, rows, n bytes, m bytes)` and `put(g, index, x, rows, n bytes, m bytes)`. An index that names no element of its row
 * takes NaN, and makes the whole row that it is put into NaN, as in the plain loops.
 */
function indexingModule(): WasmModule<'take' | 'put'> {
  const module = new ModuleWriter('take', 'put');
  module.add('take', 'x index y rows n m', (f, { x, index, y, rows, n, m }) => {
    const r = f.i32();
    const copy = (j: Code, at: Code): Code => f32.store(i32.add(y.get, j), f32.load(i32.add(x.get, i32.shl(at, i32.const(2)))));
    const lose = (j: Code): Code => f32.store(i32.add(y.get, j), f32.const(NaN));
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...eachIndex(f, index, n, m, copy, lose),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...y.advance(m.get),
    ]);
  });
  // Sums are kept in float64 in `sums`, n elements.
  module.add('put', 'g index x rows n m sums', (f, { g, index, x, rows, n, m, sums }) => {
    const { r, j, to, lost, whole } = f.locals('i32', 'r j to lost whole');
    const add = (j: Code, at: Code): Code => [
      ...to.set(i32.add(sums.get, i32.shl(at, i32.const(3)))),
      ...f64.store(to.get, f64.add(f64.load(to.get), f64.fromF32(f32.load(i32.add(g.get, j))))),
    ];
    const two = (offset: number): Code => f64x2.toLow(v128.load(to.get, offset));
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...zeroFill(sums.get, i32.shl(n.get, i32.const(1))),
      ...lost.set(i32.const(0)),
      ...eachIndex(f, index, n, m, add, () => lost.set(i32.const(1))),
      ...whole.set(i32.and(n.get, i32.const(-16))),
      ...f.loop(j, i32.const(0), whole.get, 16, [
        ...to.set(i32.add(sums.get, i32.shl(j.get, i32.const(1)))),
        ...v128.store(i32.add(x.get, j.get), shuffle(two(0), two(16), [0, 1, 4, 5])),
      ]),
      ...f.loop(j, whole.get, n.get, 4, [
        ...to.set(i32.add(sums.get, i32.shl(j.get, i32.const(1)))),
        ...f32.store(i32.add(x.get, j.get), f32.fromF64(f64.load(to.get))),
      ]),
      ...when(lost.get, f.loop(j, i32.const(0), n.get, 4, f32.store(i32.add(x.get, j.get), f32.const(NaN)))),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...g.advance(m.get),
    ]);
  });
  return module.assemble();
}

/**
 * For each of a row's indices, m bytes of floats, what is done at its byte j with its whole number, where that is one of those below the n of
 * so many bytes, or else. Four are looked at together; where one of them names nothing, each is looked at by itself.
 */
function eachIndex(
  f: FunctionWriter,
  index: Local,
  n: Local,
  m: Local,
  found: (j: Code, at: Code) => Code,
  lost: (j: Code) => Code,
): Code {
  const { i, end, at, whole } = f.locals('i32', 'i end at whole');
  const { value } = f.locals('f32', 'value');
  const { values, places, bound } = f.locals('v128', 'values places bound');
  const count = i32.shr(n.get, i32.const(2));
  const allNamed = i32x4.allTrue(
    v128.and(i32x4.lessThanUnsigned(places.get, bound.get), f32x4.equal(i32x4.toF32(places.get), values.get)),
  );
  const named = i32.and(i32.lessThanUnsigned(at.get, count), f32.equal(f32.fromI32(at.get), value.get));
  const oneByOne = f.loop(i, i.get, end.get, 4, [
    ...value.set(f32.load(i32.add(index.get, i.get))),
    ...at.set(i32.fromF32(value.get)),
    ...when(named, found(i.get, at.get), lost(i.get)),
  ]);
  return [
    ...bound.set(i32x4.splat(count)),
    ...whole.set(i32.and(m.get, i32.const(-16))),
    ...i.set(i32.const(0)),
    ...f.loop(end, i32.const(16), i32.add(whole.get, i32.const(1)), 16, [
      ...values.set(v128.load(i32.add(index.get, i.get))),
      ...places.set(i32x4.fromF32(values.get)),
      ...when(
        allNamed,
        [
          ...[0, 1, 2, 3].flatMap((lane) => found(i32.add(i.get, i32.const(4 * lane)), i32x4.lane(places.get, lane))),
          ...i.set(end.get),
        ],
        oneByOne,
      ),
    ]),
    ...end.set(m.get),
    ...oneByOne,
  ];
}

export function indexingKernels(linker: Linker): SimdKernels<'take' | 'put'> {
  return {
    take: (_params, [x, index], [y]) => {
      const { n } = dims('take', x, 'rows n');
      const { rows, m } = dims('take', index, 'rows m');
      const { take } = linker.load('indexing', indexingModule);
      return inRanges(rows * m * 12, rows, (from, to) => {
        const [whole, row] = [from * n * 4, from * m * 4];
        return call(take, addressOf(x) + whole, addressOf(index) + row, addressOf(y) + row, to - from, n * 4, m * 4);
      });
    },
    put: (_params, [g, index], [x]) => {
      const { n } = dims('put', x, 'rows n');
      const { rows, m } = dims('put', index, 'rows m');
      const { put } = linker.load('indexing', indexingModule);
      return inRanges(rows * (n * 8 + m * 12), rows, (from, to) => {
        const [whole, row] = [from * n * 4, from * m * 4];
        const parameters = [addressOf(g) + row, addressOf(index) + row, addressOf(x) + whole, to - from, n * 4, m * 4];
        return callWithScratch(n * 8, put, ...parameters);
      });
    },
  };
}
