/** @file Convolution and its derivatives on the SIMD kernels: shapes and geometry made into plans, plans run on buffers. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import { dims, sizeOf } from '../../../../contract/shape.ts';
import type { SimdKernels, Work } from '../../kernel.ts';
import { addressOf, heapBuffer } from '../../runtime/buffer.ts';
import type { Linker } from '../../runtime/linker.ts';
import { PlanCache, type Plans } from '../../runtime/plan.ts';
import { type Filter, forwardForm, type Image, inputForms } from './forms.ts';
import { dotProductsPlan, outputTilesPlan } from './plans.ts';

/** Products of an output from which on the plain loops, which add in float64, take over. */
const LONGEST = 16_384;

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
      if (sizeOf(w.shape) === 0 || sizeOf(w.shape.slice(1)) > LONGEST) return undefined;
      const found = plans.get(planKey('forward', geometry, x, w, y), () => [
        outputTilesPlan(linker, forwardForm(geometry, image(x), filter(w), image(y))),
      ]);
      return work(found, x, w, y);
    },
    conv2dInput: (geometry, [g, w], [x]) => {
      const summed = sizeOf(w.shape) / Math.max(1, image(x).c);
      if (sizeOf(g.shape) === 0 || sizeOf(w.shape) === 0 || summed > LONGEST) return undefined;
      const found = plans.get(planKey('input', geometry, x, w, g), () =>
        inputForms(geometry, image(x), filter(w), image(g)).map((form) => outputTilesPlan(linker, form)),
      );
      // Phases of the input that no offset of the window reaches have no plan.
      const [sy, sx] = geometry.stride;
      const { h, w: width } = image(x);
      const unreached = found().length < Math.min(sy, h) * Math.min(sx, width);
      const phases = work(found, g, w, x);
      if (!unreached) return phases;
      return () => {
        heapBuffer(x.handle).array.fill(0);
        phases();
      };
    },
    conv2dFilter: (geometry, [x, g], [w]) => {
      if (sizeOf(g.shape) === 0) return undefined;
      const found = plans.get(planKey('filter', geometry, x, w, g), () => [
        dotProductsPlan(linker, forwardForm(geometry, image(x), filter(w), image(g))),
      ]);
      return work(found, x, g, w);
    },
  };
}

function image(operand: Operand): Image {
  return dims('conv2d', operand, 'n c h w');
}

function filter(operand: Operand): Filter {
  return dims('conv2d', operand, 'o i kh kw');
}

function planKey(kind: string, { stride, padding, dilation, groups }: ConvGeometry, x: Operand, w: Operand, g: Operand): string {
  return [kind, stride, padding, dilation, groups, x.shape, w.shape, g.shape].join(' ');
}
