/**
 * @file SIMD kernel of maxPoolIndices, on channels padded with -Infinity: for each window the flat index of its first maximum.
 *
 * A tile is a vector of columns in up to four rows. Indices are counted in float32, exact to 2^24.
 */
import type { PoolGeometry } from '../../../contract/backend.ts';
import { dims, sizeOf } from '../../../contract/shape.ts';
import type { SimdKernels } from '../kernel.ts';
import { type Local, minimum, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { ranges } from '../runtime/calls.ts';
import { type Code, doWhile, f32, f32x4, i32, v128 } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';
import { parameterLayout, type ParameterLayout, placeParameters } from '../runtime/parameters.ts';
import { type Plan, PlanCache, type PlanWords } from '../runtime/plan.ts';
import type { Image } from './conv/forms.ts';
import { copyPadded, PADDED_COPY, type PaddedCopy } from './conv/padded-copy.ts';
import { copyTable, inputLayout, paddedCopyWords, type WindowOffset, windowOffsets } from './conv/sliding-window.ts';
import { addMatrixCopy } from '../runtime/matrix-copy.ts';

/** Beyond this an index is not exact in float32. */
const EXACT = 2 ** 24;

const NAMES = ['channels', 'rows', 'columns', 'pitchBytes', 'outBytes', 'reads', 'readsEnd', 'bases', 'firsts'] as const;
type Parameter = PaddedCopy | (typeof NAMES)[number];
const indicesParameters: ParameterLayout<Parameter> = parameterLayout<Parameter>([...PADDED_COPY, ...NAMES]);

/** `indices(parameters, x, y, scratch)`, for tiles of `rows` rows. */
function indicesModule(rows: number): WasmModule<'indices'> {
  const module = new ModuleWriter('indices');
  const copy = addMatrixCopy(module);
  module.add('indices', 'parameters x y scratch', (f, { parameters, x, y, scratch }) => {
    const get = (name: Parameter): Code => indicesParameters.read(parameters, name);
    const { channel, packed, p, q, row, column, entry, base, at, out, end } = f.locals(
      'i32',
      'channel packed p q row column entry base at out end',
    );
    const bests = f.localArray('v128', rows);
    const indices = f.localArray('v128', rows);
    const { value, larger, candidate } = f.locals('v128', 'value larger candidate');
    const eachRow = (next: Local, pitch: Code, body: (best: Local, index: Local) => Code): Code =>
      bests.flatMap((best, r) => [...body(best, indices[r]!), ...(r + 1 < rows ? next.advance(pitch) : [])]);
    const outPitch = i32.shl(get('columns'), i32.const(2));
    const step = [
      ...at.set(i32.add(base.get, i32.load(entry.get))),
      ...candidate.set(v128.loadSplat(entry.get, 4)),
      ...eachRow(at, get('pitchBytes'), (best, index) => [
        ...value.set(v128.load(at.get)),
        // A NaN is larger than anything, so that it is not lost.
        ...larger.set(v128.or(f32x4.greaterThan(value.get, best.get), f32x4.notEqual(value.get, value.get))),
        ...best.set(v128.select(value.get, best.get, larger.get)),
        ...index.set(v128.select(candidate.get, index.get, larger.get)),
      ]),
      ...entry.advance(8),
    ];
    const tile = [
      ...base.set(i32.add(i32.add(packed.get, i32.mul(row.get, get('pitchBytes'))), i32.shl(column.get, i32.const(2)))),
      ...out.set(i32.shl(i32.add(i32.mul(row.get, get('columns')), column.get), i32.const(2))),
      ...bests.flatMap((v) => v.set(f32x4.splat(f32.const(-Infinity)))),
      // Until something is larger than -Infinity, the window's first pixel.
      ...at.set(i32.add(get('firsts'), out.get)),
      ...eachRow(at, outPitch, (_best, index) => index.set(v128.load(at.get))),
      ...entry.set(get('reads')),
      ...doWhile(step, i32.lessThanUnsigned(entry.get, get('readsEnd'))),
      ...at.set(i32.add(get('bases'), out.get)),
      ...eachRow(at, outPitch, (_best, index) => index.set(f32x4.add(index.get, v128.load(at.get)))),
      ...at.set(i32.add(y.get, out.get)),
      ...eachRow(at, outPitch, (_best, index) => v128.store(at.get, index.get)),
    ];
    return [
      ...packed.set(i32.add(scratch.get, get('packed'))),
      ...end.set(i32.add(packed.get, get('packedBytes'))),
      ...f.walk(at, packed.get, end.get, 16, v128.store(at.get, f32x4.splat(f32.const(-Infinity)))),
      ...f.loop(channel, i32.const(0), get('channels'), 1, [
        ...copyPadded(f, get, copy, x, packed),
        ...f.loop(p, i32.const(0), get('rows'), rows, [
          ...row.set(minimum(p.get, i32.sub(get('rows'), i32.const(rows)))),
          ...f.loop(q, i32.const(0), get('columns'), 4, [
            ...column.set(minimum(q.get, i32.sub(get('columns'), i32.const(4)))),
            ...tile,
          ]),
        ]),
        ...x.advance(get('channelBytes')),
        ...y.advance(get('outBytes')),
      ]),
    ];
  });
  return module.assemble();
}

export function poolKernels(linker: Linker): SimdKernels<'maxPoolIndices'> {
  const plans = new PlanCache(linker.heap);
  return {
    maxPoolIndices: (geometry, [x], [y]) => {
      const [from, to] = [dims('maxPoolIndices', x, 'n c h w'), dims('maxPoolIndices', y, 'n c h w')];
      if (to.w < 4 || from.h * from.w > EXACT) return undefined;
      const { stride, padding, dilation, kernel } = geometry;
      const key = [stride, padding, dilation, kernel, x.shape].join(' ');
      const channels = (most: number): readonly PlanWords[] =>
        ranges(from.n * from.c, most).map(([first, end]) => indicesPlan(linker, geometry, from, to, first, end));
      const found = (most: number): readonly Plan[] => plans.get(`${key} ${most}`, () => channels(most));
      return [
        {
          cost: sizeOf(y.shape) * kernel[0] * kernel[1] * 4,
          make: (most) => found(most).map((plan) => plan.call(addressOf(x), addressOf(y))),
        },
      ];
    },
  };
}

/** The plan for the channels [first, end) of all images. */
function indicesPlan(
  linker: Linker,
  geometry: PoolGeometry,
  { h: height, w: width }: Image,
  y: Image,
  first: number,
  end: number,
): PlanWords {
  const { stride, kernel } = geometry;
  const { h: rows, w: columns } = y;
  const offsets = windowOffsets(geometry, ...kernel);
  const window = { offsets, stride, height, width, rows, columns };
  const layout = inputLayout(window, true);
  const relative = ({ row, column }: WindowOffset): number => row * width + column;
  const firstInside = (p: number, q: number): number => {
    const inside = offsets.find(({ row, column }) => within(p * stride[0] + row, height) && within(q * stride[1] + column, width));
    return inside ? relative(inside) : 0;
  };
  const outputs = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const);
  const tables = {
    copies: copyTable(layout),
    reads: offsets.flatMap((offset, k) => [layout.positions[k]! * 4, floatBits(relative(offset))]),
    bases: outputs.map(([p, q]) => floatBits(p * stride[0] * width + q * stride[1])),
    firsts: outputs.map(([p, q]) => floatBits(firstInside(p, q))),
  };
  const packedBytes = layout.channelSize * 4;
  const place = placeParameters(linker.heap, indicesParameters.bytes, tables, ({ copies, reads, bases, firsts }) =>
    indicesParameters.words({
      ...paddedCopyWords(window, layout, 1, copies, 0, packedBytes),
      channels: end - first,
      rows,
      columns,
      pitchBytes: layout.pitch * 4,
      outBytes: rows * columns * 4,
      reads,
      readsEnd: reads + tables.reads.length * 4,
      bases,
      firsts,
    }),
  );
  const tileRows = Math.min(4, rows);
  const { indices } = linker.load(`indices ${tileRows}`, () => indicesModule(tileRows));
  return {
    ...place,
    scratchBytes: packedBytes,
    run: indices,
    offsets: [first * height * width * 4, first * rows * columns * 4],
  };
}

function within(at: number, size: number): boolean {
  return at >= 0 && at < size;
}

function floatBits(value: number): number {
  return new DataView(Float32Array.of(value).buffer).getInt32(0, true);
}
