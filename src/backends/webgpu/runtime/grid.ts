/** @file Grids of one-dimensional kernels, folded into two dimensions where there are too many workgroups for one. */
import { LimitError } from '../../../contract/errors.ts';
import type { AdapterTraits } from '../kernel.ts';

/**
 * Workgroups for `count` invocations, `perGroup` in each. A shader finds its workgroup's number as
 * `id.y * num_workgroups.x + id.x`, and must ignore numbers beyond its share.
 */
export function foldedGrid(traits: AdapterTraits, count: number, perGroup: number): [number, number, number] {
  const groups = Math.ceil(count / perGroup);
  if (groups <= traits.maxWorkgroups) return [groups, 1, 1];
  const rows = Math.ceil(groups / traits.maxWorkgroups);
  if (rows > traits.maxWorkgroups)
    throw new LimitError(`${count} elements need ${groups} workgroups, more than this adapter can count`);
  return [Math.ceil(groups / rows), rows, 1];
}
