/**
 * @file SIMD kernel of maxPoolIndices, on planes padded with -Infinity: for each window the flat index of its first maximum.
 *
 * A tile is a vector of columns in up to four rows. Indices are counted in float32, exact to 2^24. Also take and put, one number at
 * a time, which make a maximum pool and its gradient of the indices.
 */
import type { PoolGeometry } from '../../../contract/backend.ts';
import { type Local, minimum, ModuleWriter } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { doWhile, f32, f32x4, i32, v128, when, zeroFill } from '../runtime/instructions.ts';
import type { SimdKernels } from '../kernel.ts';
import type { Linker } from '../runtime/linker.ts';
import { type Plan, placeRecord, PlanCache } from '../runtime/plan.ts';
import { addPlaneCopy, PACKING_FIELDS, type PackingField, packPlanes } from './conv/planes.ts';
import { recordLayout, type RecordLayout } from '../runtime/record.ts';
import { copyTable, packingWords, type Tap, tapLayout } from './conv/taps.ts';

/** Beyond this an index is not exact in float32. */
const EXACT = 2 ** 24;

const FIELDS = ['planes', 'rows', 'columns', 'pitchBytes', 'outBytes', 'taps', 'tapsEnd', 'bases', 'firsts'] as const;
type Field = PackingField | (typeof FIELDS)[number];
const record_: RecordLayout<Field> = recordLayout<Field>([...PACKING_FIELDS, ...FIELDS]);

/** `indices(record, x, y, scratch)`, for tiles of `rows` rows. */
function indicesModule(rows: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const copy = addPlaneCopy(module);
  module.add('indices', ['i32', 'i32', 'i32', 'i32'], (f, record, x, y, scratch) => {
    const get = (name: Field) => record_.field(record, name);
    const [plane, packed, p, q, row, column, entry, base, at, out, end] = f.locals('i32', 11) as [
      Local,
      Local,
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
    const best = f.locals('v128', rows);
    const index = f.locals('v128', rows);
    const [value, larger, candidate] = [f.v128(), f.v128(), f.v128()];
    const eachRow = (next: Local, pitch: readonly number[], body: (r: number) => readonly number[]): number[] =>
      Array.from({ length: rows }, (_, r) => [...body(r), ...(r + 1 < rows ? next.advance(pitch) : [])]).flat();
    const outPitch = i32.shl(get('columns'), i32.const(2));
    const step = [
      ...at.set(i32.add(base.get, i32.load(entry.get))),
      ...candidate.set(v128.loadSplat(entry.get, 4)),
      ...eachRow(at, get('pitchBytes'), (r) => [
        ...value.set(v128.load(at.get)),
        // A NaN is larger than anything, so that it is not lost.
        ...larger.set(v128.or(f32x4.greaterThan(value.get, best[r]!.get), f32x4.notEqual(value.get, value.get))),
        ...best[r]!.set(v128.select(value.get, best[r]!.get, larger.get)),
        ...index[r]!.set(v128.select(candidate.get, index[r]!.get, larger.get)),
      ]),
      ...entry.advance(8),
    ];
    const tile = [
      ...base.set(i32.add(i32.add(packed.get, i32.mul(row.get, get('pitchBytes'))), i32.shl(column.get, i32.const(2)))),
      ...out.set(i32.shl(i32.add(i32.mul(row.get, get('columns')), column.get), i32.const(2))),
      ...best.flatMap((v) => v.set(f32x4.splat(f32.const(-Infinity)))),
      // Until something is larger than -Infinity, the window's first pixel.
      ...at.set(i32.add(get('firsts'), out.get)),
      ...eachRow(at, outPitch, (r) => index[r]!.set(v128.load(at.get))),
      ...entry.set(get('taps')),
      ...doWhile(step, i32.lessThan(entry.get, get('tapsEnd'))),
      ...at.set(i32.add(get('bases'), out.get)),
      ...eachRow(at, outPitch, (r) => index[r]!.set(f32x4.add(index[r]!.get, v128.load(at.get)))),
      ...at.set(i32.add(y.get, out.get)),
      ...eachRow(at, outPitch, (r) => v128.store(at.get, index[r]!.get)),
    ];
    return [
      ...packed.set(i32.add(scratch.get, get('packed'))),
      ...end.set(i32.add(packed.get, get('packedBytes'))),
      ...f.loop(at, packed.get, end.get, 16, v128.store(at.get, f32x4.splat(f32.const(-Infinity)))),
      ...f.loop(plane, i32.const(0), get('planes'), 1, [
        ...packPlanes(f, get, copy, x, packed),
        ...f.loop(p, i32.const(0), get('rows'), rows, [
          ...row.set(minimum(p.get, i32.sub(get('rows'), i32.const(rows)))),
          ...f.loop(q, i32.const(0), get('columns'), 4, [
            ...column.set(minimum(q.get, i32.sub(get('columns'), i32.const(4)))),
            ...tile,
          ]),
        ]),
        ...x.advance(get('planeBytes')),
        ...y.advance(get('outBytes')),
      ]),
    ];
  });
  return module.bytes();
}

/**
 * `take(x, index, y, rows, n bytes, m bytes)` and `put(g, index, x, rows, n bytes, m bytes)`. An index outside the row takes NaN and
 * puts nothing, as the plain loops do.
 */
function gatherModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const parameters = Array.from({ length: 6 }, () => 'i32' as const);
  module.add('take', parameters, (f, x, index, y, rows, n, m) => {
    const [r, j, at] = [f.i32(), f.i32(), f.i32()];
    const target = i32.add(y.get, j.get);
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...f.loop(j, i32.const(0), m.get, 4, [
        ...at.set(i32.fromF32(f32.load(i32.add(index.get, j.get)))),
        ...when(
          i32.lessThanUnsigned(at.get, i32.shr(n.get, i32.const(2))),
          f32.store(target, f32.load(i32.add(x.get, i32.shl(at.get, i32.const(2))))),
          f32.store(target, f32.const(NaN)),
        ),
      ]),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...y.advance(m.get),
    ]);
  });
  module.add('put', parameters, (f, g, index, x, rows, n, m) => {
    const [r, j, at] = [f.i32(), f.i32(), f.i32()];
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...zeroFill(x.get, n.get),
      ...f.loop(j, i32.const(0), m.get, 4, [
        ...at.set(i32.fromF32(f32.load(i32.add(index.get, j.get)))),
        ...when(i32.lessThanUnsigned(at.get, i32.shr(n.get, i32.const(2))), [
          ...at.set(i32.add(x.get, i32.shl(at.get, i32.const(2)))),
          ...f32.store(at.get, f32.add(f32.load(at.get), f32.load(i32.add(g.get, j.get)))),
        ]),
      ]),
      ...x.advance(n.get),
      ...index.advance(m.get),
      ...g.advance(m.get),
    ]);
  });
  return module.bytes();
}

type Quad = readonly [number, number, number, number];

export function poolKernels(linker: Linker): SimdKernels {
  const { heap } = linker;
  const plans = new PlanCache(heap);
  return {
    maxPoolIndices: (geometry, [x], [y]) => {
      const [xs, ys] = [x!.shape as Quad, y!.shape as Quad];
      if (ys[3] < 4 || xs[2] * xs[3] > EXACT) return undefined;
      const { stride, padding, dilation, kernel } = geometry;
      const key = [stride, padding, dilation, kernel, xs].join(' ');
      const found = plans.get(key, () => [indicesPlan(linker, geometry, xs, ys)]);
      return () => {
        for (const plan of found()) plan.run(plan.address, addressOf(x!), addressOf(y!), heap.scratch(plan.scratchBytes));
      };
    },
    take: (_params, [x, index], [y]) => {
      const [rows, m] = index!.shape as readonly [number, number];
      const { take } = linker.load('gather', gatherModule);
      const n = x!.shape[1]!;
      return () => take!(addressOf(x!), addressOf(index!), addressOf(y!), rows, n * 4, m * 4);
    },
    put: (_params, [g, index], [x]) => {
      const [rows, m] = index!.shape as readonly [number, number];
      const { put } = linker.load('gather', gatherModule);
      const n = x!.shape[1]!;
      return () => put!(addressOf(g!), addressOf(index!), addressOf(x!), rows, n * 4, m * 4);
    },
  };
}

function indicesPlan(linker: Linker, geometry: PoolGeometry, x: Quad, y: Quad): Plan {
  const { stride, padding, dilation, kernel } = geometry;
  const [n, c, height, width] = x;
  const [, , rows, columns] = y;
  const taps: Tap[] = [];
  for (let i = 0; i < kernel[0]; i++) {
    for (let j = 0; j < kernel[1]; j++) {
      taps.push({ row: i * dilation[0] - padding[0][0], column: j * dilation[1] - padding[1][0], weight: i * kernel[1] + j });
    }
  }
  const spec = { taps, stride, height, width, rows, columns };
  const layout = tapLayout(spec, true);
  const relative = (tap: Tap): number => tap.row * width + tap.column;
  const first = (p: number, q: number): number => {
    const inside = taps.find(({ row, column }) => within(p * stride[0] + row, height) && within(q * stride[1] + column, width));
    return inside ? relative(inside) : 0;
  };
  const outputs = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const);
  const tables = {
    copies: copyTable(layout),
    taps: taps.flatMap((tap, k) => [layout.offsets[k]! * 4, floatBits(relative(tap))]),
    bases: outputs.map(([p, q]) => floatBits(p * stride[0] * width + q * stride[1])),
    firsts: outputs.map(([p, q]) => floatBits(first(p, q))),
  };
  const packedBytes = layout.planeSize * 4;
  const place = placeRecord(linker.heap, record_.bytes, tables, (at) =>
    record_.words({
      ...packingWords(spec, layout, 1, at('copies'), 0, packedBytes),
      planes: n * c,
      rows,
      columns,
      pitchBytes: layout.pitch * 4,
      outBytes: rows * columns * 4,
      taps: at('taps'),
      tapsEnd: at('taps') + tables.taps.length * 4,
      bases: at('bases'),
      firsts: at('firsts'),
    }),
  );
  const tileRows = Math.min(4, rows);
  return {
    ...place,
    scratchBytes: packedBytes,
    run: linker.load(`indices ${tileRows}`, () => indicesModule(tileRows))['indices']!,
  };
}

function within(at: number, size: number): boolean {
  return at >= 0 && at < size;
}

function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0]!;
}
