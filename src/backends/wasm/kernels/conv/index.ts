/** @file The three partials of convolution on the SIMD kernels: shapes and geometry made into plans, plans run on buffers. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import type { Shape } from '../../../../contract/shape.ts';
import { addressOf, heapBuffer } from '../../runtime/buffer.ts';
import { convolveModule, convolveRecord, type Tile } from './convolve.ts';
import { correlateModule, correlateRecord, type DotTile } from './correlate.ts';
import { type ColumnTile, columnTileRows, showColumnTile, tapColumns } from './depthwise.ts';
import type { SimdKernel } from '../../kernel.ts';
import type { Linker } from '../../runtime/linker.ts';
import { type Plan, placeRecord, PlanCache, type Plans } from '../../runtime/plan.ts';
import { type ConvolveSpec, type CorrelateSpec, forwardSpec, inputSpecs, type Quad } from './partials.ts';
import { copyTable, packingWords, type TapGeometry, type TapLayout, tapLayout } from './taps.ts';

export function convolutionKernels(linker: Linker): {
  readonly conv2d: SimdKernel<ConvGeometry>;
  readonly conv2dInput: SimdKernel<ConvGeometry>;
  readonly conv2dFilter: SimdKernel<ConvGeometry>;
} {
  const { heap } = linker;
  const plans = new PlanCache(heap);
  const work = (found: Plans, a: Operand, b: Operand, out: Operand) => (): void => {
    for (const plan of found()) plan.run(plan.address, addressOf(a), addressOf(b), addressOf(out), heap.scratch(plan.scratchBytes));
  };
  return {
    conv2d: (geometry, [x, w], [y]) => {
      const [xs, ws, ys] = [x!.shape as Quad, w!.shape as Quad, y!.shape as Quad];
      if (ws[1] * ws[2] * ws[3] === 0) return undefined;
      const found = plans.get(`f ${planKey(geometry, xs, ws, ys)}`, () => [
        convolvePlan(linker, forwardSpec(geometry, xs, ws, ys)),
      ]);
      return work(found, x!, w!, y!);
    },
    conv2dInput: (geometry, [g, w], [x]) => {
      const [xs, ws, gs] = [x!.shape as Quad, w!.shape as Quad, g!.shape as Quad];
      if (gs[1] * gs[2] * gs[3] * ws[2] * ws[3] === 0) return undefined;
      const [sy, sx] = geometry.stride;
      const found = plans.get(`i ${planKey(geometry, xs, ws, gs)}`, () =>
        inputSpecs(geometry, xs, ws, gs).map((spec) => convolvePlan(linker, spec)),
      );
      // Phases of the input that no tap reaches have no plan.
      const unreached = found().length < Math.min(sy, xs[2]) * Math.min(sx, xs[3]);
      const phases = work(found, g!, w!, x!);
      if (!unreached) return phases;
      return () => {
        heapBuffer(x!.handle).array.fill(0);
        phases();
      };
    },
    conv2dFilter: (geometry, [x, g], [w]) => {
      const [xs, ws, gs] = [x!.shape as Quad, w!.shape as Quad, g!.shape as Quad];
      if (xs[0] * gs[2] * gs[3] === 0) return undefined;
      const found = plans.get(`w ${planKey(geometry, xs, ws, gs)}`, () => [
        correlatePlan(linker, forwardSpec(geometry, xs, ws, gs)),
      ]);
      return work(found, x!, g!, w!);
    },
  };
}

function planKey({ stride, padding, dilation, groups }: ConvGeometry, x: Shape, w: Shape, g: Shape): string {
  return [stride, padding, dilation, groups, x, w, g].join(' ');
}

/** One tap that reads each pixel where it lies: then planes are rows. */
function isPointwise(spec: TapGeometry): boolean {
  const [tap] = spec.taps;
  return (
    spec.taps.length === 1 &&
    tap!.row === 0 &&
    tap!.column === 0 &&
    spec.stride[0] === 1 &&
    spec.stride[1] === 1 &&
    spec.rows === spec.height &&
    spec.columns === spec.width
  );
}

function flatten<Spec extends TapGeometry>(spec: Spec): Spec {
  const size = spec.height * spec.width;
  return { ...spec, height: 1, width: size, rows: 1, columns: size };
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** The offsets of every (input, tap), input-major, in bytes. */
function offsetTable(layout: TapLayout, inputs: number): number[] {
  return Array.from({ length: inputs }, (_, c) => layout.offsets.map((offset) => (c * layout.planeSize + offset) * 4)).flat();
}

export function convolvePlan(linker: Linker, spec_: ConvolveSpec): Plan {
  const byColumn = spec_.inputs === 1 && spec_.outputs === 1 ? tapColumns(spec_.taps, spec_.stride[0]) : undefined;
  const flat = isPointwise(spec_) && spec_.out.step === 1 && spec_.out.pitch === spec_.width;
  const spec = byColumn ? { ...spec_, taps: byColumn.taps } : flat ? flatten(spec_) : spec_;
  const { heap } = linker;
  const layout = tapLayout(spec);
  const columns = Math.max(4, spec.columns);
  const { wide, narrow, wideColumns } = byColumn
    ? { wide: undefined, narrow: { rows: columnTileRows(spec.rows), columns: byColumn.columns }, wideColumns: 0 }
    : convolveTiles(spec.outputs, spec.rows, columns);
  const perTile = Math.min(TILE_OUTPUTS, spec.outputs);
  const through = spec.out.step !== 1 || spec.columns < 4;
  const weightBytes = spec.groups * Math.ceil(spec.outputs / perTile) * perTile * spec.inputs * spec.taps.length * 4;
  const packed = align(weightBytes);
  const packedBytes = layout.direct ? 0 : spec.inputs * layout.planeSize * 4;
  const throughAt = packed + align(packedBytes) + 64;
  const tilePitch = through ? columns : spec.out.pitch;
  const tilePlane = through ? columns * spec.rows : spec.out.plane;
  const scratchBytes = throughAt + (through ? spec.outputs * tilePlane * 4 : 0);
  const tables = {
    copies: copyTable(layout),
    weights: spec.taps.map((tap) => tap.weight * 4),
    offsets: offsetTable(layout, spec.inputs),
  };
  const place = placeRecord(heap, convolveRecord.bytes, tables, (at) =>
    convolveRecord.words({
      ...packingWords(spec, layout, spec.inputs, at('copies'), packed, packedBytes),
      items: spec.items,
      groups: spec.groups,
      outputs: spec.outputs,
      rows: spec.rows,
      columns,
      wideColumns,
      itemBytes: spec.inputs * spec.height * spec.width * 4,
      outItemBytes: spec.out.item * 4,
      taps: spec.taps.length,
      tapWeights: at('weights'),
      table: at('offsets'),
      tableEnd: at('offsets') + tables.offsets.length * 4,
      weightGroup: spec.weight.group * 4,
      weightOutput: spec.weight.output * 4,
      weightInput: spec.weight.input * 4,
      pitchBytes: layout.pitch * 4,
      through: through ? throughAt : 0,
      tilePitch: tilePitch * 4,
      tilePlane: tilePlane * 4,
      outOffset: spec.out.offset * 4,
      outPlane: spec.out.plane * 4,
      outPitch: spec.out.pitch * 4,
      outStep: spec.out.step * 4,
      outRows: spec.rows,
      outColumns: spec.columns,
    }),
  );
  const name = `convolve ${[wide, narrow].flatMap((tile) => (tile ? [showTile(tile)] : [])).join(' ')}`;
  return { ...place, scratchBytes, run: linker.load(name, () => convolveModule(wide, narrow))['convolve']! };
}

function showTile(tile: Tile | ColumnTile): string {
  return 'columns' in tile ? showColumnTile(tile) : `${tile.outputs}x${tile.rows}x${tile.vectors}`;
}

/** Channels of a tile. */
const TILE_OUTPUTS = 4;

/** Tiles for an output: wide ones along the rows, narrow ones (several rows of one vector) for the columns that are left. */
function convolveTiles(
  outputs: number,
  rows: number,
  columns: number,
): { wide: Tile | undefined; narrow: Tile | undefined; wideColumns: number } {
  const channels = Math.min(TILE_OUTPUTS, outputs);
  const vectors = channels === 1 ? 4 : 2;
  const wideColumns = Math.floor(columns / (4 * vectors)) * 4 * vectors;
  const most = channels === 1 ? 4 : 2;
  const narrowRows = rows >= most ? most : rows >= 2 ? 2 : 1;
  return {
    wide: wideColumns > 0 ? { outputs: channels, rows: 1, vectors } : undefined,
    narrow: wideColumns < columns ? { outputs: channels, rows: narrowRows, vectors: 1 } : undefined,
    wideColumns,
  };
}

/** Bytes of the sums of one group: a vector a product, tiles at the end counted whole. */
function sumBytes(outputs: number, taps: number, tile: DotTile): number {
  return Math.ceil(outputs / tile.outputs) * Math.ceil(taps / tile.taps) * tile.outputs * tile.taps * 16;
}

/** Dot products in registers: 4 x 2, and more taps where there are fewer outputs. */
function dotTile(outputs: number, taps: number): DotTile {
  const rows = Math.min(4, outputs);
  return { outputs: rows, taps: Math.min(taps, [9, 4, 3, 2][rows - 1]!) };
}

export function correlatePlan(linker: Linker, spec_: CorrelateSpec): Plan {
  const pointwise = isPointwise(spec_);
  const byColumn = spec_.inputs === 1 && spec_.outputs === 1 ? tapColumns(spec_.taps, spec_.stride[0]) : undefined;
  const spec = byColumn ? { ...spec_, taps: byColumn.taps } : pointwise ? flatten(spec_) : spec_;
  const plane = spec.rows * spec.columns;
  const layout = tapLayout(spec, !pointwise || plane % 4 !== 0);
  const tapCount = spec.inputs * spec.taps.length;
  const tile: DotTile | ColumnTile = byColumn
    ? { rows: columnTileRows(spec.rows), columns: byColumn.columns }
    : dotTile(spec.outputs, tapCount);
  const sumGroup = 'columns' in tile ? tapCount * 16 : sumBytes(spec.outputs, tapCount, tile);
  // Rows of g that a tile walks through at once, and the pitch that they get.
  const [gRows, gPitch] = 'columns' in tile ? [tile.rows, Math.ceil(spec.columns / 4) * 4] : [1, layout.pitch];
  const direct = gPitch === spec.columns && ('columns' in tile ? spec.rows % gRows === 0 : plane % 4 === 0);
  const contraction = Math.ceil((Math.ceil(spec.rows / gRows) * gRows * gPitch) / 4) * 4;
  const packed = align(spec.groups * sumGroup);
  // Reading past the last plane must find numbers.
  const packedBytes = layout.direct ? 0 : align(spec.inputs * layout.planeSize * 4 + gRows * layout.pitch * 4 + 64);
  const gPacked = packed + packedBytes;
  const gPackedBytes = direct ? 0 : spec.outputs * contraction * 4;
  const tables = {
    copies: copyTable(layout),
    offsets: offsetTable(layout, spec.inputs),
    places: spec.taps.map((tap) => tap.weight * 16),
  };
  const place = placeRecord(linker.heap, correlateRecord.bytes, tables, (at) =>
    correlateRecord.words({
      ...packingWords(spec, layout, spec.inputs, at('copies'), packed, packedBytes),
      items: spec.items,
      groups: spec.groups,
      outputs: spec.outputs,
      contraction: contraction * 4,
      itemBytes: spec.inputs * spec.height * spec.width * 4,
      gItemBytes: spec.outputs * plane * 4,
      gPlaneBytes: plane * 4,
      table: at('offsets'),
      tableEnd: at('offsets') + tables.offsets.length * 4,
      gPacked,
      gPackedPlane: direct ? plane * 4 : contraction * 4,
      gPackedBytes,
      gRows: spec.rows,
      gColumns: spec.columns,
      gPitch: gPitch * 4,
      places: at('places'),
      sumGroup,
      sumBytes: spec.groups * sumGroup,
    }),
  );
  const name = `correlate ${'columns' in tile ? showColumnTile(tile) : `${tile.outputs}x${tile.taps}`}`;
  return { ...place, scratchBytes: gPacked + gPackedBytes + 64, run: linker.load(name, () => correlateModule(tile))['correlate']! };
}
