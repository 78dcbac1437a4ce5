/** @file Layout SIMD kernels: slice, pad, permute and concat as copies between strided arrays, in vectors where both sides are contiguous. */
import type { Operand } from '../../../contract/backend.ts';
import { type Shape, sizeOf, stridesOf } from '../../../contract/shape.ts';
import { call, type Local, ModuleWriter } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { i32, zeroFill } from '../runtime/instructions.ts';
import type { SimdKernels } from '../kernel.ts';
import type { Linker } from '../runtime/linker.ts';
import { addPlaneCopy } from './conv/planes.ts';

/** A run of axes that one step on either side walks through; strides in elements. */
export interface CopyAxis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

/** The axes of a copy, innermost first: those of size 1 dropped, neighbours that both sides walk through alike merged. At least one. */
export function copyAxes(shape: Shape, from: readonly number[], to: readonly number[]): readonly CopyAxis[] {
  const axes: CopyAxis[] = [];
  for (let i = shape.length - 1; i >= 0; i--) {
    const axis = { size: shape[i]!, from: from[i]!, to: to[i]! };
    const last = axes.at(-1);
    if (axis.size === 1) continue;
    if (last && axis.from === last.from * last.size && axis.to === last.to * last.size) {
      axes[axes.length - 1] = { ...last, size: last.size * axis.size };
    } else {
      axes.push(axis);
    }
  }
  return axes.length > 0 ? axes : [{ size: 1, from: 1, to: 1 }];
}

/** Axes that one call of the kernel walks through. */
const AXES = 4;

/**
 * `copy(from, to, ...axes)`: four axes, outermost first, each as its size and its strides in bytes on either side. `clear(to, bytes)`
 * writes zeros.
 */
function layoutModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const copyPlane = addPlaneCopy(module);
  const parameters = Array.from({ length: 2 + 3 * AXES }, () => 'i32' as const);
  module.add('copy', parameters, (f, ...all) => {
    const [from, to, size3, from3, to3, size2, from2, to2, rows, fromPitch, toPitch, columns, fromStep, toStep] = all as Fourteen;
    const [i, j, source, target] = f.locals('i32', 4) as [Local, Local, Local, Local];
    const plane = [source, fromPitch, fromStep, target, toPitch, toStep, rows, columns].map((local) => local.get);
    return f.loop(i, i32.const(0), size3.get, 1, [
      ...source.set(from.get),
      ...target.set(to.get),
      ...f.loop(j, i32.const(0), size2.get, 1, [
        ...call(copyPlane, ...plane),
        ...source.advance(from2.get),
        ...target.advance(to2.get),
      ]),
      ...from.advance(from3.get),
      ...to.advance(to3.get),
    ]);
  });
  module.add('clear', ['i32', 'i32'], (_f, to, bytes) => zeroFill(to.get, bytes.get));
  return module.bytes();
}

type Fourteen = [Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local];

/** Elements from the start of an array at which its first copied element lies. */
function origin(start: readonly number[], strides: readonly number[]): number {
  return start.reduce((sum, s, i) => sum + s * strides[i]!, 0);
}

export function layoutKernels(linker: Linker): SimdKernels {
  /** The work of one copy; offsets and strides in elements. Undefined where the axes are too many. */
  const copy = (shape: Shape, [x, fromOffset, fromStrides]: Side, [y, toOffset, toStrides]: Side): (() => void) | undefined => {
    const axes = copyAxes(shape, fromStrides, toStrides);
    if (axes.length > AXES) return undefined;
    const run = linker.load('layout', layoutModule)['copy']!;
    const numbers = Array.from({ length: AXES }, (_, i) => axes[AXES - 1 - i] ?? { size: 1, from: 0, to: 0 }).flatMap(
      ({ size, from, to }) => [size, from * 4, to * 4],
    );
    return () => run(addressOf(x) + fromOffset * 4, addressOf(y) + toOffset * 4, ...numbers);
  };
  return {
    permute: ({ axes }, [x], [y]) => {
      const strides = stridesOf(x!.shape);
      return copy(y!.shape, [x!, 0, axes.map((axis) => strides[axis]!)], [y!, 0, stridesOf(y!.shape)]);
    },
    slice: ({ start, step }, [x], [y]) => {
      const strides = stridesOf(x!.shape);
      const steps = strides.map((stride, i) => stride * step[i]!);
      return copy(y!.shape, [x!, origin(start, strides), steps], [y!, 0, stridesOf(y!.shape)]);
    },
    pad: ({ low, step }, [x], [y]) => {
      const strides = stridesOf(y!.shape);
      const steps = strides.map((stride, i) => stride * step[i]!);
      const put = copy(x!.shape, [x!, 0, stridesOf(x!.shape)], [y!, origin(low, strides), steps]);
      const clear = linker.load('layout', layoutModule)['clear']!;
      const bytes = sizeOf(y!.shape) * 4;
      if (!put) return undefined;
      return () => {
        clear(addressOf(y!), bytes);
        put();
      };
    },
    concat: ({ axis }, inputs, [y]) => {
      const rows = sizeOf(y!.shape.slice(0, axis));
      const pitch = sizeOf(y!.shape.slice(axis));
      let offset = 0;
      const copies = inputs.map((x) => {
        const length = sizeOf(x.shape.slice(axis));
        const work = copy([rows, length], [x, 0, [length, 1]], [y!, offset, [pitch, 1]])!;
        offset += length;
        return work;
      });
      return () => {
        for (const work of copies) work();
      };
    },
  };
}

/** An operand, where in it the copy starts, and how far it goes for each axis. */
type Side = readonly [operand: Operand, offset: number, strides: readonly number[]];
