/** @file Plans of the convolution kernels: a form's sizes, tiles and tables, laid out for the module that computes it. */
import type { Linker } from '../../runtime/linker.ts';
import { placeParameters } from '../../runtime/parameters.ts';
import type { PlanWords } from '../../runtime/plan.ts';
import { type ColumnTile, columnTileRows, offsetColumns, showColumnTile } from './depthwise.ts';
import { dotProductsModule, dotProductsParameters, type DotTile, sumsOf } from './dot-products.ts';
import { type DotProductsForm, dotProductsParts, type OutputTilesForm, outputTilesParts, type Part } from './forms.ts';
import { outputTilesModule, outputTilesParameters, type Tile } from './output-tiles.ts';
import { copyTable, type InputLayout, inputLayout, paddedCopyWords, type SlidingWindow } from './sliding-window.ts';

/** A window of one pixel that reads each where it lies: then channels are rows. */
function isPointwise({ offsets, stride, rows, columns, height, width }: SlidingWindow): boolean {
  return (
    offsets.length === 1 &&
    offsets.every(({ row, column }) => row === 0 && column === 0) &&
    stride[0] === 1 &&
    stride[1] === 1 &&
    rows === height &&
    columns === width
  );
}

function flatten<Form extends SlidingWindow>(form: Form): Form {
  const size = form.height * form.width;
  return { ...form, height: 1, width: size, rows: 1, columns: size };
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Where every (input, window offset) reads, input-major, in bytes. */
function positionTable({ positions, channelSize }: InputLayout, inputs: number): number[] {
  return Array.from({ length: inputs }, (_, c) => positions.map((position) => (c * channelSize + position) * 4)).flat();
}

/** The form with its offsets in columns, where that gains: for channels that each have one filter. */
function inColumns<Form extends DotProductsForm>(form: Form): { readonly form: Form; readonly tile: ColumnTile } | undefined {
  const sorted = form.inputs === 1 && form.outputs === 1 ? offsetColumns(form.offsets, form.stride[0]) : undefined;
  return (
    sorted && {
      form: { ...form, offsets: sorted.offsets },
      tile: { rows: columnTileRows(form.rows), columns: sorted.columns },
    }
  );
}

/** The plans of parts, in at most so many of them. */
function plansOf<Form>(parts: readonly Part<Form>[], plan: (form: Form) => PlanWords): readonly PlanWords[] {
  return parts.map(({ form, offsets }) => ({ ...plan(form), offsets: offsets.map((offset) => offset * 4) }));
}

export function outputTilesPlans(linker: Linker, form: OutputTilesForm, most: number): readonly PlanWords[] {
  return plansOf(outputTilesParts(form, most), (part) => outputTilesPlan(linker, part));
}

export function dotProductsPlans(linker: Linker, form: DotProductsForm, most: number): readonly PlanWords[] {
  return plansOf(dotProductsParts(form, most), (part) => dotProductsPlan(linker, part));
}

function outputTilesPlan(linker: Linker, asked: OutputTilesForm): PlanWords {
  const byColumn = inColumns(asked);
  const flat = isPointwise(asked) && asked.out.step === 1 && asked.out.pitch === asked.width;
  const form = byColumn?.form ?? (flat ? flatten(asked) : asked);
  const layout = inputLayout(form);
  const columns = Math.max(4, form.columns);
  const { wide, narrow, wideColumns } = byColumn
    ? { wide: undefined, narrow: byColumn.tile, wideColumns: 0 }
    : outputTiles(form.outputs, form.rows, columns, blockOf(form.inputs * form.offsets.length));
  const perTile = Math.min(TILE_OUTPUTS, form.outputs);
  const through = form.out.step !== 1 || form.columns < 4;
  const weightBytes = form.groups * Math.ceil(form.outputs / perTile) * perTile * form.inputs * form.offsets.length * 4;
  const packed = align(weightBytes);
  const packedBytes = layout.direct ? 0 : form.inputs * layout.channelSize * 4;
  const throughAt = packed + align(packedBytes) + 64;
  const tilePitch = through ? columns : form.out.pitch;
  const tileChannel = through ? columns * form.rows : form.out.channel;
  const scratchBytes = throughAt + (through ? form.outputs * tileChannel * 4 : 0);
  const tables = {
    copies: copyTable(layout),
    weights: form.offsets.map(({ weight }) => weight * 4),
    positions: positionTable(layout, form.inputs),
  };
  const place = placeParameters(linker.heap, outputTilesParameters.bytes, tables, (at) =>
    outputTilesParameters.words({
      ...paddedCopyWords(form, layout, form.inputs, at.copies, packed, packedBytes),
      items: form.items,
      groups: form.groups,
      outputs: form.outputs,
      rows: form.rows,
      columns,
      wideColumns,
      itemBytes: form.inputs * form.height * form.width * 4,
      outItemBytes: form.out.item * 4,
      windowSize: form.offsets.length,
      windowWeights: at.weights,
      table: at.positions,
      tableEnd: at.positions + tables.positions.length * 4,
      weightGroup: form.weight.group * 4,
      weightOutput: form.weight.output * 4,
      weightInput: form.weight.input * 4,
      pitchBytes: layout.pitch * 4,
      through: through ? throughAt : 0,
      tilePitch: tilePitch * 4,
      tileChannel: tileChannel * 4,
      outOffset: form.out.offset * 4,
      outChannel: form.out.channel * 4,
      outPitch: form.out.pitch * 4,
      outStep: form.out.step * 4,
      outRows: form.rows,
      outColumns: form.columns,
    }),
  );
  const name = `output tiles ${[wide, narrow].flatMap((tile) => (tile ? [showTile(tile)] : [])).join(' ')}`;
  const { run } = linker.load(name, (multiplyAdd) => outputTilesModule(multiplyAdd, wide, narrow));
  return { ...place, scratchBytes, run };
}

function showTile(tile: Tile | ColumnTile): string {
  return 'columns' in tile
    ? showColumnTile(tile)
    : `${tile.outputs}x${tile.rows}x${tile.vectors}${tile.block > 0 ? ` by ${tile.block}` : ''}`;
}

/** How many of a window's products are added in a row, so that neither these nor their sums make a long chain. 0: all. */
function blockOf(products: number): number {
  return products <= 128 ? 0 : products <= 2048 ? 32 : 64;
}

/** Pixels of an image, and images, from which on dot products are added in blocks, or their sums kept in two numbers. */
const LONG_ITEM = 1024;
const LONG_BATCH = 1024;

/** Channels of a tile. */
const TILE_OUTPUTS = 4;

/** Tiles for an output: wide ones along the rows, narrow ones (several rows of one vector) for the columns that are left. */
export function outputTiles(
  outputs: number,
  rows: number,
  columns: number,
  block: number,
): { wide: Tile | undefined; narrow: Tile | undefined; wideColumns: number } {
  const channels = Math.min(TILE_OUTPUTS, outputs);
  const vectors = channels === 1 ? 4 : 2;
  const wideColumns = Math.floor(columns / (4 * vectors)) * 4 * vectors;
  const most = channels === 1 ? 4 : 2;
  const narrowRows = rows >= most ? most : rows >= 2 ? 2 : 1;
  return {
    wide: wideColumns > 0 ? { outputs: channels, rows: 1, vectors, block } : undefined,
    narrow: wideColumns < columns ? { outputs: channels, rows: narrowRows, vectors: 1, block } : undefined,
    wideColumns,
  };
}

/** Bytes of the sums of one group: a vector a product, tiles at the end counted whole. */
function sumBytes(outputs: number, reads: number, tile: DotTile): number {
  return Math.ceil(outputs / tile.outputs) * Math.ceil(reads / tile.reads) * sumsOf(tile);
}

/** Dot products in registers: 4 x 2, and more reads where there are fewer outputs. */
export function dotTile(outputs: number, reads: number, long: DotTile['long']): DotTile {
  const rows = Math.min(4, outputs);
  return { outputs: rows, reads: Math.min(reads, [9, 4, 3, 2][rows - 1]!), long };
}

function dotProductsPlan(linker: Linker, asked: DotProductsForm): PlanWords {
  const pointwise = isPointwise(asked);
  const pixels = asked.rows * asked.columns;
  const images = asked.items / asked.groups;
  const long = pixels > 4 * LONG_ITEM || images > LONG_BATCH ? 'in two numbers' : pixels > LONG_ITEM ? 'in blocks' : 'no';
  // A column tile has its sums in single numbers, and is worth a longer chain.
  const byColumn = pixels > 16 * LONG_ITEM || images > LONG_BATCH ? undefined : inColumns(asked);
  const form = byColumn?.form ?? (pointwise ? flatten(asked) : asked);
  const channel = form.rows * form.columns;
  const layout = inputLayout(form, !pointwise || channel % 4 !== 0);
  const reads = form.inputs * form.offsets.length;
  const tile: DotTile | ColumnTile = byColumn?.tile ?? dotTile(form.outputs, reads, long);
  const sumGroup = 'columns' in tile ? reads * 16 : sumBytes(form.outputs, reads, tile);
  // Rows of g that a tile takes at once, and the pitch that they get.
  const [gRows, gPitch] = 'columns' in tile ? [tile.rows, Math.ceil(form.columns / 4) * 4] : [1, layout.pitch];
  const direct = gPitch === form.columns && ('columns' in tile ? form.rows % gRows === 0 : channel % 4 === 0);
  const contraction = Math.ceil((Math.ceil(form.rows / gRows) * gRows * gPitch) / 4) * 4;
  const packed = align(form.groups * sumGroup);
  // Reading past the last channel must find numbers.
  const packedBytes = layout.direct ? 0 : align(form.inputs * layout.channelSize * 4 + gRows * layout.pitch * 4 + 64);
  const gPacked = packed + packedBytes;
  const gPackedBytes = direct ? 0 : form.outputs * contraction * 4;
  const tables = {
    copies: copyTable(layout),
    positions: positionTable(layout, form.inputs),
    places: form.offsets.map(({ weight }) => weight * 16),
  };
  const place = placeParameters(linker.heap, dotProductsParameters.bytes, tables, (at) =>
    dotProductsParameters.words({
      ...paddedCopyWords(form, layout, form.inputs, at.copies, packed, packedBytes),
      items: form.items,
      groups: form.groups,
      outputs: form.outputs,
      contraction: contraction * 4,
      itemBytes: form.inputs * form.height * form.width * 4,
      gItemBytes: form.outputs * channel * 4,
      skipBytes: (form.skips?.[0] ?? 0) * 4,
      gSkipBytes: (form.skips?.[1] ?? 0) * 4,
      gChannelBytes: channel * 4,
      table: at.positions,
      tableEnd: at.positions + tables.positions.length * 4,
      gPacked,
      gPackedChannel: direct ? channel * 4 : contraction * 4,
      gPackedBytes,
      gRows: form.rows,
      gColumns: form.columns,
      gPitch: gPitch * 4,
      places: at.places,
      sumGroup,
      sumBytes: form.groups * sumGroup,
    }),
  );
  const name = `dot products ${'columns' in tile ? showColumnTile(tile) : `${tile.outputs}x${tile.reads} long: ${tile.long}`}`;
  const { run } = linker.load(name, (multiplyAdd) => dotProductsModule(multiplyAdd, tile));
  return { ...place, scratchBytes: gPacked + gPackedBytes + 64, run };
}
