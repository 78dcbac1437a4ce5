/** @file Convolution and its derivatives as sums over a sliding window: what is read, where the weights lie, where the output goes. */
import type { ConvGeometry } from '../../../../contract/backend.ts';
import { ranges } from '../../runtime/calls.ts';
import { type SlidingWindow, windowOffsets } from './sliding-window.ts';

/** Shapes by name: an image (or its cotangent) and a filter. */
export type Image = Readonly<Record<'n' | 'c' | 'h' | 'w', number>>;
export type Filter = Readonly<Record<'o' | 'i' | 'kh' | 'kw', number>>;

/** Dot products of every output's cotangent with every (input, offset) of the window, for each group, summed over images. */
export interface DotProductsForm extends SlidingWindow {
  /** Groups of images. */
  readonly items: number;
  readonly groups: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Elements of the input and of the cotangent between one image's last item and the next image's first; absent: none. */
  readonly skips?: readonly [input: number, cotangent: number];
}

/** A sum over the window for every output of all items, and how weights and outputs lie. Steps are in elements. */
export interface OutputTilesForm extends DotProductsForm {
  readonly weight: { readonly group: number; readonly output: number; readonly input: number };
  readonly out: {
    readonly offset: number;
    readonly item: number;
    readonly channel: number;
    readonly pitch: number;
    readonly step: number;
  };
}

/** Convolution itself; with the cotangent in the weight's place also the derivative by the filter. */
export function forwardForm(geometry: ConvGeometry, x: Image, w: Filter, y: Image): OutputTilesForm {
  const { stride, groups } = geometry;
  const perGroup = w.o / groups;
  const channel = y.h * y.w;
  return {
    offsets: windowOffsets(geometry, w.kh, w.kw),
    stride,
    height: x.h,
    width: x.w,
    rows: y.h,
    columns: y.w,
    items: x.n * groups,
    groups,
    inputs: w.i,
    outputs: perGroup,
    weight: { group: perGroup * w.i * w.kh * w.kw, output: w.i * w.kh * w.kw, input: w.kh * w.kw },
    out: { offset: 0, item: perGroup * channel, channel, pitch: y.w, step: 1 },
  };
}

/** The derivative by the input: for each phase of the stride, pixels a + s u read the cotangent at u + (a + padding - i dilation) / s. */
export function inputForms(geometry: ConvGeometry, x: Image, w: Filter, g: Image): OutputTilesForm[] {
  const { stride, padding, dilation, groups } = geometry;
  const perGroup = w.o / groups;
  const forms: OutputTilesForm[] = [];
  const reached = (axis: 0 | 1, phase: number, k: number): { index: number; step: number }[] =>
    Array.from({ length: k }, (_, index) => ({
      index,
      step: (phase + padding[axis][0] - index * dilation[axis]) / stride[axis],
    })).filter(({ step }) => Number.isInteger(step));
  for (let a = 0; a < Math.min(stride[0], x.h); a++) {
    const rows = reached(0, a, w.kh);
    for (let b = 0; b < Math.min(stride[1], x.w); b++) {
      const columns = reached(1, b, w.kw);
      if (rows.length === 0 || columns.length === 0) continue;
      forms.push({
        offsets: rows.flatMap((r) => columns.map((c) => ({ row: r.step, column: c.step, weight: r.index * w.kw + c.index }))),
        stride: [1, 1],
        height: g.h,
        width: g.w,
        rows: Math.ceil((x.h - a) / stride[0]),
        columns: Math.ceil((x.w - b) / stride[1]),
        items: x.n * groups,
        groups,
        inputs: perGroup,
        outputs: w.i,
        weight: { group: perGroup * w.i * w.kh * w.kw, output: w.kh * w.kw, input: w.i * w.kh * w.kw },
        out: {
          offset: a * x.w + b,
          item: w.i * x.h * x.w,
          channel: x.h * x.w,
          pitch: stride[0] * x.w,
          step: stride[1],
        },
      });
    }
  }
  return forms;
}

/** A form for some of another's outputs, and where these begin in the three operands, in elements. */
export interface Part<Form> {
  readonly form: Form;
  readonly offsets: readonly [input: number, weights: number, out: number];
}

/** Outputs that a part is a multiple of, where it is made of outputs. */
const OUTPUT_UNIT = 4;

/** Whether parts may be made of outputs: one output of one input would be added up in another order than several. */
function partsOfOutputs({ groups, inputs }: DotProductsForm): boolean {
  return groups === 1 && inputs > 1;
}

/** A form in at most so many parts: of images, of groups, or of outputs. */
export function outputTilesParts(form: OutputTilesForm, most: number): readonly Part<OutputTilesForm>[] {
  const { items, groups, inputs, outputs, height, width, weight, out } = form;
  const images = items / groups;
  const byOutputs = partsOfOutputs(form) && images < most && outputs / OUTPUT_UNIT > images;
  if (images > 1 && !byOutputs) {
    return ranges(images, most).map(([from, to]) => ({
      form: { ...form, items: (to - from) * groups },
      offsets: [from * groups * inputs * height * width, 0, from * groups * out.item],
    }));
  }
  if (images === 1 && groups > 1) {
    return ranges(groups, most).map(([from, to]) => ({
      form: { ...form, items: to - from, groups: to - from },
      offsets: [from * inputs * height * width, from * weight.group, from * out.item],
    }));
  }
  if (!byOutputs || images > 1) return [{ form, offsets: [0, 0, 0] }];
  return ranges(outputs, most, OUTPUT_UNIT).map(([from, to]) => ({
    form: { ...form, outputs: to - from },
    offsets: [0, from * weight.output, from * out.channel],
  }));
}

/** A form in at most so many parts: of groups or of outputs, for images are added up. */
export function dotProductsParts(form: DotProductsForm, most: number): readonly Part<DotProductsForm>[] {
  const { items, groups, inputs, outputs, height, width, rows, columns } = form;
  const [input, cotangent, reads] = [inputs * height * width, outputs * rows * columns, inputs * form.offsets.length];
  if (groups > 1) {
    return ranges(groups, most).map(([from, to]) => {
      const others = groups - (to - from);
      return {
        form: { ...form, items: (items / groups) * (to - from), groups: to - from, skips: [others * input, others * cotangent] },
        offsets: [from * input, from * cotangent, from * outputs * reads],
      };
    });
  }
  if (!partsOfOutputs(form)) return [{ form, offsets: [0, 0, 0] }];
  return ranges(outputs, most).map(([from, to]) => ({
    form: { ...form, outputs: to - from, skips: [0, (outputs - (to - from)) * rows * columns] },
    offsets: [0, from * rows * columns, from * reads],
  }));
}
