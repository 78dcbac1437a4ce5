/** @file Objectives for the quadrature: one edge under a head, and a chain of linear cells that share one Z. */
import { add, broadcastTo, type Device, foldIn, key, matmul, mul, normals, OptionError, reshape, slice, sum } from 'reparam';
import type { SingleEdgeFixture } from 'reparam/credit';
import type { GateObjective } from './quadrature.ts';

/** A single-edge fixture with two operations as an objective of its gates, with the kinks of a relu head. */
export function edgeObjective(fixture: SingleEdgeFixture): GateObjective {
  if (fixture.operations !== 2) throw new OptionError('edgeObjective: the quadrature needs exactly two operations');
  return {
    device: fixture.device,
    losses: (z) => fixture.network(reshape(z, [z.shape[0]!, 1, 2])).run().losses,
    kinks: kinksOf(fixture),
  };
}

/**
 * A chain of `cells` linear cells with one shared Z: x_{c+1} = sum_k z_k W_k x_c, loss t . x_last. The loss is homogeneous of degree
 * `cells` in Z, so by Euler the tied credits sum to -cells L, and the published form overstates the gradient `cells` times.
 */
export function tiedChainObjective(device: Device, cells: number, size = 3, seed = 1): GateObjective {
  const k = key(seed);
  const weights = [0, 1].map((op) =>
    device.parameter(
      normals(foldIn(k, op), size * size).map((v) => v / Math.sqrt(size)),
      [size, size],
    ),
  );
  const input = device.parameter(normals(foldIn(k, 2), size), [1, size]);
  const target = device.parameter(normals(foldIn(k, 3), size), [size]);
  return {
    device,
    losses: (z) => {
      const s = z.shape[0]!;
      let x = broadcastTo(input, [s, size]);
      for (let c = 0; c < cells; c++) {
        const here = x;
        const parts = weights.map((w, op) => mul(slice(z, [0, op], [s, op + 1]), matmul(here, w)));
        x = add(parts[0]!, parts[1]!);
      }
      return sum(mul(x, target), 1);
    },
  };
}

/** Where the path z -> base + z O_1 + (1 - z) O_2 crosses a kink of the head, and by how much c . O~ jumps there as z grows. */
function kinksOf(fixture: SingleEdgeFixture): { readonly z: number; readonly jump: number }[] {
  const { pieces } = fixture.head;
  if (!pieces) return [];
  const [o1, o2] = fixture.outputs as [readonly number[], readonly number[]];
  return pieces.weight.flatMap((w, r) => {
    const along = (x: (i: number) => number): number => w.reduce((total, v, i) => total + v * x(i), 0);
    const start = along((i) => fixture.base[i]! + o2[i]!) + pieces.bias[r]!;
    const rise = along((i) => o1[i]! - o2[i]!);
    const z = -start / rise;
    if (!(z > 0 && z < 1)) return [];
    return [{ z, jump: Math.sign(rise) * pieces.slope[r]! * along((i) => z * o1[i]! + (1 - z) * o2[i]!) }];
  });
}
