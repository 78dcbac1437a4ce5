/**
 * @file Depthwise tiles: the window's offsets of one column are taken together, so that a loaded row of the image serves all that meet it.
 *
 * out[p, q] = sum over k of w[k] in[p + step_k, q + column], one vector of columns by several rows in registers: the rows of the image
 * are read once, and each is multiplied by all weights of the column whose output row lies in the tile. The filter's gradient
 * dw[k] = sum over p, q of g[p, q] in[p + step_k, q + column] goes the same way, with rows of g in registers.
 */
import { largestOf } from '../../../../contract/extremes.ts';
import { type FunctionReference, type FunctionWriter, type Local, minimum, type ModuleWriter } from '../../runtime/assembler.ts';
import { type Code, doWhile, f32x4, i32, type MultiplyAdd, v128 } from '../../runtime/instructions.ts';
import type { WindowOffset } from './sliding-window.ts';

/** `count` columns of offsets that lie `steps` rows below the first of them. */
export interface OffsetColumns {
  readonly steps: readonly number[];
  readonly count: number;
}

export interface ColumnTile {
  readonly rows: number;
  readonly columns: readonly OffsetColumns[];
}

/** Longer columns do not fit the registers. */
const LONGEST = 8;
/** Offsets of one column of each kind, together: code for more is longer than a page compiles at once. */
const MOST_CODE = 10;

/** Offsets sorted into columns of one phase, alike ones together; undefined where taking columns together gains nothing. */
export function offsetColumns(
  offsets: readonly WindowOffset[],
  stride: number,
): { readonly offsets: readonly WindowOffset[]; readonly columns: readonly OffsetColumns[] } | undefined {
  const byPlace = new Map<string, WindowOffset[]>();
  for (const offset of [...offsets].sort((a, b) => a.row - b.row)) {
    const place = `${offset.column} ${((offset.row % stride) + stride) % stride}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), offset]);
  }
  const bySteps = new Map<string, { readonly steps: readonly number[]; readonly lists: WindowOffset[][] }>();
  for (const list of byPlace.values()) {
    const steps = list.map((offset) => (offset.row - list[0]!.row) / stride);
    const alike = bySteps.get(steps.join(' '));
    if (alike) alike.lists.push(list);
    else bySteps.set(steps.join(' '), { steps, lists: [list] });
  }
  const kinds = [...bySteps.values()];
  const longest = largestOf(kinds.map(({ steps }) => steps.length));
  const code = kinds.reduce((sum, { steps }) => sum + steps.length, 0);
  if (longest < 2 || longest > LONGEST || code > MOST_CODE) return undefined;
  return {
    offsets: kinds.flatMap(({ lists }) => lists.flat()),
    columns: kinds.map(({ steps, lists }) => ({ steps, count: lists.length })),
  };
}

/** Rows of a tile: of four to eight, those that leave the least to compute twice, then the most; all rows where there are fewer. */
export function columnTileRows(rows: number): number {
  let best = Math.min(4, rows);
  for (let r = best + 1; r <= Math.min(8, rows); r++) {
    if (Math.ceil(rows / r) * r <= Math.ceil(rows / best) * best) best = r;
  }
  return best;
}

export function showColumnTile({ rows, columns }: ColumnTile): string {
  return `columns ${rows} of ${columns.map(({ steps, count }) => `${count} x ${steps.join(',')}`).join(' and ')}`;
}

/** Goes down the rows of the image under a tile, from `at` on: `meet(k, o)` where the row in `v` meets offset k for the tile's row o. */
function eachRow(
  { rows, steps }: { readonly rows: number; readonly steps: readonly number[] },
  at: Local,
  pitch: Code,
  v: Local,
  meet: (k: number, o: number) => Code,
): Code {
  const last = rows - 1 + steps.at(-1)!;
  return Array.from({ length: last + 1 }, (_, r) => {
    const meetings = steps.flatMap((step, k) => (r - step >= 0 && r - step < rows ? [[k, r - step] as const] : []));
    return [
      ...(meetings.length > 0 ? [...v.set(v128.load(at.get)), ...meetings.flatMap(([k, o]) => meet(k, o))] : []),
      ...(r < last ? at.advance(pitch) : []),
    ];
  }).flat();
}

/** Runs `body` for every column of offsets of one kind, `entry` being its first entry in the table of positions. */
function eachColumn(f: FunctionWriter, entry: Local, { steps, count }: OffsetColumns, body: Code): Code {
  const end = f.i32();
  return [
    ...end.set(i32.add(entry.get, i32.const(4 * steps.length * count))),
    ...doWhile([...body, ...entry.advance(4 * steps.length)], i32.lessThanUnsigned(entry.get, end.get)),
  ];
}

/** Reads a parameter of the module that the tiles belong to. */
type Read<Name extends string> = (parameters: Local, name: Name) => Code;

/** `tiles(parameters, input, weights, out, from, to)`: all rows of the columns [from, to) of one channel. */
export function addColumnTiles(
  module: ModuleWriter<string>,
  multiplyAdd: MultiplyAdd,
  { rows, columns }: ColumnTile,
  read: Read<'rows' | 'table' | 'pitchBytes' | 'tilePitch'>,
): FunctionReference {
  return module.add(undefined, 'parameters input weights out from to', (f, { parameters, input, weights, out, from, to }) => {
    const get = (name: Parameters<typeof read>[1]): Code => read(parameters, name);
    const { p, row, q, column, weight, base, at, entry, pitch } = f.locals('i32', 'p row q column weight base at entry pitch');
    const sums = f.localArray('v128', rows);
    const w = f.localArray('v128', largestOf(columns.map(({ steps }) => steps.length)));
    const v = f.v128();
    const tile = columns.flatMap((kind) =>
      eachColumn(f, entry, kind, [
        ...at.set(i32.add(base.get, i32.load(entry.get))),
        ...kind.steps.flatMap((_, k) => w[k]!.set(v128.loadSplat(weight.get, 4 * k))),
        ...eachRow({ rows, steps: kind.steps }, at, pitch.get, v, (k, o) =>
          sums[o]!.set(multiplyAdd(w[k]!.get, v.get, sums[o]!.get)),
        ),
        ...weight.advance(4 * kind.steps.length),
      ]),
    );
    return [
      ...pitch.set(get('pitchBytes')),
      ...f.loop(p, i32.const(0), get('rows'), rows, [
        ...row.set(minimum(p.get, i32.sub(get('rows'), i32.const(rows)))),
        ...f.loop(q, from.get, to.get, 4, [
          ...column.set(i32.shl(minimum(q.get, i32.sub(to.get, i32.const(4))), i32.const(2))),
          ...base.set(i32.add(i32.add(input.get, i32.mul(row.get, pitch.get)), column.get)),
          ...weight.set(weights.get),
          ...entry.set(get('table')),
          ...sums.flatMap((s) => s.set(v128.zero)),
          ...tile,
          ...at.set(i32.add(i32.add(out.get, i32.mul(row.get, get('tilePitch'))), column.get)),
          ...sums.flatMap((s, o) => [...(o > 0 ? at.advance(get('tilePitch')) : []), ...v128.store(at.get, s.get)]),
        ]),
      ]),
    ];
  });
}

/** `dots(parameters, input, g, sums)`: adds the products of one channel to the sums, each at its place; g's rows and columns end with zeros. */
export function addColumnDots(
  module: ModuleWriter<string>,
  multiplyAdd: MultiplyAdd,
  { rows, columns }: ColumnTile,
  read: Read<'gRows' | 'table' | 'places' | 'copyPitch' | 'gPitch'>,
): FunctionReference {
  return module.add(undefined, 'parameters input g sums', (f, { parameters, input, g, sums }) => {
    const get = (name: Parameters<typeof read>[1]): Code => read(parameters, name);
    const { p, q, base, at, gRow, gAt, entry, pitch, gPitch } = f.locals('i32', 'p q base at gRow gAt entry pitch gPitch');
    const products = f.localArray('v128', largestOf(columns.map(({ steps }) => steps.length)));
    const gRows = f.localArray('v128', rows);
    const v = f.v128();
    const place = (k: number): Code => i32.add(sums.get, i32.load(i32.add(entry.get, i32.sub(get('places'), get('table'))), 4 * k));
    const channel = (steps: readonly number[]): Code => [
      ...base.set(i32.add(input.get, i32.load(entry.get))),
      ...gRow.set(g.get),
      ...f.loop(p, i32.const(0), get('gRows'), rows, [
        ...f.loop(q, i32.const(0), gPitch.get, 16, [
          ...gAt.set(i32.add(gRow.get, q.get)),
          ...gRows.flatMap((h, o) => [...(o > 0 ? gAt.advance(gPitch.get) : []), ...h.set(v128.load(gAt.get))]),
          ...at.set(i32.add(base.get, q.get)),
          ...eachRow({ rows, steps }, at, pitch.get, v, (k, o) =>
            products[k]!.set(multiplyAdd(gRows[o]!.get, v.get, products[k]!.get)),
          ),
        ]),
        ...base.advance(i32.mul(pitch.get, i32.const(rows))),
        ...gRow.advance(i32.mul(gPitch.get, i32.const(rows))),
      ]),
    ];
    return [
      ...pitch.set(get('copyPitch')),
      ...gPitch.set(get('gPitch')),
      ...entry.set(get('table')),
      ...columns.flatMap((kind) =>
        eachColumn(f, entry, kind, [
          ...kind.steps.flatMap((_, k) => products[k]!.set(v128.zero)),
          ...channel(kind.steps),
          ...kind.steps.flatMap((_, k) => v128.store(place(k), f32x4.add(v128.load(place(k)), products[k]!.get))),
        ]),
      ),
    ];
  });
}
