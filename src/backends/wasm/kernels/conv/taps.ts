/**
 * @file Convolution as sums over taps: out[m, p, q] = sum over c, t of a[m, c, t] in[c, p s + row_t, q s + column_t].
 *
 * The input is laid out so that a tap is one byte offset: planes are padded with zeros, and for a stride s split into s x s phases,
 * so that neighbours along the output's rows are neighbours in memory. All three partials of convolution have this form.
 */

import type { PackingField } from './planes.ts';

/** One tap: where it reads, relative to the output's pixel times the stride, and its index in a weight's plane. */
export interface Tap {
  readonly row: number;
  readonly column: number;
  readonly weight: number;
}

export interface TapGeometry {
  readonly taps: readonly Tap[];
  readonly stride: readonly [number, number];
  /** Size of an input plane. */
  readonly height: number;
  readonly width: number;
  /** Size of an output plane. */
  readonly rows: number;
  readonly columns: number;
}

/** A rectangle of the input that is copied into a phase; offsets in elements. */
export interface PhaseCopy {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly columns: number;
}

export interface TapLayout {
  /** The input is used where it lies. */
  readonly direct: boolean;
  /** Elements from one row of a phase to the next, and of one packed plane with all its phases. */
  readonly pitch: number;
  readonly planeSize: number;
  /** Each tap's offset in a packed plane, in elements. */
  readonly offsets: readonly number[];
  readonly copies: readonly PhaseCopy[];
}

interface AxisLayout {
  readonly low: number;
  readonly length: number;
  readonly phases: readonly number[];
  readonly steps: readonly number[];
}

function axis(positions: readonly number[], stride: number, outputs: number): AxisLayout {
  const low = Math.max(0, -Math.min(...positions));
  const padded = positions.map((position) => position + low);
  const steps = padded.map((position) => Math.floor(position / stride));
  return { low, length: Math.max(...steps) + outputs, phases: padded.map((position) => position % stride), steps };
}

/** Where the taps of a geometry read. `packed` asks for a copy even where the input could be used in place. */
export function tapLayout(geometry: TapGeometry, packed = false): TapLayout {
  const { taps, stride, height, width, rows, columns } = geometry;
  const y = axis(
    taps.map((t) => t.row),
    stride[0],
    rows,
  );
  const x = axis(
    taps.map((t) => t.column),
    stride[1],
    columns,
  );
  const unstrided = stride[0] === 1 && stride[1] === 1;
  if (!packed && unstrided && y.low === 0 && x.low === 0 && y.length <= height && x.length <= width) {
    return {
      direct: true,
      pitch: width,
      planeSize: height * width,
      offsets: taps.map((t) => t.row * width + t.column),
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
    planeSize: Math.ceil((stride[0] * stride[1] * phaseSize) / 4) * 4,
    offsets: taps.map((_, t) => phase(y.phases[t]!, x.phases[t]!) + y.steps[t]! * x.length + x.steps[t]!),
    copies,
  };
}

/** Positions [first, end) of a phase that hold pixels of the image. */
function interior(layout: AxisLayout, phase: number, stride: number, size: number): readonly [number, number] {
  const first = Math.max(0, Math.ceil((layout.low - phase) / stride));
  const end = Math.min(layout.length, Math.ceil((size + layout.low - phase) / stride));
  return [first, end];
}

/** The entries of a layout's copies, as `packPlanes` reads them. */
export function copyTable(layout: TapLayout): number[] {
  return layout.copies.flatMap((copy) => [copy.from * 4, copy.to * 4, copy.rows, copy.columns]);
}

/** What `packPlanes` is told: `copies` is the address of the copy table, `packed` where in scratch the planes go. */
export function packingWords(
  geometry: TapGeometry,
  layout: TapLayout,
  inputs: number,
  copies: number,
  packed: number,
  packedBytes: number,
): Record<PackingField, number> {
  return {
    inputs,
    planeBytes: geometry.height * geometry.width * 4,
    copies,
    copiesEnd: copies + layout.copies.length * 16,
    copyPitch: layout.pitch * 4,
    copyStepY: geometry.stride[0] * geometry.width * 4,
    copyStepX: geometry.stride[1] * 4,
    packed,
    packedPlaneBytes: layout.planeSize * 4,
    packedBytes,
  };
}
