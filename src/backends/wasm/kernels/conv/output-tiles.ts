/**
 * @file The SIMD kernel out[m, p, q] = sum over k of a[k, m] in[position_k + p pitch + q]: convolutions and their input gradients.
 *
 * Lanes run along q. A tile of outputs stays in registers: `outputs` channels x `rows` x `vectors` of four columns, so that each
 * loaded vector serves several channels and each weight several columns. Where a size is no multiple of the tile, the last tile is
 * moved back and computes some outputs twice, to the same value; nothing is ever written outside the output.
 */
import {
  call,
  type FunctionReference,
  type FunctionWriter,
  type Local,
  minimum,
  ModuleWriter,
  type WasmModule,
} from '../../runtime/assembler.ts';
import { type Code, doWhile, f32, i32, type MultiplyAdd, v128, when, zeroFill } from '../../runtime/instructions.ts';
import { blockSums } from '../../runtime/block-sums.ts';
import { parameterLayout, type ParameterLayout } from '../../runtime/parameters.ts';
import { addMatrixCopy } from '../../runtime/matrix-copy.ts';
import { addColumnTiles, type ColumnTile } from './depthwise.ts';
import { copyPadded, PADDED_COPY, type PaddedCopy } from './padded-copy.ts';

/** Outputs that a tile holds in registers. */
export interface Tile {
  readonly outputs: number;
  readonly rows: number;
  readonly vectors: number;
  /** How many products of the window are added in a row; 0: all, for they are few. */
  readonly block: number;
}

/** Sizes in elements unless named bytes; addresses and offsets within scratch in bytes. An item is one group of one image. */
const NAMES = [
  'items',
  'groups',
  'outputs',
  'rows',
  'columns',
  'wideColumns',
  'itemBytes',
  'outItemBytes',
  'pitchBytes',
  'windowSize',
  'windowWeights',
  'table',
  'tableEnd',
  'weightGroup',
  'weightOutput',
  'weightInput',
  'through',
  'tilePitch',
  'tileChannel',
  'outOffset',
  'outChannel',
  'outPitch',
  'outStep',
  'outRows',
  'outColumns',
] as const;
type Parameter = PaddedCopy | (typeof NAMES)[number];

export const outputTilesParameters: ParameterLayout<Parameter> = parameterLayout<Parameter>([...PADDED_COPY, ...NAMES]);
const { read, keep } = outputTilesParameters;
/** What the loops over tiles ask for again and again. */
const CACHED = ['rows', 'outputs', 'table', 'tableEnd', 'pitchBytes', 'tilePitch', 'tileChannel'] as const;

/** `run(parameters, x, weights, y, scratch)`: weights packed first, then each item. */
export function outputTilesModule(
  multiplyAdd: MultiplyAdd,
  wide: Tile | undefined,
  narrow: Tile | ColumnTile | undefined,
): WasmModule<'run'> {
  const module = new ModuleWriter('run');
  const tile = wide ?? narrow;
  // A column tile is of one output channel.
  const outputs = tile && 'outputs' in tile ? tile.outputs : 1;
  const copy = addMatrixCopy(module);
  const pack = addWeightPacking(module, outputs);
  const wideTiles = wide && addTiles(module, multiplyAdd, wide);
  const narrowTiles =
    narrow && ('columns' in narrow ? addColumnTiles(module, multiplyAdd, narrow, read) : addTiles(module, multiplyAdd, narrow));
  module.add('run', 'parameters x weights y scratch', (f, { parameters, x, weights, y, scratch }) => {
    const { item, group, input, packed, out, a, panelBytes } = f.locals('i32', 'item group input packed out a panelBytes');
    const get = (name: Parameter): Code => read(parameters, name);
    const tiles = (target: FunctionReference, from: Code, to: Code): Code =>
      call(target, parameters.get, input.get, a.get, out.get, from, to);
    return [
      ...call(pack, parameters.get, weights.get, scratch.get),
      ...packed.set(i32.add(scratch.get, get('packed'))),
      ...when(get('packedBytes'), zeroFill(packed.get, get('packedBytes'))),
      // Bytes of one group's packed weights: panels x k x outputs of a tile.
      ...panelBytes.set(i32.mul(panels(get('outputs'), outputs), i32.sub(get('tableEnd'), get('table')))),
      ...panelBytes.set(i32.mul(panelBytes.get, i32.const(outputs))),
      ...group.set(i32.const(0)),
      ...a.set(scratch.get),
      ...f.loop(item, i32.const(0), get('items'), 1, [
        ...when(get('packedBytes'), [...copyPadded(f, get, copy, x, packed), ...input.set(packed.get)], input.set(x.get)),
        ...when(get('through'), out.set(i32.add(scratch.get, get('through'))), out.set(i32.add(y.get, get('outOffset')))),
        ...(wideTiles ? tiles(wideTiles, i32.const(0), get('wideColumns')) : []),
        ...(narrowTiles ? tiles(narrowTiles, get('wideColumns'), get('columns')) : []),
        ...when(get('through'), copyOut(f, get, copy, out, y)),
        ...x.advance(get('itemBytes')),
        ...y.advance(get('outItemBytes')),
        ...a.advance(panelBytes.get),
        ...group.advance(1),
        ...when(i32.eqz(i32.sub(group.get, get('groups'))), [...group.set(i32.const(0)), ...a.set(scratch.get)]),
      ]),
    ];
  });
  return module.assemble();
}

function panels(outputs: Code, width: number): Code {
  return width === 1 ? outputs : i32.div(i32.add(outputs, i32.const(width - 1)), i32.const(width));
}

/** Copies the channels of an output from scratch to their places. */
function copyOut(f: FunctionWriter, get: (name: Parameter) => Code, copy: FunctionReference, from: Local, y: Local): Code {
  const { channel, source, target } = f.locals('i32', 'channel source target');
  return [
    ...source.set(from.get),
    ...target.set(i32.add(y.get, get('outOffset'))),
    ...f.loop(channel, i32.const(0), get('outputs'), 1, [
      ...call(
        copy,
        source.get,
        get('tilePitch'),
        i32.const(4),
        target.get,
        get('outPitch'),
        get('outStep'),
        get('outRows'),
        get('outColumns'),
      ),
      ...source.advance(get('tileChannel')),
      ...target.advance(get('outChannel')),
    ]),
  ];
}

/** `pack(parameters, weights, to)`: for each group and panel of output channels, [k][outputs of the tile]. */
function addWeightPacking(module: ModuleWriter<string>, width: number): FunctionReference {
  return module.add(undefined, 'parameters weights to', (f, { parameters, weights, to }) => {
    const get = (name: Parameter): Code => read(parameters, name);
    const { group, panel, input, entry, base, at, from } = f.locals('i32', 'group panel input entry base at from');
    const end = i32.add(get('windowWeights'), i32.shl(get('windowSize'), i32.const(2)));
    const elements = Array.from({ length: width }, (_, m) => [
      ...f32.store(to.get, f32.load(from.get), m * 4),
      ...(m + 1 < width ? from.advance(get('weightOutput')) : []),
    ]).flat();
    return f.loop(group, i32.const(0), get('groups'), 1, [
      ...f.loop(panel, i32.const(0), get('outputs'), width, [
        ...base.set(
          i32.add(weights.get, i32.mul(minimum(panel.get, i32.sub(get('outputs'), i32.const(width))), get('weightOutput'))),
        ),
        ...f.loop(input, i32.const(0), get('inputs'), 1, [
          ...f.walk(entry, get('windowWeights'), end, 4, [
            ...at.set(i32.load(entry.get)),
            ...from.set(i32.add(base.get, at.get)),
            ...elements,
            ...to.advance(width * 4),
          ]),
          ...base.advance(get('weightInput')),
        ]),
      ]),
      ...weights.advance(get('weightGroup')),
    ]);
  });
}

/** `tiles(parameters, input, a, out, from, to)`: all rows of the columns [from, to) of all output channels of an item. */
function addTiles(
  module: ModuleWriter<string>,
  multiplyAdd: MultiplyAdd,
  { outputs, rows, vectors, block }: Tile,
): FunctionReference {
  return module.add(undefined, 'parameters input a out from to', (f, { parameters, input, a, out, from, to }) => {
    const { load, get } = keep(f, parameters, CACHED);
    const { p, row, q, column, panel, weight, base, at, entry, target } = f.locals(
      'i32',
      'p row q column panel weight base at entry target',
    );
    const sums = Array.from({ length: outputs }, () => f.localArray('v128', rows * vectors));
    const loaded = f.localArray('v128', rows * vectors);
    const w = f.v128();
    const loads = Array.from({ length: rows }, (_, r) => [
      ...(r > 0 ? at.advance(get('pitchBytes')) : []),
      ...Array.from({ length: vectors }, (_v, v) => loaded[r * vectors + v]!.set(v128.load(at.get, 16 * v))).flat(),
    ]).flat();
    const step = [
      ...at.set(i32.add(base.get, i32.load(entry.get))),
      ...loads,
      ...sums.flatMap((sum, m) => [
        ...w.set(v128.loadSplat(weight.get, 4 * m)),
        ...sum.flatMap((s, v) => s.set(multiplyAdd(w.get, loaded[v]!.get, s.get))),
      ]),
      ...weight.advance(4 * outputs),
      ...entry.advance(4),
    ];
    const stores = sums.flatMap((sum, m) => [
      ...at.set(target.get),
      ...Array.from({ length: rows }, (_, r) => [
        ...(r > 0 ? at.advance(get('tilePitch')) : []),
        ...Array.from({ length: vectors }, (_v, v) => v128.store(at.get, sum[r * vectors + v]!.get, 16 * v)).flat(),
      ]).flat(),
      ...(m + 1 < outputs ? target.advance(get('tileChannel')) : []),
    ]);
    const tile = [
      ...target.set(i32.add(out.get, i32.mul(minimum(panel.get, i32.sub(get('outputs'), i32.const(outputs))), get('tileChannel')))),
      ...target.set(i32.add(i32.add(target.get, i32.mul(row.get, get('tilePitch'))), i32.shl(column.get, i32.const(2)))),
      ...entry.set(get('table')),
      ...(block > 0
        ? blockSums(f, sums.flat(), entry, get('tableEnd'), 4, step, block)
        : [...sums.flat().flatMap((s) => s.set(v128.zero)), ...doWhile(step, i32.lessThanUnsigned(entry.get, get('tableEnd')))]),
      ...stores,
    ];
    return [
      ...load,
      ...f.loop(p, i32.const(0), get('rows'), rows, [
        ...row.set(rows === 1 ? p.get : minimum(p.get, i32.sub(get('rows'), i32.const(rows)))),
        ...f.loop(q, from.get, to.get, 4 * vectors, [
          ...column.set(minimum(q.get, i32.sub(to.get, i32.const(4 * vectors)))),
          ...base.set(i32.add(i32.add(input.get, i32.mul(row.get, get('pitchBytes'))), i32.shl(column.get, i32.const(2)))),
          ...weight.set(a.get),
          ...f.loop(panel, i32.const(0), get('outputs'), outputs, tile),
        ]),
      ]),
    ];
  });
}
