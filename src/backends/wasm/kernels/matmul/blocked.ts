/**
 * @file Blocked SIMD matrix product for matrices that outgrow the cache: c = a b, any strides of a and b, c row-major.
 *
 * Blocks of b are packed as columns of eight, blocks of a as rows of four, so that the inner loop reads both in order; sums over
 * blocks of 256 inner indices are added in c. After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.
 */
import { call, type FunctionReference, type Local, minimum, ModuleWriter, type WasmModule } from '../../runtime/assembler.ts';
import { blockSums } from '../../runtime/block-sums.ts';
import { type Code, f32, f32x4, i32, type MultiplyAdd, v128, when } from '../../runtime/instructions.ts';

const ROWS = 4;
const COLUMNS = 8;
/** Inner indices a block: eight columns of them are 8 KB. */
export const INNER_BLOCK = 256;
/** Columns a block of b: 256 KB. */
export const COLUMN_BLOCK = 256;
/** Rows a block of a: 128 KB. */
const ROW_BLOCK = 128;

/** Scratch of `gemm` for m rows: an edge tile, a block of b, a block of inner indices of a. */
export function gemmScratch(m: number): number {
  return 4 * (ROWS * COLUMNS + INNER_BLOCK * (COLUMN_BLOCK + m + ROWS));
}

/** `gemm(a, aRow, aColumn, b, bRow, bColumn, c, m, n, k, scratch)`; steps in bytes. */
export function gemmModule(multiplyAdd: MultiplyAdd): WasmModule<'gemm'> {
  const module = new ModuleWriter('gemm');
  const packA = addPacking(module, ROWS);
  const packB = addPacking(module, COLUMNS);
  const tile = addTile(module, multiplyAdd);
  const add = addEdge(module);
  module.add('gemm', 'a aRow aColumn b bRow bColumn c m n k scratch', (f, parameters) => {
    const { a, aRow, aColumn, b, bRow, bColumn, c, m, n, k, scratch } = parameters;
    const { kk, jj, ii, i, j, inner, columns, end, panelA, panelB, packedA, packedB, target, pitch, more } = f.locals(
      'i32',
      'kk jj ii i j inner columns end panelA panelB packedA packedB target pitch more',
    );
    const edge = i32.add(
      i32.greaterThan(i32.const(ROWS), i32.sub(m.get, i.get)),
      i32.greaterThan(i32.const(COLUMNS), i32.sub(n.get, i32.add(jj.get, j.get))),
    );
    const product = (to: Code, toPitch: Code, accumulate: Code): Code =>
      call(tile, panelA.get, panelB.get, inner.get, to, toPitch, accumulate);
    return [
      ...pitch.set(i32.shl(n.get, i32.const(2))),
      ...packedB.set(i32.add(scratch.get, i32.const(4 * ROWS * COLUMNS))),
      ...packedA.set(i32.add(packedB.get, i32.const(4 * INNER_BLOCK * COLUMN_BLOCK))),
      ...f.loop(kk, i32.const(0), k.get, INNER_BLOCK, [
        ...inner.set(minimum(i32.const(INNER_BLOCK), i32.sub(k.get, kk.get))),
        ...more.set(i32.lessThan(i32.const(0), kk.get)),
        ...call(packA, i32.add(a.get, i32.mul(kk.get, aColumn.get)), aRow.get, aColumn.get, m.get, inner.get, packedA.get),
        ...f.loop(jj, i32.const(0), n.get, COLUMN_BLOCK, [
          ...columns.set(minimum(i32.const(COLUMN_BLOCK), i32.sub(n.get, jj.get))),
          ...target.set(i32.add(i32.add(b.get, i32.mul(kk.get, bRow.get)), i32.mul(jj.get, bColumn.get))),
          ...call(packB, target.get, bColumn.get, bRow.get, columns.get, inner.get, packedB.get),
          ...f.loop(ii, i32.const(0), m.get, ROW_BLOCK, [
            ...end.set(minimum(m.get, i32.add(ii.get, i32.const(ROW_BLOCK)))),
            ...panelB.set(packedB.get),
            ...f.loop(j, i32.const(0), columns.get, COLUMNS, [
              ...panelA.set(i32.add(packedA.get, i32.shl(i32.mul(ii.get, inner.get), i32.const(2)))),
              ...f.loop(i, ii.get, end.get, ROWS, [
                ...target.set(i32.add(i32.add(c.get, i32.mul(i.get, pitch.get)), i32.shl(i32.add(jj.get, j.get), i32.const(2)))),
                ...when(
                  edge,
                  [
                    ...product(scratch.get, i32.const(4 * COLUMNS), i32.const(0)),
                    ...call(
                      add,
                      scratch.get,
                      target.get,
                      pitch.get,
                      more.get,
                      minimum(i32.const(ROWS), i32.sub(m.get, i.get)),
                      minimum(i32.const(4 * COLUMNS), i32.shl(i32.sub(n.get, i32.add(jj.get, j.get)), i32.const(2))),
                    ),
                  ],
                  product(target.get, pitch.get, more.get),
                ),
                ...panelA.advance(i32.shl(inner.get, i32.const(4))),
              ]),
              ...panelB.advance(i32.shl(inner.get, i32.const(5))),
            ]),
          ]),
        ]),
      ]),
    ];
  });
  return module.assemble();
}

/**
 * `pack(from, lineStep, innerStep, lines, inner, to)`: panels of `width` lines as [inner][width]; a last panel that is not full holds
 * copies of its last line, whose products are not used.
 */
function addPacking(module: ModuleWriter<string>, width: number): FunctionReference {
  return module.add(undefined, 'from lineStep innerStep lines inner to', (f, { from, lineStep, innerStep, lines, inner, to }) => {
    const { line, i } = f.locals('i32', 'line i');
    const at = f.localArray('i32', width);
    const last = i32.sub(lines.get, i32.const(1));
    const scalars = at.flatMap((p, w) => [...f32.store(to.get, f32.load(p.get), 4 * w), ...p.advance(innerStep.get)]);
    const vectors = [
      ...Array.from({ length: width / 4 }, (_, v) => v128.store(to.get, v128.load(at[0]!.get, 16 * v), 16 * v)).flat(),
      ...at[0]!.advance(innerStep.get),
    ];
    const full = i32.lessThan(i32.add(line.get, i32.const(width - 1)), lines.get);
    const contiguous = i32.eqz(i32.sub(lineStep.get, i32.const(4)));
    const each = (body: Code): Code => f.loop(i, i32.const(0), inner.get, 1, [...body, ...to.advance(4 * width)]);
    return f.loop(line, i32.const(0), lines.get, width, [
      ...at.flatMap((p, w) => p.set(i32.add(from.get, i32.mul(minimum(i32.add(line.get, i32.const(w)), last), lineStep.get)))),
      ...when(i32.and(full, contiguous), each(vectors), each(scalars)),
    ]);
  });
}

/** `tile(a, b, inner, c, pitch, accumulate)`: 4 x 8 sums of products of two panels, put in c or added to it. */
function addTile(module: ModuleWriter<string>, multiplyAdd: MultiplyAdd): FunctionReference {
  return module.add(undefined, 'a b inner c pitch accumulate', (f, { a, b, inner, c, pitch, accumulate }) => {
    const sums = Array.from({ length: ROWS }, () => f.localArray('v128', COLUMNS / 4));
    const loaded = f.localArray('v128', COLUMNS / 4);
    const w = f.v128();
    const end = f.i32();
    const step = [
      ...loaded.flatMap((v, i) => v.set(v128.load(b.get, 16 * i))),
      ...sums.flatMap((row, r) => [
        ...w.set(v128.loadSplat(a.get, 4 * r)),
        ...row.flatMap((s, v) => s.set(multiplyAdd(w.get, loaded[v]!.get, s.get))),
      ]),
      ...a.advance(4 * ROWS),
      ...b.advance(4 * COLUMNS),
    ];
    const eachSum = (body: (s: Local, v: number) => Code): Code =>
      sums.flatMap((row, r) => [...row.flatMap((s, v) => body(s, v)), ...(r + 1 < ROWS ? c.advance(pitch.get) : [])]);
    return [
      ...end.set(i32.add(a.get, i32.shl(inner.get, i32.const(4)))),
      ...blockSums(f, sums.flat(), a, end.get, 4 * ROWS, step),
      ...when(
        accumulate.get,
        eachSum((s, v) => v128.store(c.get, f32x4.add(v128.load(c.get, 16 * v), s.get), 16 * v)),
        eachSum((s, v) => v128.store(c.get, s.get, 16 * v)),
      ),
    ];
  });
}

/** `edge(from, to, pitch, accumulate, rows, bytes)`: copies or adds part of a tile. */
function addEdge(module: ModuleWriter<string>): FunctionReference {
  return module.add(undefined, 'from to pitch accumulate rows bytes', (f, { from, to, pitch, accumulate, rows, bytes }) => {
    const { r, i } = f.locals('i32', 'r i');
    const source = f32.load(i32.add(from.get, i.get));
    const target = i32.add(to.get, i.get);
    return f.loop(r, i32.const(0), rows.get, 1, [
      ...f.loop(
        i,
        i32.const(0),
        bytes.get,
        4,
        when(accumulate.get, f32.store(target, f32.add(f32.load(target), source)), f32.store(target, source)),
      ),
      ...from.advance(4 * COLUMNS),
      ...to.advance(pitch.get),
    ]);
  });
}
