/**
 * @file The SIMD kernel out[m, k] = sum over items and r of g[m, r] in[position_k + r]: filter gradients, and products A B^T.
 *
 * Lanes run along r. A tile of `outputs` x `reads` dot products stays in registers for one item; the sums of an item are added to
 * sums over items in scratch, so that no long chain of additions loses digits. Tiles at the end are moved back, and compute some
 * products twice. g has zeros where a row of it is padded, so what lies in the input there does not count.
 */
import {
  call,
  type FunctionReference,
  type FunctionWriter,
  type Local,
  lower,
  minimum,
  ModuleWriter,
  type WasmModule,
} from '../../runtime/assembler.ts';
import { BLOCK, blockSums } from '../../runtime/block-sums.ts';
import { type Code, doWhile, f32, f32x4, f64, i32, type MultiplyAdd, v128, when, zeroFill } from '../../runtime/instructions.ts';
import { parameterLayout, type ParameterLayout } from '../../runtime/parameters.ts';
import { addMatrixCopy } from '../../runtime/matrix-copy.ts';
import { addLanes } from '../reduce.ts';
import { addColumnDots, type ColumnTile } from './depthwise.ts';
import { copyPadded, PADDED_COPY, type PaddedCopy } from './padded-copy.ts';

/** Products that a tile holds in registers: of output channels with (input, window offset) pairs, which are places to read from. */
export interface DotTile {
  readonly outputs: number;
  readonly reads: number;
  /** Whether so many products are summed that they are added in blocks, or their sums kept in two numbers as well. */
  readonly long: 'no' | 'in blocks' | 'in two numbers';
}

const NAMES = [
  'items',
  'groups',
  'outputs',
  'contraction',
  'itemBytes',
  'gItemBytes',
  'skipBytes',
  'gSkipBytes',
  'gChannelBytes',
  'table',
  'tableEnd',
  'gPacked',
  'gPackedChannel',
  'gPackedBytes',
  'gRows',
  'gColumns',
  'gPitch',
  'places',
  'sumGroup',
  'sumBytes',
] as const;
type Parameter = PaddedCopy | (typeof NAMES)[number];

export const dotProductsParameters: ParameterLayout<Parameter> = parameterLayout<Parameter>([...PADDED_COPY, ...NAMES]);
const { read } = dotProductsParameters;

/** `run(parameters, x, g, out, scratch)`: sums lie at the start of scratch, one vector a product. */
export function dotProductsModule(multiplyAdd: MultiplyAdd, tile: DotTile | ColumnTile): WasmModule<'run'> {
  const module = new ModuleWriter('run');
  const copy = addMatrixCopy(module);
  const dots = 'columns' in tile ? addColumnDots(module, multiplyAdd, tile, read) : addDotProducts(module, multiplyAdd, tile);
  module.add('run', 'parameters x g out scratch', (f, { parameters, x, g, out, scratch }) => {
    const { item, group, input, cotangent, sums } = f.locals('i32', 'item group input cotangent sums');
    const get = (name: Parameter): Code => read(parameters, name);
    const clear = (name: 'packed' | 'gPacked'): Code =>
      when(get(`${name}Bytes`), zeroFill(i32.add(scratch.get, get(name)), get(`${name}Bytes`)));
    return [
      ...zeroFill(scratch.get, get('sumBytes')),
      ...clear('packed'),
      ...clear('gPacked'),
      ...group.set(i32.const(0)),
      ...sums.set(scratch.get),
      ...f.loop(item, i32.const(0), get('items'), 1, [
        ...when(
          get('packedBytes'),
          [...input.set(i32.add(scratch.get, get('packed'))), ...copyPadded(f, get, copy, x, input)],
          input.set(x.get),
        ),
        ...when(
          get('gPackedBytes'),
          [...cotangent.set(i32.add(scratch.get, get('gPacked'))), ...copyCotangent(f, get, copy, g, cotangent)],
          cotangent.set(g.get),
        ),
        ...call(dots, parameters.get, input.get, cotangent.get, sums.get),
        ...x.advance(get('itemBytes')),
        ...g.advance(get('gItemBytes')),
        ...sums.advance(get('sumGroup')),
        ...group.advance(1),
        ...when(i32.eqz(i32.sub(group.get, get('groups'))), [
          ...group.set(i32.const(0)),
          ...sums.set(scratch.get),
          ...x.advance(get('skipBytes')),
          ...g.advance(get('gSkipBytes')),
        ]),
      ]),
      ...addUpSums(f, get, 'columns' in tile ? { outputs: 1, reads: 1, long: 'no' } : tile, scratch, out),
    ];
  });
  return module.assemble();
}

/** Copies g to where its rows and columns may end with zeros. */
function copyCotangent(f: FunctionWriter, get: (name: Parameter) => Code, copy: FunctionReference, from: Local, to: Local): Code {
  const { channel, source, target } = f.locals('i32', 'channel source target');
  return [
    ...source.set(from.get),
    ...target.set(to.get),
    ...f.loop(channel, i32.const(0), get('outputs'), 1, [
      ...call(
        copy,
        source.get,
        i32.shl(get('gColumns'), i32.const(2)),
        i32.const(4),
        target.get,
        get('gPitch'),
        i32.const(4),
        get('gRows'),
        get('gColumns'),
      ),
      ...source.advance(get('gChannelBytes')),
      ...target.advance(get('gPackedChannel')),
    ]),
  ];
}

/** `dots(parameters, input, g, sums)`: adds the products of one item to the sums. */
function addDotProducts(
  module: ModuleWriter<string>,
  multiplyAdd: MultiplyAdd,
  { outputs, reads, long }: DotTile,
): FunctionReference {
  return module.add(undefined, 'parameters input g sums', (f, { parameters, input, g, sums }) => {
    const get = (name: Parameter): Code => read(parameters, name);
    const { m, k, entry, tableLast, row, end, stop, channel, outputCount } = f.locals(
      'i32',
      'm k entry tableLast row end stop channel outputCount',
    );
    const gAt = f.localArray('i32', outputs);
    const inAt = f.localArray('i32', reads);
    const products = Array.from({ length: outputs }, () => f.localArray('v128', reads));
    const loaded = f.localArray('v128', outputs);
    const x = f.v128();
    const step = [
      ...loaded.flatMap((v, i) => [...v.set(v128.load(gAt[i]!.get)), ...gAt[i]!.advance(16)]),
      ...inAt.flatMap((p, j) => [
        ...x.set(v128.load(p.get)),
        ...p.advance(16),
        ...products.flatMap((sums, i) => sums[j]!.set(multiplyAdd(loaded[i]!.get, x.get, sums[j]!.get))),
      ]),
    ];
    const tile = [
      ...entry.set(lower(k.get, tableLast.get)),
      ...inAt.flatMap((p, j) => p.set(i32.add(input.get, i32.load(entry.get, 4 * j)))),
      ...gAt.flatMap((p, i) => p.set(i === 0 ? row.get : i32.add(gAt[i - 1]!.get, channel.get))),
      ...end.set(i32.add(gAt[0]!.get, get('contraction'))),
      ...(long === 'in two numbers'
        ? doWhile(
            [
              ...products.flat().flatMap((v) => v.set(v128.zero)),
              ...stop.set(i32.add(gAt[0]!.get, i32.const(16 * BLOCK))),
              ...stop.set(lower(stop.get, end.get)),
              ...doWhile(step, i32.lessThanUnsigned(gAt[0]!.get, stop.get)),
              ...products.flat().flatMap((v, i) => extendSum(f, sums, 32 * i, v)),
            ],
            i32.lessThanUnsigned(gAt[0]!.get, end.get),
          )
        : [
            ...(long === 'in blocks'
              ? blockSums(f, products.flat(), gAt[0]!, end.get, 16, step)
              : [
                  ...products.flat().flatMap((v) => v.set(v128.zero)),
                  ...doWhile(step, i32.lessThanUnsigned(gAt[0]!.get, end.get)),
                ]),
            ...products.flat().flatMap((v, i) => v128.store(sums.get, f32x4.add(v128.load(sums.get, 16 * i), v.get), 16 * i)),
          ]),
      ...sums.advance(sumsOf({ outputs, reads, long })),
    ];
    return [
      ...outputCount.set(get('outputs')),
      ...channel.set(get('gPackedChannel')),
      ...tableLast.set(i32.sub(get('tableEnd'), i32.const(4 * reads))),
      ...f.loop(m, i32.const(0), outputCount.get, outputs, [
        ...row.set(i32.add(g.get, i32.mul(minimum(m.get, i32.sub(outputCount.get, i32.const(outputs))), channel.get))),
        ...f.walk(k, get('table'), get('tableEnd'), 4 * reads, tile),
      ]),
    ];
  });
}

function vectorsOf(long: DotTile['long']): number {
  return long === 'in two numbers' ? 2 : 1;
}

/** Bytes of a tile's sums: a vector a product, or two. */
export function sumsOf({ outputs, reads, long }: DotTile): number {
  return vectorsOf(long) * 16 * outputs * reads;
}

/** Adds a vector to a sum in memory that is kept in two numbers: Knuth's exact addition. */
function extendSum(f: FunctionWriter, sums: Local, offset: number, value: Local): Code {
  const { old, high, part } = f.locals('v128', 'old high part');
  const [a, b, s, p] = [old.get, value.get, high.get, part.get];
  const error = f32x4.add(f32x4.sub(a, f32x4.sub(s, p)), f32x4.sub(b, p));
  return [
    ...old.set(v128.load(sums.get, offset)),
    ...high.set(f32x4.add(a, b)),
    ...part.set(f32x4.sub(s, a)),
    ...v128.store(sums.get, s, offset),
    ...v128.store(sums.get, f32x4.add(v128.load(sums.get, offset + 16), error), offset + 16),
  ];
}

/** Adds up the lanes of every product and writes it to its place. */
function addUpSums(f: FunctionWriter, get: (name: Parameter) => Code, tile: DotTile, scratch: Local, out: Local): Code {
  const { outputs, reads, long } = tile;
  const { group, m, k, at, sums, count, width } = f.locals('i32', 'group m k at sums count width');
  const { v, rest } = f.locals('v128', 'v rest');
  const total = f.local('f64');
  const write = Array.from({ length: outputs * reads }, (_, i) => [
    ...v.set(v128.load(sums.get, 16 * vectorsOf(long) * i)),
    ...(i > 0 && i % reads === 0 ? at.advance(i32.shl(width.get, i32.const(2))) : []),
    ...(long === 'in two numbers'
      ? [
          ...total.set(f64.const(0)),
          ...addLanes(total, v),
          // An infinite sum has no second number.
          ...rest.set(v128.load(sums.get, 32 * i + 16)),
          ...rest.set(v128.and(rest.get, f32x4.equal(f32x4.sub(v.get, v.get), v128.zero))),
          ...addLanes(total, rest),
          ...f32.store(at.get, f32.fromF64(total.get), 4 * (i % reads)),
        ]
      : f32.store(
          at.get,
          f32.add(f32.add(f32x4.lane(v.get, 0), f32x4.lane(v.get, 1)), f32.add(f32x4.lane(v.get, 2), f32x4.lane(v.get, 3))),
          4 * (i % reads),
        )),
  ]).flat();
  return [
    ...sums.set(scratch.get),
    ...count.set(get('outputs')),
    ...width.set(i32.shr(i32.sub(get('tableEnd'), get('table')), i32.const(2))),
    ...f.loop(group, i32.const(0), get('groups'), 1, [
      ...f.loop(m, i32.const(0), count.get, outputs, [
        ...f.loop(k, i32.const(0), width.get, reads, [
          ...at.set(i32.mul(minimum(m.get, i32.sub(count.get, i32.const(outputs))), width.get)),
          ...at.set(i32.add(out.get, i32.shl(i32.add(at.get, minimum(k.get, i32.sub(width.get, i32.const(reads)))), i32.const(2)))),
          ...write,
          ...sums.advance(sumsOf(tile)),
        ]),
      ]),
      ...out.advance(i32.shl(i32.mul(count.get, width.get), i32.const(2))),
    ]),
  ];
}
