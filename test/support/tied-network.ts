/** @file A small network whose edges share Z in groups, with what it computes in plain numbers beside it: for credits by group. */
import type { GatedNetwork } from '../../src/credit/index.ts';
import { add, type Device, key, matmul, mul, normals, reshape, square, sum, tanh, type Tensor } from '../../src/index.ts';

export interface TiedSettings {
  readonly seed: number;
  /** Edge c leads from node c to node c + 1 and takes the row of Z of group groups[c]. */
  readonly groups: readonly number[];
  readonly loss: 'linear' | 'quadratic';
  readonly activation: 'none' | 'tanh';
}

const SIZE = 2;
const OPTIONS = 2;

export interface TiedNetwork {
  /** At rows of Z [groups][options]. */
  at(rows: readonly (readonly number[])[]): GatedNetwork;
  /** The loss in plain numbers, each edge with a row and a scale of its own. */
  loss(rows: readonly (readonly number[])[], scales?: readonly number[]): number;
}

/** A chain x_{c+1} = s_c sum_k Z_k act(W_ck x_c), loss t . x or |x - t|^2 / 2. */
export function tiedNetwork(device: Device, { seed, groups, loss, activation }: TiedSettings): TiedNetwork {
  const drawn = Array.from(normals(key(seed), SIZE * SIZE * OPTIONS * groups.length + 2 * SIZE));
  const weight = (c: number, k: number): number[] =>
    drawn.slice((c * OPTIONS + k) * SIZE * SIZE, (c * OPTIONS + k + 1) * SIZE * SIZE);
  const [input, target] = [drawn.slice(-2 * SIZE, -SIZE), drawn.slice(-SIZE)];
  const edges = groups.map((group, c) => ({ name: `${c}-${c + 1}`, from: c, to: c + 1, group }));
  return {
    at: (rows) => ({
      edges,
      run: (tap = (_e, o) => o, rowTap = (_e, row) => row) => {
        const nodes = new Map<number, Tensor>();
        let x = device.tensor(input, [1, SIZE]);
        edges.forEach(({ group }, c) => {
          const row = rowTap(c, device.tensor(rows[group]!, [1, OPTIONS]));
          const here = x;
          const all = [0, 1].map((k) => matmul(here, device.tensor(weight(c, k), [SIZE, SIZE])));
          const parts = all.map((y, k) => {
            const at = matmul(row, device.tensor([Number(k === 0), Number(k === 1)], [OPTIONS, 1]));
            return mul(at, activation === 'tanh' ? tanh(y) : y);
          });
          x = tap(c, add(parts[0]!, parts[1]!));
          nodes.set(c + 1, x);
        });
        const t = device.tensor(target, [1, SIZE]);
        const last = loss === 'linear' ? mul(x, t) : mul(square(add(x, mul(t, -1))), 0.5);
        return { losses: reshape(sum(last), [1]), nodes };
      },
    }),
    loss: (rows, scales) => {
      let x = input;
      groups.forEach((_, c) => {
        const next = [0, 0];
        for (let k = 0; k < OPTIONS; k++) {
          const w = weight(c, k);
          for (let j = 0; j < SIZE; j++) {
            const y = x[0]! * w[j]! + x[1]! * w[SIZE + j]!;
            next[j]! += (scales?.[c] ?? 1) * rows[c]![k]! * (activation === 'tanh' ? Math.tanh(y) : y);
          }
        }
        x = next;
      });
      return loss === 'linear'
        ? x[0]! * target[0]! + x[1]! * target[1]!
        : ((x[0]! - target[0]!) ** 2 + (x[1]! - target[1]!) ** 2) / 2;
    },
  };
}
