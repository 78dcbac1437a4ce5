/**
 * @file Softmax, log-softmax and cross-entropy, row by row: the largest number, then the sum of e^(x - largest) in float64, then results.
 *
 * The largest number and the logarithm of the sum stay two numbers: beside a large maximum the logarithm would be lost in their sum.
 */
import type { FusedTable, Operand } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import type { LaunchWork } from '../kernel.ts';
import { type FunctionWriter, type Local, minimum, ModuleWriter, type WasmModule } from '../runtime/assembler.ts';
import { addressAt } from '../runtime/buffer.ts';
import { call, inRanges } from '../runtime/calls.ts';
import { exponential, logarithm } from '../runtime/exponential.ts';
import { type Code, f32, f32x4, f64, f64x2, i32, i32x4, type MultiplyAdd, shuffle, v128, when } from '../runtime/instructions.ts';
import type { Linker } from '../runtime/linker.ts';
import { mapRow } from './batch-norm.ts';
import { sumRow } from './reduce.ts';

/** What a row is measured by: its largest number in all lanes, and the sum of e^(x - largest), which a NaN in the row makes NaN. */
interface Statistics {
  readonly top: Local;
  readonly sum: Local;
}

/** The work on one row, whose elements' bytes are `bytes` from `x` on. */
interface Row {
  readonly measure: Code;
  /** Makes `v` e^(x - top) of the four elements from a byte offset on, past the end of the row too. */
  readonly exponentials: (v: Local, offset: Code) => Code;
}

function rowOf(f: FunctionWriter, multiplyAdd: MultiplyAdd, x: Local, bytes: Local, { top, sum }: Statistics): Row {
  const i = f.i32();
  const { v, low, high } = f.locals('v128', 'v low high');
  const raise = exponential(f, multiplyAdd);
  const at = (offset: Code): Code => i32.add(x.get, offset);
  const exponentials = (to: Local, offset: Code): Code => [...to.set(v128.load(at(offset))), ...raise(to, top)];
  /** Puts -Infinity into the lanes past the end of the row. */
  const cut = when(
    i32.greaterThan(i32.const(16), i32.sub(bytes.get, i.get)),
    v.set(
      v128.select(
        v.get,
        f32x4.splat(f32.const(-Infinity)),
        i32x4.lessThanUnsigned(i32x4.const(0, 4, 8, 12), i32x4.splat(i32.sub(bytes.get, i.get))),
      ),
    ),
  );
  const upper = shuffle(v.get, v.get, [2, 3, 2, 3]);
  const measure = [
    ...top.set(f32x4.splat(f32.const(-Infinity))),
    ...f.loop(i, i32.const(0), bytes.get, 16, [...v.set(v128.load(at(i.get))), ...cut, ...top.set(f32x4.larger(top.get, v.get))]),
    ...top.set(f32x4.larger(top.get, shuffle(top.get, top.get, [2, 3, 0, 1]))),
    ...top.set(f32x4.larger(top.get, shuffle(top.get, top.get, [1, 0, 3, 2]))),
    ...low.set(v128.zero),
    ...high.set(v128.zero),
    ...f.loop(i, i32.const(0), bytes.get, 16, [
      ...v.set(v128.load(at(i.get))),
      ...cut,
      ...raise(v, top),
      ...low.set(f64x2.add(low.get, f64x2.fromLow(v.get))),
      ...high.set(f64x2.add(high.get, f64x2.fromLow(upper))),
    ]),
    ...low.set(f64x2.add(low.get, high.get)),
    ...sum.set(f64.add(f64x2.lane(low.get, 0), f64x2.lane(low.get, 1))),
  ];
  return { measure, exponentials };
}

/** Stores `v`, made for each offset, as a row of `bytes` bytes; a row of four or more ends with a vector that overlaps the one before. */
function storeRow(f: FunctionWriter, to: Local, bytes: Local, v: Local, make: (offset: Code) => Code): Code {
  const { i, offset, address } = f.locals('i32', 'i offset address');
  const lane = (k: number): Code =>
    when(i32.greaterThan(bytes.get, i32.const(4 * k)), f32.store(address.get, f32x4.lane(v.get, k), 4 * k));
  return f.loop(i, i32.const(0), bytes.get, 16, [
    ...offset.set(i32.const(0)),
    ...when(i32.greaterThan(bytes.get, i32.const(16)), offset.set(minimum(i.get, i32.sub(bytes.get, i32.const(16))))),
    ...make(offset.get),
    ...address.set(i32.add(to.get, offset.get)),
    ...when(i32.greaterThan(i32.const(16), bytes.get), [...lane(0), ...lane(1), ...lane(2)], v128.store(address.get, v.get)),
  ]);
}

function statistics(f: FunctionWriter): Statistics {
  return { top: f.v128(), sum: f.local('f64') };
}

function eachRow(f: FunctionWriter, rows: Local, body: Code): Code {
  const row = f.i32();
  return f.loop(row, i32.const(0), rows.get, 1, body);
}

/**
 * `forward(x, p, y, rows, bytes)`: p = softmax(x) and y = log softmax(x), each where it is not 0. `bytes` are a row's.
 * `softmax(g, p, dx, rows, bytes)`: dx = p (g - sum g p). `logSoftmax(g, p, dx, rows, bytes)`: dx = g - p sum g.
 */
export function softmaxModule(multiplyAdd: MultiplyAdd): WasmModule<'forward' | 'softmax' | 'logSoftmax'> {
  const module = new ModuleWriter('forward', 'softmax', 'logSoftmax');
  module.add('forward', 'x p y rows bytes', (f, { x, p, y, rows, bytes }) => {
    const { top, sum } = statistics(f);
    const { v, normaliser } = f.locals('v128', 'v normaliser');
    const row = rowOf(f, multiplyAdd, x, bytes, { top, sum });
    const takeLogarithm = logarithm(f);
    const difference = (offset: Code): Code => f32x4.sub(v128.load(i32.add(x.get, offset)), top.get);
    const normalise = normaliser.set(f32x4.splat(f32.fromF64(sum.get)));
    return eachRow(f, rows, [
      ...row.measure,
      ...when(p.get, [
        ...normalise,
        ...storeRow(f, p, bytes, v, (offset) => [...row.exponentials(v, offset), ...v.set(f32x4.div(v.get, normaliser.get))]),
        ...p.advance(bytes.get),
      ]),
      ...when(y.get, [
        ...takeLogarithm(sum),
        ...normalise,
        ...storeRow(f, y, bytes, v, (offset) => v.set(f32x4.sub(difference(offset), normaliser.get))),
        ...y.advance(bytes.get),
      ]),
      ...x.advance(bytes.get),
    ]);
  });
  for (const name of ['softmax', 'logSoftmax'] as const) {
    module.add(name, 'g p dx rows bytes', (f, { g, p, dx, rows, bytes }) => {
      const total = f.local('f64');
      const inner = f.v128();
      return eachRow(f, rows, [
        ...total.set(f64.const(0)),
        ...sumRow(f, [total], bytes.get, (offset, width) => {
          const cotangent = width.load(i32.add(g.get, offset));
          return [name === 'softmax' ? width.mul(cotangent, width.load(i32.add(p.get, offset))) : cotangent];
        }),
        ...inner.set(f32x4.splat(f32.fromF64(total.get))),
        ...mapRow(f, dx.get, bytes, (offset, width) => {
          const [cotangent, probability] = [width.load(i32.add(g.get, offset)), width.load(i32.add(p.get, offset))];
          return name === 'softmax'
            ? width.mul(probability, width.sub(cotangent, width.same(inner)))
            : width.sub(cotangent, width.mul(probability, width.same(inner)));
        }),
        ...[g, p, dx].flatMap((pointer) => pointer.advance(bytes.get)),
      ]);
    });
  }
  return module.assemble();
}

/**
 * `forward(x, labels, y, tops, sums, rows, bytes)`: y = log sum e^(x - top) - (x[label] - top), with top and sum of each row kept
 * where `tops` is not 0. `backward(x, labels, g, tops, sums, dx, rows, bytes)`: dx = g (e^(x - top) / sum - [label]). A label that is no class makes
 * its row NaN, in the loss and in the gradient, as in the composite.
 */
export function crossEntropyModule(multiplyAdd: MultiplyAdd): WasmModule<'forward' | 'backward'> {
  const module = new ModuleWriter('forward', 'backward');
  /** Sets `target` to the address of a label's element in the row at `row`, or to 0 if the label is no class. */
  const find = (target: Local, row: Local, labels: Local, bytes: Local): Code => {
    const label = f32.load(labels.get);
    const known = i32.and(
      f32.equal(f32.fromI32(target.get), label),
      i32.lessThanUnsigned(target.get, i32.shr(bytes.get, i32.const(2))),
    );
    return [
      ...target.set(i32.fromF32(label)),
      ...when(known, target.set(i32.add(row.get, i32.shl(target.get, i32.const(2)))), target.set(i32.const(0))),
    ];
  };
  module.add('forward', 'x labels y tops sums rows bytes', (f, { x, labels, y, tops, sums, rows, bytes }) => {
    const { top, sum } = statistics(f);
    const target = f.i32();
    const largest = f32x4.lane(top.get, 0);
    const takeLogarithm = logarithm(f);
    const known = f64.sub(sum.get, f64.sub(f64.fromF32(f32.load(target.get)), f64.fromF32(largest)));
    return [
      ...eachRow(f, rows, [
        ...rowOf(f, multiplyAdd, x, bytes, { top, sum }).measure,
        ...when(tops.get, [
          ...f32.store(tops.get, largest),
          ...f32.store(sums.get, f32.fromF64(sum.get)),
          ...tops.advance(4),
          ...sums.advance(4),
        ]),
        ...find(target, x, labels, bytes),
        ...takeLogarithm(sum),
        ...when(target.get, f32.store(y.get, f32.fromF64(known)), f32.store(y.get, f32.const(NaN))),
        ...x.advance(bytes.get),
        ...[labels, y].flatMap((pointer) => pointer.advance(4)),
      ]),
    ];
  });
  module.add('backward', 'x labels g tops sums dx rows bytes', (f, { x, labels, g, tops, sums, dx, rows, bytes }) => {
    const { top, sum } = statistics(f);
    const target = f.i32();
    const { v, factor } = f.locals('v128', 'v factor');
    const row = rowOf(f, multiplyAdd, x, bytes, { top, sum });
    const scale = f64.div(f64.fromF32(f32.load(g.get)), f64.fromF32(f32.load(sums.get)));
    return [
      ...eachRow(f, rows, [
        ...top.set(v128.loadSplat(tops.get)),
        ...find(target, dx, labels, bytes),
        ...factor.set(f32x4.splat(f32.fromF64(scale))),
        ...when(i32.eqz(target.get), factor.set(f32x4.splat(f32.const(NaN)))),
        ...storeRow(f, dx, bytes, v, (offset) => [...row.exponentials(v, offset), ...v.set(f32x4.mul(v.get, factor.get))]),
        ...when(target.get, f32.store(target.get, f32.sub(f32.load(target.get), f32.load(g.get)))),
        ...[x, dx].flatMap((pointer) => pointer.advance(bytes.get)),
        ...[labels, g, tops, sums].flatMap((pointer) => pointer.advance(4)),
      ]),
    ];
  });
  return module.assemble();
}

/** Rows, and bytes of a row. */
function sizes({ shape }: Operand): readonly [rows: number, bytes: number] {
  return [sizeOf(shape.slice(0, -1)), 4 * (shape.at(-1) ?? 0)];
}

/** What an element costs whose exponential is taken, in bytes. */
const EXPONENTIAL_COST = 24;

/** The rows of softmax, log-softmax and cross-entropy. */
export function softmaxRows(linker: Linker, launch: LaunchWork): Pick<FusedTable, 'softmax' | 'logSoftmax' | 'crossEntropy'> {
  const forward = (x: Operand, p: Operand | undefined, y: Operand | undefined): void => {
    const [rows, bytes] = sizes(x);
    const run = linker.load('softmax', softmaxModule).forward;
    const work = inRanges((rows * bytes * EXPONENTIAL_COST) / 4, rows, (from, to) =>
      call(run, ...[x, p, y].map((t) => addressAt(t, from * bytes)), to - from, bytes),
    );
    launch(
      [x],
      [p, y].filter((t) => t !== undefined),
      work,
    );
  };
  const backward = (name: 'softmax' | 'logSoftmax', g: Operand, p: Operand, dx: Operand): void => {
    const [rows, bytes] = sizes(g);
    const run = linker.load('softmax', softmaxModule)[name];
    const work = inRanges(5 * rows * bytes, rows, (from, to) =>
      call(run, ...[g, p, dx].map((t) => addressAt(t, from * bytes)), to - from, bytes),
    );
    launch([g, p], [dx], work);
  };
  return {
    softmax: {
      covers: (_params, [x]) => x!.length > 0,
      forward: (_params, [x], [p]) => forward(x!, p, undefined),
      backward: (_params, { outputs: [p], g }, [dx]) => backward('softmax', g, p!, dx!),
    },
    // The probabilities are kept for the gradient.
    logSoftmax: {
      covers: (_params, [x]) => x!.length > 0,
      saved: (_params, [x]) => [x!],
      forward: (_params, [x], [y], [p]) => forward(x!, p, y),
      backward: (_params, { saved: [p], g }, [dx]) => backward('logSoftmax', g, p!, dx!),
    },
    // The largest number and the sum of each row are kept.
    crossEntropy: {
      saved: (_params, [logits]) => [[2, logits![0]!]],
      forward(_params, inputs, outputs, saved) {
        const [x, labels] = inputs as readonly [Operand, Operand];
        const [rows, bytes] = sizes(x);
        const run = linker.load('cross-entropy', crossEntropyModule).forward;
        const work = inRanges((rows * bytes * EXPONENTIAL_COST) / 4, rows, (from, to) =>
          call(
            run,
            ...[addressAt(x, from * bytes), addressAt(labels, 4 * from), addressAt(outputs[0], 4 * from)],
            ...[addressAt(saved[0], 4 * from), addressAt(saved[0], 4 * (rows + from))],
            ...[to - from, bytes],
          ),
        );
        launch(inputs, [...outputs, ...saved], work);
      },
      writes: ([logits]) => [logits!, false],
      backward(_params, { inputs, saved: [kept], g }, [dx]) {
        if (!dx) return;
        const [x, labels] = inputs as readonly [Operand, Operand];
        const [rows, bytes] = sizes(x);
        const run = linker.load('cross-entropy', crossEntropyModule).backward;
        const work = inRanges((rows * bytes * EXPONENTIAL_COST) / 4, rows, (from, to) =>
          call(
            run,
            ...[addressAt(x, from * bytes), addressAt(labels, 4 * from), addressAt(g, 4 * from)],
            ...[addressAt(kept, 4 * from), addressAt(kept, 4 * (rows + from)), addressAt(dx, from * bytes)],
            ...[to - from, bytes],
          ),
        );
        launch([x, labels, kept!, g], [dx], work);
      },
    },
  };
}
