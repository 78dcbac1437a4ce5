/** @file Convolution and its derivatives on the SIMD kernels: shapes and geometry made into plans, plans run on buffers. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import { dims, sizeOf } from '../../../../contract/shape.ts';
import type { SimdKernels } from '../../kernel.ts';
import { addressOf, heapBuffer } from '../../runtime/buffer.ts';
import { productCost, type Work } from '../../runtime/calls.ts';
import type { Linker } from '../../runtime/linker.ts';
import { type Plan, PlanCache } from '../../runtime/plan.ts';
import { type Filter, forwardForm, type Image, inputForms, type OutputTilesForm } from './forms.ts';
import { dotProductsPlans, outputTilesPlans } from './plans.ts';

/** Products of an output from which on the plain loops, which add in float64, take over. */
const LONGEST = 16_384;

export function convKernels(linker: Linker): SimdKernels<'conv2d' | 'conv2dInput' | 'conv2dFilter'> {
  const plans = new PlanCache(linker.heap);
  const work = (w: Operand, y: Operand, found: (ranges: number) => readonly Plan[], operands: readonly Operand[]): Work => [
    {
      cost: productCost(sizeOf(w.shape.slice(1)) * sizeOf(y.shape)),
      make: (ranges) => found(ranges).map((plan) => plan.call(...operands.map(addressOf))),
    },
  ];
  return {
    conv2d: (geometry, [x, w], [y]) => {
      if (sizeOf(w.shape) === 0 || sizeOf(w.shape.slice(1)) > LONGEST) return undefined;
      const key = planKey('forward', geometry, x, w, y);
      const form = (): OutputTilesForm => forwardForm(geometry, image(x), filter(w), image(y));
      const found = (ranges: number): readonly Plan[] =>
        plans.get(`${key} ${ranges}`, () => outputTilesPlans(linker, form(), ranges));
      return work(w, y, found, [x, w, y]);
    },
    conv2dInput: (geometry, [g, w], [x]) => {
      const summed = sizeOf(w.shape) / Math.max(1, image(x).c);
      if (sizeOf(g.shape) === 0 || sizeOf(w.shape) === 0 || summed > LONGEST) return undefined;
      const key = planKey('input', geometry, x, w, g);
      const forms = (): readonly OutputTilesForm[] => inputForms(geometry, image(x), filter(w), image(g));
      const found = (ranges: number): readonly Plan[] =>
        plans.get(`${key} ${ranges}`, () => forms().flatMap((form) => outputTilesPlans(linker, form, ranges)));
      // Phases of the input that no offset of the window reaches have no plan.
      const [sy, sx] = geometry.stride;
      const { h, w: width } = image(x);
      const unreached = found(1).length < Math.min(sy, h) * Math.min(sx, width);
      const phases = work(w, g, found, [g, w, x]);
      return unreached ? [{ run: () => heapBuffer(x.handle).array.fill(0) }, ...phases] : phases;
    },
    conv2dFilter: (geometry, [x, g], [w]) => {
      if (sizeOf(g.shape) === 0) return undefined;
      const key = planKey('filter', geometry, x, w, g);
      const form = (): OutputTilesForm => forwardForm(geometry, image(x), filter(w), image(g));
      const found = (ranges: number): readonly Plan[] =>
        plans.get(`${key} ${ranges}`, () => dotProductsPlans(linker, form(), ranges));
      return work(w, g, found, [x, g, w]);
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
