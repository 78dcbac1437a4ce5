/** @file Drop path: one mask for each operation that may be dropped and each sample, drawn on the host from a key. */
import { reshape, slice } from '../../core/ops.ts';
import type { Device } from '../../core/tensor.ts';
import { type Key, uniforms } from '../../core/random.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { PathMask } from './cell.ts';
import { dims } from '../../contract/shape.ts';
import { edgesOf, OPERATIONS } from './genotype.ts';
import type { ChildNetwork, Supernet } from './network.ts';

/** The operations of a network in the order of their masks: how many there are, and the row of one, if it is there. */
export interface PathRows {
  readonly count: number;
  readonly rowOf: (cell: number, edge: number, column: number) => number | undefined;
}

/** All eight operations of every edge of every cell. */
export function supernetPaths({ cells, nodes }: Supernet): PathRows {
  const edges = edgesOf(nodes).length;
  return {
    count: cells.length * edges * OPERATIONS.length,
    rowOf: (cell, edge, column) => (cell * edges + edge) * OPERATIONS.length + column,
  };
}

/** The chosen operations of every cell. */
export function childPaths({ cells }: ChildNetwork): PathRows {
  let count = 0;
  const first = cells.map(({ chosen }) => (count += chosen.length) - chosen.length);
  return { count, rowOf: (cell, edge) => first[cell]! + edge };
}

/** [operations, n]: 0 with the given probability, else 1 / (1 - probability), so that the mean is 1. */
export function drawPathMasks(device: Device, key: Key, paths: PathRows, n: number, probability: number): Tensor {
  // A child in which nothing is left still has masks, of one row, so that every step has the same inputs.
  const rows = Math.max(1, paths.count);
  const keep = 1 - probability;
  return device.tensor(
    uniforms(key, rows * n).map((v) => (v < keep ? 1 / keep : 0)),
    [rows, n],
  );
}

/** The rows of such masks as a cell asks for them; skip connections are never dropped. */
export function pathMaskOf(masks: Tensor, paths: PathRows): PathMask {
  const skip = OPERATIONS.indexOf('skip_connect');
  const { n } = dims('path masks', masks, 'operations n');
  return (cell, edge, column) => {
    const row = paths.rowOf(cell, edge, column);
    if (column === skip || row === undefined) return undefined;
    return reshape(slice(masks, [row], [row + 1]), [n]);
  };
}
