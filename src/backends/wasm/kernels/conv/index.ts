/** @file Convolution and its derivatives on the SIMD kernels: shapes and geometry made into plans, plans run on buffers. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import { dims } from '../../../../contract/shape.ts';
import type { SimdKernels, Work } from '../../kernel.ts';
import { addressOf, heapBuffer } from '../../runtime/buffer.ts';
import type { Linker } from '../../runtime/linker.ts';
import { PlanCache, type Plans } from '../../runtime/plan.ts';
import { type Filter, forwardForm, type Image, inputForms } from './forms.ts';
import { dotProductsPlan, outputTilesPlan } from './plans.ts';

export function convKernels(linker: Linker): SimdKernels<'conv2d' | 'conv2dInput' | 'conv2dFilter'> {
  const { heap } = linker;
  const plans = new PlanCache(heap);
  const work = (found: Plans, a: Operand, b: Operand, out: Operand): Work => {
    return () => {
      for (const plan of found())
        plan.run(plan.address, addressOf(a), addressOf(b), addressOf(out), heap.scratch(plan.scratchBytes));
    };
  };
  return {
    conv2d: (geometry, [x, w], [y]) => {
      const [from, filter, to] = [image(x), filterOf(w), image(y)];
      if (filter.i * filter.kh * filter.kw === 0) return undefined;
      const make = () => [outputTilesPlan(linker, forwardForm(geometry, from, filter, to))];
      return work(plans.get(planKey('forward', geometry, x, w, y), make), x, w, y);
    },
    conv2dInput: (geometry, [g, w], [x]) => {
      const [from, filter, to] = [image(g), filterOf(w), image(x)];
      if (from.c * from.h * from.w * filter.kh * filter.kw === 0) return undefined;
      const make = () => inputForms(geometry, to, filter, from).map((form) => outputTilesPlan(linker, form));
      const found = plans.get(planKey('input', geometry, x, w, g), make);
      // Phases of the input that no offset of the window reaches have no plan.
      const [sy, sx] = geometry.stride;
      const unreached = found().length < Math.min(sy, to.h) * Math.min(sx, to.w);
      const phases = work(found, g, w, x);
      if (!unreached) return phases;
      return () => {
        heapBuffer(x.handle).array.fill(0);
        phases();
      };
    },
    conv2dFilter: (geometry, [x, g], [w]) => {
      const [from, cotangent, filter] = [image(x), image(g), filterOf(w)];
      if (from.n * cotangent.h * cotangent.w === 0) return undefined;
      const make = () => [dotProductsPlan(linker, forwardForm(geometry, from, filter, cotangent))];
      return work(plans.get(planKey('filter', geometry, x, w, g), make), x, g, w);
    },
  };
}

function image(operand: Operand): Image {
  return dims('conv2d', operand, 'n c h w');
}

function filterOf(operand: Operand): Filter {
  return dims('conv2d', operand, 'o i kh kw');
}

function planKey(kind: string, { stride, padding, dilation, groups }: ConvGeometry, x: Operand, w: Operand, g: Operand): string {
  return [kind, stride, padding, dilation, groups, x.shape, w.shape, g.shape].join(' ');
}
