/** @file take and put: elements of rows by index, each the adjoint of the other; what an index that names no element does. */
import { OptionError, ShapeError } from '../contract/errors.ts';
import { checkInteger, checkList, sameShape, showShape, showValue } from '../contract/shape.ts';
import { checkRows, namesElement } from './checked.ts';
import { apply, checkFloats, deviceOf } from './primitive.ts';
import { Tensor } from './tensor.ts';

/** Places in rows: a tensor [r, m] of floats, or r lists of m numbers, which are checked before anything is computed. */
export type Indices = Tensor | readonly ArrayLike<number>[];

/**
 * y[r, j] = x[r, index[r, j]]: x [r, n], index [r, m] of integers in [0, n), NaN where the index is none of them. VJP: put, so that the
 * gradient of such a row is NaN as a whole. On a device opened with `checked: true` the next read-back names the row.
 */
export function take(x: Tensor, indices: Indices): Tensor {
  const index = indexOf('take', x, indices, x.shape[1] ?? 0);
  return apply('take', {}, [x, index], index.shape, [(g) => put(g, index, x.shape[1]!)]);
}

/**
 * x[r, i] = sum of g[r, j] over index[r, j] = i, i < n: the adjoint of take. An index that is no integer in [0, n) makes its row NaN. VJP:
 * take. On a device opened with `checked: true` the next read-back names the row.
 */
export function put(g: Tensor, indices: Indices, n: number): Tensor {
  checkInteger('put', 'n', n, 0);
  const index = indexOf('put', g, indices, n);
  if (!sameShape(g.shape, index.shape))
    throw new ShapeError(`put: values ${showShape(g.shape)} and index ${showShape(index.shape)} differ`);
  return apply('put', {}, [g, index], [g.shape[0]!, n], [(gg) => take(gg, index)]);
}

/** The indices as a tensor, checked against x and, where they come from the host or the device is checked, against n. */
function indexOf(op: string, x: Tensor, indices: Indices, n: number): Tensor {
  const given = indices instanceof Tensor ? indices : hostIndex(op, x, indices, n);
  if (x.rank !== 2 || given.rank !== 2 || x.shape[0] !== given.shape[0]) {
    throw new ShapeError(
      `${op}: ${showShape(x.shape)} and index ${showShape(given.shape)}: both must be matrices with equally many rows`,
    );
  }
  deviceOf(op, [x, given]);
  checkFloats(op, [x, given]);
  if (given.device.checked && given.size > 0) {
    checkRows(`${op}: an index of row {row} is no integer from 0 to ${n - 1}`, () => namesElement(given, n));
  }
  return given;
}

function hostIndex(op: string, x: Tensor, rows: readonly ArrayLike<number>[], n: number): Tensor {
  checkList(op, 'index', rows);
  const m = rows[0]?.length ?? 0;
  const flat = new Float64Array(rows.length * m);
  for (const [r, row] of rows.entries()) {
    if (row?.length !== m) throw new ShapeError(`${op}: row ${r} of the index has ${row?.length} elements, the first has ${m}`);
    for (let j = 0; j < m; j++) {
      const i = row[j]!;
      if (!(Number.isInteger(i) && i >= 0 && i < n)) {
        throw new OptionError(`${op}: index ${showValue(i)} of row ${r} must be an integer from 0 to ${n - 1}`);
      }
      flat[r * m + j] = i;
    }
  }
  return x.device.tensor(flat, [rows.length, m]);
}
