/** @file SIMD kernels of the in-place updates sgd and adam, from end to end in vectors. */
import { sizeOf } from '../../../contract/shape.ts';
import type { SimdKernels } from '../kernel.ts';
import { type Local, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { call, overBytes } from '../runtime/calls.ts';
import { type Code, f32x4, i32, v128 } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';

/** `run(gradient, hyper, parameter, velocity, bytes)`. */
function sgdModule(nesterov: boolean): WasmModule<'run'> {
  const module = new ModuleWriter('run');
  module.add('run', 'gradient hyper parameter velocity bytes', (f, { gradient, hyper, parameter, velocity, bytes }) => {
    const i = f.i32();
    const { rate, momentum, decay, scale } = f.locals('v128', 'rate momentum decay scale');
    const { p, g, v } = f.locals('v128', 'p g v');
    const at = (base: Local): Code => i32.add(base.get, i.get);
    const momentumStep = f32x4.mul(momentum.get, v.get);
    return [
      ...[rate, momentum, decay, scale].flatMap((h, k) => h.set(v128.loadSplat(hyper.get, 4 * k))),
      ...f.loop(i, i32.const(0), bytes.get, 16, [
        ...p.set(v128.load(at(parameter))),
        ...g.set(f32x4.add(f32x4.mul(v128.load(at(gradient)), scale.get), f32x4.mul(decay.get, p.get))),
        ...v.set(f32x4.add(f32x4.mul(momentum.get, v128.load(at(velocity))), g.get)),
        ...v128.store(at(velocity), v.get),
        ...v128.store(at(parameter), f32x4.sub(p.get, f32x4.mul(rate.get, nesterov ? f32x4.add(g.get, momentumStep) : v.get))),
      ]),
    ];
  });
  return module.assemble();
}

/** `run(gradient, hyper, parameter, first, second, bytes)`. */
function adamModule(): WasmModule<'run'> {
  const module = new ModuleWriter('run');
  module.add('run', 'gradient hyper parameter first second bytes', (f, { gradient, hyper, parameter, first, second, bytes }) => {
    const i = f.i32();
    const hypers = f.locals('v128', 'rate rest1 rest2 eps decay correction1 correction2 scale');
    const { rate, rest1, rest2, eps, decay, correction1, correction2, scale } = hypers;
    const { p, g, m, v } = f.locals('v128', 'p g m v');
    const at = (base: Local): Code => i32.add(base.get, i.get);
    const blend = (old: Local, rest: Local, value: Code): Code =>
      f32x4.add(old.get, f32x4.mul(rest.get, f32x4.sub(value, old.get)));
    const spread = f32x4.add(f32x4.sqrt(f32x4.div(v.get, correction2.get)), eps.get);
    return [
      ...Object.values(hypers).flatMap((h, k) => h.set(v128.loadSplat(hyper.get, 4 * k))),
      ...f.loop(i, i32.const(0), bytes.get, 16, [
        ...p.set(v128.load(at(parameter))),
        ...g.set(f32x4.add(f32x4.mul(v128.load(at(gradient)), scale.get), f32x4.mul(decay.get, p.get))),
        ...m.set(v128.load(at(first))),
        ...m.set(blend(m, rest1, g.get)),
        ...v.set(v128.load(at(second))),
        ...v.set(blend(v, rest2, f32x4.mul(g.get, g.get))),
        ...v128.store(at(first), m.get),
        ...v128.store(at(second), v.get),
        ...v128.store(at(parameter), f32x4.sub(p.get, f32x4.div(f32x4.div(f32x4.mul(rate.get, m.get), correction1.get), spread))),
      ]),
    ];
  });
  return module.assemble();
}

export function optimizerKernels(linker: Linker): SimdKernels<'sgd' | 'adam'> {
  return {
    sgd: ({ nesterov }, [gradient, hyper], [parameter, velocity]) => {
      const { run } = linker.load(`sgd ${nesterov}`, () => sgdModule(nesterov));
      const bytes = sizeOf(parameter.shape) * 4;
      return overBytes(bytes, 5, (from, length) =>
        call(run, addressOf(gradient) + from, addressOf(hyper), addressOf(parameter) + from, addressOf(velocity) + from, length),
      );
    },
    adam: (_params, [gradient, hyper], [parameter, first, second]) => {
      const { run } = linker.load('adam', adamModule);
      const bytes = sizeOf(parameter.shape) * 4;
      return overBytes(bytes, 7, (from, length) => {
        const [g, p, m, v] = [gradient, parameter, first, second].map((t) => addressOf(t) + from) as [
          number,
          number,
          number,
          number,
        ];
        return call(run, g, addressOf(hyper), p, m, v, length);
      });
    },
  };
}
