/**
 * @file Elementwise SIMD kernels. Whole tensors run in vectors to the end: a buffer's block is a multiple of 64 bytes, so the last
 * vector may pass the last element. Broadcast rows end with a vector that overlaps the one before.
 */
import { broadcastStrides, collapse } from '../../../contract/axes.ts';
import type { Operand } from '../../../contract/backend.ts';
import { sameShape, sizeOf } from '../../../contract/shape.ts';
import type { BinarySimdKernel, SimdKernels, UnarySimdKernel } from '../kernel.ts';
import { type FunctionWriter, type Local, type Locals, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressOf } from '../runtime/buffer.ts';
import { type Call, call, inRanges, overBytes, type Work } from '../runtime/calls.ts';
import { type Code, f32, f32x4, i32, v128, when } from '../runtime/instructions.ts';
import type { Linker, WasmFunction } from '../runtime/linker.ts';

const ONE = f32x4.splat(f32.const(1));

/** What a vector of y is of those of a and b, at byte i of the row. */
type Combine = (a: Code, b: Code, i: Local) => Code;

type Unary = 'neg' | 'sqrt' | 'reciprocal' | 'relu' | 'step';
type Binary = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'equal' | 'greater';

const UNARY: Readonly<Record<Unary, (x: Code) => Code>> = {
  neg: f32x4.neg,
  sqrt: f32x4.sqrt,
  reciprocal: (x: Code) => f32x4.div(ONE, x),
  // NaN passes through.
  relu: (x: Code) => v128.andNot(x, f32x4.lessThan(x, v128.zero)),
  step: (x: Code) => v128.and(f32x4.greaterThan(x, v128.zero), ONE),
};

const BINARY: Readonly<Record<Binary | 'broadcastTo', (a: Code, b: Code) => Code>> = {
  add: f32x4.add,
  sub: f32x4.sub,
  mul: f32x4.mul,
  div: f32x4.div,
  maximum: f32x4.max,
  equal: (a: Code, b: Code) => v128.and(f32x4.equal(a, b), ONE),
  greater: (a: Code, b: Code) => v128.and(f32x4.greaterThan(a, b), ONE),
  broadcastTo: (a: Code) => a,
};

function unaryModule(op: Unary): WasmModule<'run'> {
  const module = new ModuleWriter('run');
  module.add('run', 'x y bytes', (f, { x, y, bytes }) => {
    const i = f.i32();
    const v = f.v128();
    return f.loop(i, i32.const(0), bytes.get, 16, [
      ...v.set(v128.load(i32.add(x.get, i.get))),
      ...v128.store(i32.add(y.get, i.get), UNARY[op](v.get)),
    ]);
  });
  return module.assemble();
}

/** `flat(a, b, y, bytes)`; `rows(a, b, y, bytes, aStep, bStep, size1, a1, b1, size2, a2, b2)`, steps 0 or 4, strides in bytes. */
function binaryModule(op: Binary | 'broadcastTo'): WasmModule<'flat' | 'rows'> {
  const module = new ModuleWriter('flat', 'rows');
  const combine = BINARY[op];
  module.add('flat', 'a b y bytes', (f, { a, b, y, bytes }) => {
    const i = f.i32();
    const at = (base: Local): Code => i32.add(base.get, i.get);
    return f.loop(i, i32.const(0), bytes.get, 16, v128.store(at(y), combine(v128.load(at(a)), v128.load(at(b)))));
  });
  module.add('rows', `a b y bytes ${STEPS}`, (f, parameters) => rowsOf(f, parameters, combine));
  return module.assemble();
}

const STEPS = 'aStep bStep size1 a1 b1 size2 a2 b2';

/** Rows of y one after the other, the operands' by their strides; `also` goes on to the next row of what else is dense. */
function rowsOf(
  f: FunctionWriter,
  parameters: Locals<'a b y bytes aStep bStep size1 a1 b1 size2 a2 b2'>,
  combine: Combine,
  also: Code = [],
): Code {
  const { a, b, y, bytes, aStep, bStep, size1, a1, b1, size2, a2, b2 } = parameters;
  const { i, j, ra, rb } = f.locals('i32', 'i j ra rb');
  const row = when(
    aStep.get,
    when(bStep.get, mapRow(f, combine, ra, rb, y, bytes, true, true), mapRow(f, combine, ra, rb, y, bytes, true, false)),
    when(bStep.get, mapRow(f, combine, ra, rb, y, bytes, false, true), mapRow(f, combine, ra, rb, y, bytes, false, false)),
  );
  return f.loop(j, i32.const(0), size2.get, 1, [
    ...ra.set(a.get),
    ...rb.set(b.get),
    ...f.loop(i, i32.const(0), size1.get, 1, [
      ...row,
      ...y.advance(bytes.get),
      ...also,
      ...ra.advance(a1.get),
      ...rb.advance(b1.get),
    ]),
    ...a.advance(a2.get),
    ...b.advance(b2.get),
  ]);
}

/** `rows(c, a, b, y, bytes, ...)`: a where c is not 0, else b; c is as y. */
function whereModule(): WasmModule<'rows'> {
  const module = new ModuleWriter('rows');
  module.add('rows', `c a b y bytes ${STEPS}`, (f, { c, ...parameters }) => {
    const chosen: Combine = (a, b, i) => v128.select(a, b, f32x4.notEqual(v128.load(i32.add(c.get, i.get)), v128.zero));
    return rowsOf(f, parameters, chosen, c.advance(parameters.bytes.get));
  });
  return module.assemble();
}

/** A row of at least four elements; an operand that does not move is one number for the whole row. */
function mapRow(
  f: FunctionWriter,
  combine: Combine,
  a: Local,
  b: Local,
  y: Local,
  bytes: Local,
  aMoves: boolean,
  bMoves: boolean,
): Code {
  const { i, last } = f.locals('i32', 'i last');
  const { va, vb } = f.locals('v128', 'va vb');
  const vector = v128.store(
    i32.add(y.get, i.get),
    combine(aMoves ? v128.load(i32.add(a.get, i.get)) : va.get, bMoves ? v128.load(i32.add(b.get, i.get)) : vb.get, i),
  );
  return [
    ...(aMoves ? [] : va.set(v128.loadSplat(a.get))),
    ...(bMoves ? [] : vb.set(v128.loadSplat(b.get))),
    ...last.set(i32.sub(bytes.get, i32.const(16))),
    ...f.loop(i, i32.const(0), last.get, 16, vector),
    ...i.set(last.get),
    ...vector,
  ];
}

export function elementwiseKernels(linker: Linker): SimdKernels<Unary | Binary | 'where'> {
  const unary = (op: Unary): UnarySimdKernel => {
    return (_params, [x], [y]) => {
      const { run } = linker.load(op, () => unaryModule(op));
      const bytes = sizeOf(y.shape) * 4;
      return overBytes(bytes, 2, (from, length) => call(run, addressOf(x) + from, addressOf(y) + from, length));
    };
  };
  const binary = (op: Binary): BinarySimdKernel => {
    return (_params, [a, b], [y]) => {
      const { flat, rows } = linker.load(op, () => binaryModule(op));
      if (sameShape(a.shape, b.shape)) {
        const bytes = sizeOf(y.shape) * 4;
        return overBytes(bytes, 3, (from, length) =>
          call(flat, addressOf(a) + from, addressOf(b) + from, addressOf(y) + from, length),
        );
      }
      return overRows(rows, a, b, y);
    };
  };
  return {
    neg: unary('neg'),
    sqrt: unary('sqrt'),
    reciprocal: unary('reciprocal'),
    relu: unary('relu'),
    step: unary('step'),
    add: binary('add'),
    sub: binary('sub'),
    mul: binary('mul'),
    div: binary('div'),
    maximum: binary('maximum'),
    equal: binary('equal'),
    greater: binary('greater'),
    where: (_params, [c, a, b], [y]) => {
      if (!sameShape(c.shape, y.shape)) return undefined;
      const { rows } = linker.load('where', whereModule);
      return overRows(rows, a, b, y, c);
    },
  };
}

/** broadcastTo as a binary operation of x with itself. */
export function broadcastToKernel(linker: Linker): UnarySimdKernel {
  return (_params, [x], [y]) => {
    if (sizeOf(x.shape) === 1) return undefined;
    const { rows } = linker.load('broadcastTo', () => binaryModule('broadcastTo'));
    return overRows(rows, x, x, y);
  };
}

/** A row kernel's work where the operands' broadcasting comes down to at most three axes; `c` is an operand of y's shape, the first. */
function overRows(rows: WasmFunction, a: Operand, b: Operand, y: Operand, c?: Operand): Work | undefined {
  const { sizes, strides } = collapse(y.shape, [broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape)]);
  if (sizes.length > 3) return undefined;
  const flat = sizes.length <= 1;
  const inner = sizes.at(-1) ?? 1;
  if (inner < 4 && !flat) return undefined;
  // A single row is a whole buffer, which may be passed by a vector's end.
  const bytes = flat ? Math.ceil(inner / 4) * 16 : inner * 4;
  // Strides in bytes; a single element is a row that both operands move along.
  const [aStrides = [], bStrides = []] = strides;
  const [aStep, bStep] = [(aStrides.at(-1) ?? 1) * 4, (bStrides.at(-1) ?? 1) * 4];
  const [size1, a1, b1] = [sizes.at(-2) ?? 1, (aStrides.at(-2) ?? 0) * 4, (bStrides.at(-2) ?? 0) * 4];
  const [size2, a2, b2] = [sizes.at(-3) ?? 1, (aStrides.at(-3) ?? 0) * 4, (bStrides.at(-3) ?? 0) * 4];
  const part = (a0: number, b0: number, y0: number, rowBytes: number, n1: number, n2: number): Call =>
    call(
      rows,
      ...(c ? [addressOf(c) + y0] : []),
      ...[addressOf(a) + a0, addressOf(b) + b0, addressOf(y) + y0],
      ...[rowBytes, aStep, bStep, n1, a1, b1, n2, a2, b2],
    );
  const cost = bytes * size1 * size2 * 3;
  if (size2 > 1) {
    return inRanges(cost, size2, (from, to) => part(from * a2, from * b2, from * size1 * bytes, bytes, size1, to - from));
  }
  if (!flat) return inRanges(cost, size1, (from, to) => part(from * a1, from * b1, from * bytes, bytes, to - from, 1));
  const along = (step: number, from: number): number => (step === 0 ? 0 : from);
  return overBytes(bytes, 3, (from, length) => part(along(aStep, from), along(bStep, from), from, length, 1, 1));
}
