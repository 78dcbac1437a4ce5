/** @file SIMD kernels of the weighted sum of a mixed operation: y = sum_k z_k x_k in one pass, and its gradients. */
import { type Local, ModuleWriter } from '../runtime/assembler.ts';
import { type Code, f32, f32x4, f64, i32, v128 } from '../runtime/instructions.ts';
import { sumRow } from './reduce.ts';

/** `sum(z, y, bytes, x_0, ..., x_(K-1))`, the tensors from end to end in vectors. */
export function mixedSumModule(count: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const parameters = Array.from({ length: 3 + count }, () => 'i32' as const);
  module.add('sum', parameters, (f, ...all) => {
    const [z, y, bytes, ...xs] = all as [Local, Local, Local, ...Local[]];
    const i = f.i32();
    const weights = f.locals('v128', count);
    const terms = xs.map((x, k) => f32x4.mul(weights[k]!.get, v128.load(i32.add(x.get, i.get))));
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
  });
  return module.bytes();
}

/** `scale(g, z, dx, bytes)`: dx = z g for one number z. `dot(g, x, dz, bytes)`: one number dz = sum g x. */
export function mixedGradientModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  module.add('scale', ['i32', 'i32', 'i32', 'i32'], (f, g, z, dx, bytes) => {
    const i = f.i32();
    const weight = f.v128();
    const at = (base: Local): Code => i32.add(base.get, i.get);
    return [
      ...weight.set(v128.loadSplat(z.get)),
      ...f.loop(i, i32.const(0), bytes.get, 16, v128.store(at(dx), f32x4.mul(weight.get, v128.load(at(g))))),
    ];
  });
  module.add('dot', ['i32', 'i32', 'i32', 'i32'], (f, g, x, dz, bytes) => {
    const total = f.local('f64');
    return [
      ...total.set(f64.const(0)),
      ...sumRow(f, [total], bytes.get, (offset, width) => [
        width.mul(width.load(i32.add(g.get, offset)), width.load(i32.add(x.get, offset))),
      ]),
      ...f32.store(dz.get, f32.fromF64(total.get)),
    ];
  });
  return module.bytes();
}
