/** @file Drop path in a supernet: one mask for each cell, edge, operation and sample, drawn on the host from a key. */
import { reshape, slice } from '../../core/ops.ts';
import type { Device } from '../../core/tensor.ts';
import { type Key, uniforms } from '../../core/random.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { PathMask } from '../space/cell.ts';
import { edgesOf, OPERATIONS } from '../space/genotype.ts';

/** [cells edges 8, n]: 0 with the given probability, else 1 / (1 - probability), so that the mean is 1. */
export function drawPathMasks(device: Device, key: Key, cells: number, nodes: number, n: number, probability: number): Tensor {
  const rows = cells * edgesOf(nodes).length * OPERATIONS.length;
  const keep = 1 - probability;
  return device.tensor(
    uniforms(key, rows * n).map((v) => (v < keep ? 1 / keep : 0)),
    [rows, n],
  );
}

/** The rows of such masks as `dropPath` takes them; skip connections are never dropped. */
export function pathMaskOf(masks: Tensor, nodes: number): PathMask {
  const edges = edgesOf(nodes).length;
  const skip = OPERATIONS.indexOf('skip_connect');
  return (cell, edge, column) => {
    if (column === skip) return undefined;
    const row = (cell * edges + edge) * OPERATIONS.length + column;
    return reshape(slice(masks, [row], [row + 1]), [masks.shape[1]!]);
  };
}
