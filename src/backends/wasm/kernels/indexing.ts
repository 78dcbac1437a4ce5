/** @file SIMD modules of take and put, one number at a time: they make a maximum pool and its gradient of the pool's indices. */
import { dims } from '../../../contract/shape.ts';
import type { SimdKernels } from '../kernel.ts';
import { type Local, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { type Code, f32, f64, i32, when, zeroFill } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';

/**
 * `take(x, index, y, rows, n bytes, m bytes)` and `put(g, index, x, rows, n bytes, m bytes)`. An index that names no element of its row
 * takes NaN, and makes the whole row that it is put into NaN, as in the plain loops.
 */
function indexingModule(): WasmModule<'take' | 'put'> {
  const module = new ModuleWriter('take', 'put');
  /** Whether a float is the whole number `at`, of those below the n of so many bytes. */
  const names = (value: Local, at: Local, n: Local): Code =>
    i32.and(i32.lessThanUnsigned(at.get, i32.shr(n.get, i32.const(2))), f32.equal(f32.fromI32(at.get), value.get));
  module.add('take', 'x index y rows n m', (f, { x, index, y, rows, n, m }) => {
    const { r, j, at } = f.locals('i32', 'r j at');
    const { value } = f.locals('f32', 'value');
    const target = i32.add(y.get, j.get);
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...f.loop(j, i32.const(0), m.get, 4, [
        ...value.set(f32.load(i32.add(index.get, j.get))),
        ...at.set(i32.fromF32(value.get)),
        ...when(
          names(value, at, n),
          f32.store(target, f32.load(i32.add(x.get, i32.shl(at.get, i32.const(2))))),
          f32.store(target, f32.const(NaN)),
        ),
      ]),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...y.advance(m.get),
    ]);
  });
  // Sums are kept in float64 in `sums`, n elements.
  module.add('put', 'g index x rows n m sums', (f, { g, index, x, rows, n, m, sums }) => {
    const { r, j, at, lost } = f.locals('i32', 'r j at lost');
    const { value } = f.locals('f32', 'value');
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...zeroFill(sums.get, i32.shl(n.get, i32.const(1))),
      ...lost.set(i32.const(0)),
      ...f.loop(j, i32.const(0), m.get, 4, [
        ...value.set(f32.load(i32.add(index.get, j.get))),
        ...at.set(i32.fromF32(value.get)),
        ...when(
          names(value, at, n),
          [
            ...at.set(i32.add(sums.get, i32.shl(at.get, i32.const(3)))),
            ...f64.store(at.get, f64.add(f64.load(at.get), f64.fromF32(f32.load(i32.add(g.get, j.get))))),
          ],
          lost.set(i32.const(1)),
        ),
      ]),
      ...f.loop(j, i32.const(0), n.get, 4, [
        ...at.set(i32.add(sums.get, i32.shl(j.get, i32.const(1)))),
        ...f32.store(i32.add(x.get, j.get), f32.fromF64(f64.load(at.get))),
      ]),
      ...when(lost.get, f.loop(j, i32.const(0), n.get, 4, f32.store(i32.add(x.get, j.get), f32.const(NaN)))),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...g.advance(m.get),
    ]);
  });
  return module.assemble();
}

export function indexingKernels(linker: Linker): SimdKernels<'take' | 'put'> {
  const { heap } = linker;
  return {
    take: (_params, [x, index], [y]) => {
      const { n } = dims('take', x, 'rows n');
      const { rows, m } = dims('take', index, 'rows m');
      const { take } = linker.load('indexing', indexingModule);
      return () => take(addressOf(x), addressOf(index), addressOf(y), rows, n * 4, m * 4);
    },
    put: (_params, [g, index], [x]) => {
      const { n } = dims('put', x, 'rows n');
      const { rows, m } = dims('put', index, 'rows m');
      const { put } = linker.load('indexing', indexingModule);
      return () => put(addressOf(g), addressOf(index), addressOf(x), rows, n * 4, m * 4, heap.scratch(n * 8));
    },
  };
}
