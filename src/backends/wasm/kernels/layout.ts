/** @file Layout SIMD kernels: slice, pad, permute and concat as copies between strided arrays, in vectors where both sides are contiguous. */
import { collapse } from '../../../contract/axes.ts';
import type { Operand } from '../../../contract/backend.ts';
import { type Shape, sizeOf, stridesOf } from '../../../contract/shape.ts';
import type { SimdKernels } from '../kernel.ts';
import { call as callFunction, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { call, inRanges, overBytes, together, type Work } from '../runtime/calls.ts';
import { i32, zeroFill } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';
import { broadcastToKernel } from './elementwise.ts';
import { addMatrixCopy } from '../runtime/matrix-copy.ts';

/** Axes that one call of the kernel copies along. */
const AXES = 4;

/**
 * `copy(from, to, ...axes)`: four axes, outermost first, each as its size and its strides in bytes on either side. `clear(to, bytes)`
 * writes zeros.
 */
function layoutModule(): WasmModule<'copy' | 'clear'> {
  const module = new ModuleWriter('copy', 'clear');
  const copyMatrix = addMatrixCopy(module);
  const parameters = 'from to size3 from3 to3 size2 from2 to2 rows fromPitch toPitch columns fromStep toStep';
  module.add('copy', parameters, (f, { from, to, size3, from3, to3, size2, from2, to2, ...inner }) => {
    const { rows, fromPitch, toPitch, columns, fromStep, toStep } = inner;
    const { i, j, source, target } = f.locals('i32', 'i j source target');
    const matrix = [source, fromPitch, fromStep, target, toPitch, toStep, rows, columns].map((local) => local.get);
    return f.loop(i, i32.const(0), size3.get, 1, [
      ...source.set(from.get),
      ...target.set(to.get),
      ...f.loop(j, i32.const(0), size2.get, 1, [
        ...callFunction(copyMatrix, ...matrix),
        ...source.advance(from2.get),
        ...target.advance(to2.get),
      ]),
      ...from.advance(from3.get),
      ...to.advance(to3.get),
    ]);
  });
  module.add('clear', 'to bytes', (_f, { to, bytes }) => zeroFill(to.get, bytes.get));
  return module.assemble();
}

/** An operand, where in it the copy starts, and how far it goes for each axis; in elements. */
interface Side {
  readonly operand: Operand;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** All elements of an operand in order. */
function whole(operand: Operand): Side {
  return { operand, offset: 0, strides: stridesOf(operand.shape) };
}

/** The elements start, start + step, ... of an operand, axis by axis. */
function stepped(operand: Operand, start: readonly number[], step: readonly number[]): Side {
  const strides = stridesOf(operand.shape);
  return {
    operand,
    offset: start.reduce((sum, s, i) => sum + s * strides[i]!, 0),
    strides: strides.map((stride, i) => stride * step[i]!),
  };
}

export function layoutKernels(linker: Linker): SimdKernels<'permute' | 'broadcastTo' | 'slice' | 'pad' | 'concat'> {
  /** The work of one copy of this shape. Undefined where the axes are too many. */
  const copy = (shape: Shape, from: Side, to: Side): Work | undefined => {
    const { sizes, strides } = collapse(shape, [from.strides, to.strides]);
    if (sizes.length > AXES) return undefined;
    const { copy: run } = linker.load('layout', layoutModule);
    // A single element is one of a row.
    const [fromSteps = [], toSteps = []] = sizes.length > 0 ? strides : [[1], [1]];
    const axes = Array.from({ length: AXES }, (_, i) => {
      const inward = i - AXES;
      return [sizes.at(inward) ?? 1, (fromSteps.at(inward) ?? 0) * 4, (toSteps.at(inward) ?? 0) * 4] as const;
    });
    const dealt = Math.max(
      0,
      axes.findIndex(([size]) => size > 1),
    );
    const [count, fromStep, toStep] = axes[dealt]!;
    return inRanges(sizeOf(shape) * 8, count, (low, high) =>
      call(
        run,
        addressOf(from.operand) + from.offset * 4 + low * fromStep,
        addressOf(to.operand) + to.offset * 4 + low * toStep,
        ...axes.flatMap(([size, ...steps], i) => [i === dealt ? high - low : size, ...steps]),
      ),
    );
  };
  return {
    permute: ({ axes }, [x], [y]) => {
      const strides = stridesOf(x.shape);
      return copy(y.shape, { operand: x, offset: 0, strides: axes.map((axis) => strides[axis]!) }, whole(y));
    },
    broadcastTo: broadcastToKernel(linker),
    slice: ({ start, step }, [x], [y]) => copy(y.shape, stepped(x, start, step), whole(y)),
    pad: ({ low, step }, [x], [y]) => {
      const fill = copy(x.shape, whole(x), stepped(y, low, step));
      if (!fill) return undefined;
      const { clear } = linker.load('layout', layoutModule);
      const bytes = sizeOf(y.shape) * 4;
      return [...overBytes(bytes, 1, (from, length) => call(clear, addressOf(y) + from, length)), ...fill];
    },
    concat: ({ axis }, inputs, [y]) => {
      const rows = sizeOf(y.shape.slice(0, axis));
      const pitch = sizeOf(y.shape.slice(axis));
      let offset = 0;
      const copies = inputs.map((x) => {
        const length = sizeOf(x.shape.slice(axis));
        const from = { operand: x, offset: 0, strides: [length, 1] };
        const work = copy([rows, length], from, { operand: y, offset, strides: [pitch, 1] });
        offset += length;
        return work;
      });
      return together(copies.flatMap((work) => work ?? []));
    },
  };
}
