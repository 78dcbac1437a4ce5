/** @file SIMD modules of take and put, one number at a time: they make a maximum pool and its gradient of the pool's indices. */
import { dims } from '../../../contract/shape.ts';
import type { SimdKernels } from '../kernel.ts';
import { ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { f32, i32, when, zeroFill } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';

/**
 * `take(x, index, y, rows, n bytes, m bytes)` and `put(g, index, x, rows, n bytes, m bytes)`. An index outside the row takes NaN and
 * puts nothing, as the plain loops do.
 */
function indexingModule(): WasmModule<'take' | 'put'> {
  const module = new ModuleWriter('take', 'put');
  module.add('take', 'x index y rows n m', (f, { x, index, y, rows, n, m }) => {
    const { r, j, at } = f.locals('i32', 'r j at');
    const target = i32.add(y.get, j.get);
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...f.loop(j, i32.const(0), m.get, 4, [
        ...at.set(i32.fromF32(f32.load(i32.add(index.get, j.get)))),
        ...when(
          i32.lessThanUnsigned(at.get, i32.shr(n.get, i32.const(2))),
          f32.store(target, f32.load(i32.add(x.get, i32.shl(at.get, i32.const(2))))),
          f32.store(target, f32.const(NaN)),
        ),
      ]),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...y.advance(m.get),
    ]);
  });
  module.add('put', 'g index x rows n m', (f, { g, index, x, rows, n, m }) => {
    const { r, j, at } = f.locals('i32', 'r j at');
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...zeroFill(x.get, n.get),
      ...f.loop(j, i32.const(0), m.get, 4, [
        ...at.set(i32.fromF32(f32.load(i32.add(index.get, j.get)))),
        ...when(i32.lessThanUnsigned(at.get, i32.shr(n.get, i32.const(2))), [
          ...at.set(i32.add(x.get, i32.shl(at.get, i32.const(2)))),
          ...f32.store(at.get, f32.add(f32.load(at.get), f32.load(i32.add(g.get, j.get)))),
        ]),
      ]),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...g.advance(m.get),
    ]);
  });
  return module.assemble();
}

export function indexingKernels(linker: Linker): SimdKernels<'take' | 'put'> {
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
      return () => put(addressOf(g), addressOf(index), addressOf(x), rows, n * 4, m * 4);
    },
  };
}
