/**
 * @file A window that slides over an input: out[m, p, q] = sum over c, t of a[m, c, t] in[c, p s + row_t, q s + column_t].
 *
 * The input is laid out so that each of the window's offsets t is one byte offset: channels are padded with zeros, and for a stride s
 * split into s x s phases, so that neighbours along the output's rows are neighbours in memory. Convolution and both its derivatives
 * have this form.
 */
import { largestOf, smallestOf } from '../../../../contract/extremes.ts';
import type { WindowGeometry } from '../../../../contract/backend.ts';
import type { PaddedCopy } from './padded-copy.ts';

/** One offset of the window: where it reads, relative to the output's pixel times the stride, and its index in a filter's channel. */
export interface WindowOffset {
  readonly row: number;
  readonly column: number;
  readonly weight: number;
}

export interface SlidingWindow {
  readonly offsets: readonly WindowOffset[];
  readonly stride: readonly [number, number];
  /** Size of an input channel. */
  readonly height: number;
  readonly width: number;
  /** Size of an output channel. */
  readonly rows: number;
  readonly columns: number;
}

/** The offsets of a window of kh x kw pixels, in row-major order. */
export function windowOffsets({ padding, dilation }: WindowGeometry, kh: number, kw: number): WindowOffset[] {
  return Array.from({ length: kh * kw }, (_, weight) => ({
    row: Math.floor(weight / kw) * dilation[0] - padding[0][0],
    column: (weight % kw) * dilation[1] - padding[1][0],
    weight,
  }));
}

/** A rectangle of the input that is copied into a phase; positions in elements. */
interface PhaseCopy {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly columns: number;
}

export interface InputLayout {
  /** The input is used where it lies. */
  readonly direct: boolean;
  /** Elements from one row of a phase to the next, and of one copied channel with all its phases. */
  readonly pitch: number;
  readonly channelSize: number;
  /** Where in a copied channel each of the window's offsets starts to read, in elements. */
  readonly positions: readonly number[];
  readonly copies: readonly PhaseCopy[];
}

interface AxisLayout {
  readonly low: number;
  readonly length: number;
  /** The phase of each of the window's offsets, and its steps from the phase's first pixel. */
  readonly reads: readonly { readonly phase: number; readonly step: number }[];
}

function axisLayout(offsets: readonly number[], stride: number, outputs: number): AxisLayout {
  const low = Math.max(0, -smallestOf(offsets));
  const reads = offsets.map((offset) => ({ phase: (offset + low) % stride, step: Math.floor((offset + low) / stride) }));
  return { low, length: largestOf(reads.map(({ step }) => step)) + outputs, reads };
}

/** Where the offsets of a window read. `copied` asks for a copy even where the input could be used in place. */
export function inputLayout(window: SlidingWindow, copied = false): InputLayout {
  const { offsets, stride, height, width, rows, columns } = window;
  const y = axisLayout(
    offsets.map(({ row }) => row),
    stride[0],
    rows,
  );
  const x = axisLayout(
    offsets.map(({ column }) => column),
    stride[1],
    columns,
  );
  const unstrided = stride[0] === 1 && stride[1] === 1;
  if (!copied && unstrided && y.low === 0 && x.low === 0 && y.length <= height && x.length <= width) {
    return {
      direct: true,
      pitch: width,
      channelSize: height * width,
      positions: offsets.map(({ row, column }) => row * width + column),
      copies: [],
    };
  }
  const phaseSize = y.length * x.length;
  const phase = (a: number, b: number): number => (a * stride[1] + b) * phaseSize;
  const copies: PhaseCopy[] = [];
  for (let a = 0; a < stride[0]; a++) {
    const [top, bottom] = interior(y, a, stride[0], height);
    for (let b = 0; b < stride[1]; b++) {
      const [left, right] = interior(x, b, stride[1], width);
      if (bottom <= top || right <= left) continue;
      copies.push({
        from: (top * stride[0] + a - y.low) * width + left * stride[1] + b - x.low,
        to: phase(a, b) + top * x.length + left,
        rows: bottom - top,
        columns: right - left,
      });
    }
  }
  return {
    direct: false,
    pitch: x.length,
    channelSize: Math.ceil((stride[0] * stride[1] * phaseSize) / 4) * 4,
    positions: y.reads.map((row, t) => {
      const column = x.reads[t]!;
      return phase(row.phase, column.phase) + row.step * x.length + column.step;
    }),
    copies,
  };
}

/** Positions [first, end) of a phase that hold pixels of the image. */
function interior(layout: AxisLayout, phase: number, stride: number, size: number): readonly [number, number] {
  const first = Math.max(0, Math.ceil((layout.low - phase) / stride));
  const end = Math.min(layout.length, Math.ceil((size + layout.low - phase) / stride));
  return [first, end];
}

/** The entries of a layout's copies, as `copyPadded` reads them. */
export function copyTable(layout: InputLayout): number[] {
  return layout.copies.flatMap((copy) => [copy.from * 4, copy.to * 4, copy.rows, copy.columns]);
}

/** What `copyPadded` is told: `copies` is the address of the copy table, `packed` where in scratch the copied channels go. */
export function paddedCopyWords(
  window: SlidingWindow,
  layout: InputLayout,
  inputs: number,
  copies: number,
  packed: number,
  packedBytes: number,
): Record<PaddedCopy, number> {
  return {
    inputs,
    channelBytes: window.height * window.width * 4,
    copies,
    copiesEnd: copies + layout.copies.length * 16,
    copyPitch: layout.pitch * 4,
    copyStepY: window.stride[0] * window.width * 4,
    copyStepX: window.stride[1] * 4,
    packed,
    packedChannelBytes: layout.channelSize * 4,
    packedBytes,
  };
}
