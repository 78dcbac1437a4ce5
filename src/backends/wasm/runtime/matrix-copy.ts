/** @file The copy of a matrix: rows of floats with a pitch and a column step on either side. */
import { type FunctionReference, type FunctionWriter, type Local, type ModuleWriter } from './assembler.ts';
import { type Code, f32, i32, v128, when } from './instructions.ts';

/**
 * Adds `copy(from, fromPitch, fromStep, to, toPitch, toStep, rows, columns)`: pitches and steps in bytes. Writes exactly the
 * elements named, vectors at a time where both sides are contiguous.
 */
export function addMatrixCopy(module: ModuleWriter<string>): FunctionReference {
  const parameters = 'from fromPitch fromStep to toPitch toStep rows columns';
  return module.add(undefined, parameters, (f, { from, fromPitch, fromStep, to, toPitch, toStep, rows, columns }) => {
    const row = f.i32();
    const next = [...from.advance(fromPitch.get), ...to.advance(toPitch.get)];
    const each = (body: Code): Code => f.loop(row, i32.const(0), rows.get, 1, [...body, ...next]);
    const apart = i32.add(i32.sub(fromStep.get, i32.const(4)), i32.sub(toStep.get, i32.const(4)));
    return when(
      apart,
      each(stridedRow(f, from, fromStep, to, toStep, columns)),
      when(
        i32.lessThan(columns.get, i32.const(4)),
        each(stridedRow(f, from, fromStep, to, toStep, columns)),
        each(contiguousRow(f, from, to, columns)),
      ),
    );
  });
}

function stridedRow(f: FunctionWriter, from: Local, fromStep: Local, to: Local, toStep: Local, columns: Local): Code {
  const { p, q, i } = f.locals('i32', 'p q i');
  return [
    ...p.set(from.get),
    ...q.set(to.get),
    ...f.loop(i, i32.const(0), columns.get, 1, [
      ...f32.store(q.get, f32.load(p.get)),
      ...p.advance(fromStep.get),
      ...q.advance(toStep.get),
    ]),
  ];
}

/** At least four columns: the last vector overlaps the one before where they do not divide. */
function contiguousRow(f: FunctionWriter, from: Local, to: Local, columns: Local): Code {
  const { i, last } = f.locals('i32', 'i last');
  const vector = (at: Local): Code => v128.store(i32.add(to.get, at.get), v128.load(i32.add(from.get, at.get)));
  return [
    ...last.set(i32.shl(i32.sub(columns.get, i32.const(4)), i32.const(2))),
    ...f.loop(i, i32.const(0), last.get, 16, vector(i)),
    ...vector(last),
  ];
}
