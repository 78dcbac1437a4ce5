/**
 * @file Depthwise tiles: taps of one column are taken together, so that a loaded row of the image serves every tap that meets it.
 *
 * out[p, q] = sum over k of w[k] in[p + step_k, q + column], one vector of columns by several rows in registers: the rows of the image
 * are walked once, and each is multiplied by all weights of the column whose output row lies in the tile. The filter's gradient
 * dw[k] = sum over p, q of g[p, q] in[p + step_k, q + column] walks the same way, with rows of g in registers.
 */
import { type FunctionReference, type FunctionWriter, type Local, minimum, type ModuleWriter } from '../../runtime/assembler.ts';
import { type Code, doWhile, f32x4, i32, v128 } from '../../runtime/instructions.ts';
import type { Tap } from './taps.ts';

/** `count` columns of taps that lie `steps` rows below the first of them. */
export interface TapColumns {
  readonly steps: readonly number[];
  readonly count: number;
}

export interface ColumnTile {
  readonly rows: number;
  readonly columns: readonly TapColumns[];
}

/** Longer columns of taps do not fit the registers. */
const LONGEST = 8;

/** Taps sorted into columns of one phase, alike ones together; undefined where taking columns together gains nothing. */
export function tapColumns(
  taps: readonly Tap[],
  stride: number,
): { readonly taps: readonly Tap[]; readonly columns: readonly TapColumns[] } | undefined {
  const byPlace = new Map<string, Tap[]>();
  for (const tap of [...taps].sort((a, b) => a.row - b.row)) {
    const place = `${tap.column} ${((tap.row % stride) + stride) % stride}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), tap]);
  }
  const bySteps = new Map<string, { readonly steps: readonly number[]; readonly lists: Tap[][] }>();
  for (const list of byPlace.values()) {
    const steps = list.map((tap) => (tap.row - list[0]!.row) / stride);
    const alike = bySteps.get(steps.join(' '));
    if (alike) alike.lists.push(list);
    else bySteps.set(steps.join(' '), { steps, lists: [list] });
  }
  const kinds = [...bySteps.values()];
  const longest = Math.max(...kinds.map(({ steps }) => steps.length));
  if (longest < 2 || longest > LONGEST) return undefined;
  return {
    taps: kinds.flatMap(({ lists }) => lists.flat()),
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

/** Walks the rows of the image under a tile, from `at` on: `meet(k, o, v)` where the row in `v` meets tap k for the tile's row o. */
function walkRows(
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

/** Runs `body` for every column of taps of one kind, `entry` being its first entry in the table of taps. */
function eachColumn(f: FunctionWriter, entry: Local, { steps, count }: TapColumns, body: Code): Code {
  const end = f.i32();
  return [
    ...end.set(i32.add(entry.get, i32.const(4 * steps.length * count))),
    ...doWhile([...body, ...entry.advance(4 * steps.length)], i32.lessThan(entry.get, end.get)),
  ];
}

function multiplyAdd(sum: Local, a: Local, b: Local): Code {
  return sum.set(f32x4.add(sum.get, f32x4.mul(a.get, b.get)));
}

type Fields<Name extends string> = (record: Local, name: Name) => Code;

/** `tiles(record, input, weights, out, from, to)`: all rows of the columns [from, to) of one plane. */
export function addColumnTiles(
  module: ModuleWriter,
  { rows, columns }: ColumnTile,
  field: Fields<'rows' | 'table' | 'pitchBytes' | 'tilePitch'>,
): FunctionReference {
  return module.add(undefined, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], (f, record, input, weights, out, from, to) => {
    const [p, row, q, column, weight, base, at, entry, pitch] = f.locals('i32', 9) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const sums = f.locals('v128', rows);
    const w = f.locals('v128', Math.max(...columns.map(({ steps }) => steps.length)));
    const v = f.v128();
    const tile = columns.flatMap((kind) =>
      eachColumn(f, entry, kind, [
        ...at.set(i32.add(base.get, i32.load(entry.get))),
        ...kind.steps.flatMap((_, k) => w[k]!.set(v128.loadSplat(weight.get, 4 * k))),
        ...walkRows({ rows, steps: kind.steps }, at, pitch.get, v, (k, o) => multiplyAdd(sums[o]!, w[k]!, v)),
        ...weight.advance(4 * kind.steps.length),
      ]),
    );
    return [
      ...pitch.set(field(record, 'pitchBytes')),
      ...f.loop(p, i32.const(0), field(record, 'rows'), rows, [
        ...row.set(minimum(p.get, i32.sub(field(record, 'rows'), i32.const(rows)))),
        ...f.loop(q, from.get, to.get, 4, [
          ...column.set(i32.shl(minimum(q.get, i32.sub(to.get, i32.const(4))), i32.const(2))),
          ...base.set(i32.add(i32.add(input.get, i32.mul(row.get, pitch.get)), column.get)),
          ...weight.set(weights.get),
          ...entry.set(field(record, 'table')),
          ...sums.flatMap((s) => s.set(v128.zero)),
          ...tile,
          ...at.set(i32.add(i32.add(out.get, i32.mul(row.get, field(record, 'tilePitch'))), column.get)),
          ...sums.flatMap((s, o) => [...(o > 0 ? at.advance(field(record, 'tilePitch')) : []), ...v128.store(at.get, s.get)]),
        ]),
      ]),
    ];
  });
}

/** `dots(record, input, g, sums)`: adds the products of one plane to the sums, each at its place; g's rows and columns end with zeros. */
export function addColumnDots(
  module: ModuleWriter,
  { rows, columns }: ColumnTile,
  field: Fields<'gRows' | 'table' | 'places' | 'copyPitch' | 'gPitch'>,
): FunctionReference {
  return module.add(undefined, ['i32', 'i32', 'i32', 'i32'], (f, record, input, g, sums) => {
    const [p, q, base, at, gRow, gAt, entry, pitch, gPitch] = f.locals('i32', 9) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const products = f.locals('v128', Math.max(...columns.map(({ steps }) => steps.length)));
    const held = f.locals('v128', rows);
    const v = f.v128();
    const place = (k: number): Code =>
      i32.add(sums.get, i32.load(i32.add(entry.get, i32.sub(field(record, 'places'), field(record, 'table'))), 4 * k));
    const plane = (steps: readonly number[]): Code => [
      ...base.set(i32.add(input.get, i32.load(entry.get))),
      ...gRow.set(g.get),
      ...f.loop(p, i32.const(0), field(record, 'gRows'), rows, [
        ...f.loop(q, i32.const(0), gPitch.get, 16, [
          ...gAt.set(i32.add(gRow.get, q.get)),
          ...held.flatMap((h, o) => [...(o > 0 ? gAt.advance(gPitch.get) : []), ...h.set(v128.load(gAt.get))]),
          ...at.set(i32.add(base.get, q.get)),
          ...walkRows({ rows, steps }, at, pitch.get, v, (k, o) => multiplyAdd(products[k]!, held[o]!, v)),
        ]),
        ...base.advance(i32.mul(pitch.get, i32.const(rows))),
        ...gRow.advance(i32.mul(gPitch.get, i32.const(rows))),
      ]),
    ];
    return [
      ...pitch.set(field(record, 'copyPitch')),
      ...gPitch.set(field(record, 'gPitch')),
      ...entry.set(field(record, 'table')),
      ...columns.flatMap((kind) =>
        eachColumn(f, entry, kind, [
          ...kind.steps.flatMap((_, k) => products[k]!.set(v128.zero)),
          ...plane(kind.steps),
          ...kind.steps.flatMap((_, k) => v128.store(place(k), f32x4.add(v128.load(place(k)), products[k]!.get))),
        ]),
      ),
    ];
  });
}
