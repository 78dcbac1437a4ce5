/** @file SIMD kernels of the weighted sum of a mixed operation: y = sum_k z_k x_k in one pass, and its gradients. */
import { type FunctionWriter, type Local, type Locals, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { type Code, f32, f32x4, f64, i32, v128 } from '../runtime/instructions.ts';
import { sumRow } from './reduce.ts';

/** `sum(z, y, bytes, x_0, ..., x_(K-1))`, the tensors from end to end in vectors. */
export function mixedSumModule(count: number): WasmModule<'sum'> {
  const module = new ModuleWriter('sum');
  const write = (f: FunctionWriter, { z, y, bytes }: Locals<'z y bytes'>, xs: readonly Local[]): Code => {
    const i = f.i32();
    const weights = f.localArray('v128', count);
    const terms = weights.map((weight, k) => f32x4.mul(weight.get, v128.load(i32.add(xs[k]!.get, i.get))));
    return [
      ...weights.flatMap((w, k) => w.set(v128.loadSplat(z.get, 4 * k))),
      ...f.loop(
        i,
        i32.const(0),
        bytes.get,
        16,
        v128.store(
          i32.add(y.get, i.get),
          terms.reduce((sum, term) => f32x4.add(sum, term)),
        ),
      ),
    ];
  };
  module.add('sum', 'z y bytes', write, count);
  return module.assemble();
}

/** `scale(g, z, dx, bytes)`: dx = z g for one number z. `dot(g, x, dz, bytes)`: one number dz = sum g x. */
export function mixedGradientModule(): WasmModule<'scale' | 'dot'> {
  const module = new ModuleWriter('scale', 'dot');
  module.add('scale', 'g z dx bytes', (f, { g, z, dx, bytes }) => {
    const i = f.i32();
    const weight = f.v128();
    const at = (base: Local): Code => i32.add(base.get, i.get);
    return [
      ...weight.set(v128.loadSplat(z.get)),
      ...f.loop(i, i32.const(0), bytes.get, 16, v128.store(at(dx), f32x4.mul(weight.get, v128.load(at(g))))),
    ];
  });
  module.add('dot', 'g x dz bytes', (f, { g, x, dz, bytes }) => {
    const total = f.local('f64');
    return [
      ...total.set(f64.const(0)),
      ...sumRow(f, [total], bytes.get, (offset, width) => [
        width.mul(width.load(i32.add(g.get, offset)), width.load(i32.add(x.get, offset))),
      ]),
      ...f32.store(dz.get, f32.fromF64(total.get)),
    ];
  });
  return module.assemble();
}
