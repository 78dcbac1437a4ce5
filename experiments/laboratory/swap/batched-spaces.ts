/**
 * @file Many small search spaces of one shape at once: three choices of four options between three nodes, in one cell or in two cells that share
 * their Z, with random weights and a loss head. All 64 architectures of each are enumerated.
 */
import {
  add,
  broadcastTo,
  type Device,
  foldIn,
  type Key,
  logSoftmax,
  matmul,
  mul,
  neg,
  noGrad,
  normals,
  relu,
  reshape,
  scope,
  slice,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
  where,
} from 'reparam';

export const spaceHeads = ['softmax', 'quadratic', 'tanh', 'relu'] as const;
export type SpaceHead = (typeof spaceHeads)[number];

/** Edges of a cell: (from, to). */
const EDGES = [
  [0, 1],
  [0, 2],
  [1, 2],
] as const;
export const CHOICES: number = EDGES.length;
/** An activated affine map, a linear map, the identity, and another activated map. */
export const OPTIONS = 4;
const SIZE = 4;
const ROWS = 4;

export interface BatchedSpaces {
  readonly spaces: number;
  readonly cells: number;
  /** Choice of each place. */
  readonly places: readonly number[];
  /** z [spaces, rows, choices, options] -> losses [spaces, rows]; `cut` names places whose output is zero. */
  losses(z: Tensor, cut?: readonly number[]): Tensor;
  /** Losses of all architectures, [spaces][architecture]: option of choice c is digit c. */
  enumerate(): Promise<number[][]>;
}

export function batchedSpaces(device: Device, head: SpaceHead, cells: number, spaces: number, k: Key): BatchedSpaces {
  const act = head === 'softmax' || head === 'relu' ? relu : tanh;
  const draw = (purpose: number, shape: readonly number[], scale: number): Tensor =>
    device.parameter(
      normals(
        foldIn(k, purpose),
        shape.reduce((a, b) => a * b, 1),
      ).map((v) => scale * v),
      shape,
    );
  const input = draw(0, [spaces, 1, SIZE], 1);
  const columns = OPTIONS * SIZE;
  const activated = device.parameter(
    Array.from({ length: columns }, (_, c) => (Math.floor(c / SIZE) % 3 === 0 ? 1 : 0)),
    [1, 1, columns],
  );
  const places = Array.from({ length: cells }, () => EDGES.map((_, e) => e)).flat();
  const weights = places.map((_, p) => {
    const w = normals(foldIn(k, 10 + p), spaces * SIZE * columns).map((v) => (1.2 * v) / Math.sqrt(SIZE));
    const b = normals(foldIn(k, 110 + p), spaces * columns).map((v) => 0.3 * v);
    for (let s = 0; s < spaces; s++) {
      for (let column = 0; column < columns; column++) {
        const option = Math.floor(column / SIZE);
        if (option === 1 || option === 2) b[s * columns + column] = 0;
        if (option !== 2) continue;
        for (let row = 0; row < SIZE; row++) w[(s * SIZE + row) * columns + column] = row === column % SIZE ? 1 : 0;
      }
    }
    return { w: device.parameter(w, [spaces, SIZE, columns]), b: device.parameter(b, [spaces, 1, columns]) };
  });
  const [t, hw, hu, hb] = [
    draw(1, [spaces, 1, SIZE], 1),
    draw(2, [spaces, SIZE, ROWS], 1 / Math.sqrt(SIZE)),
    draw(3, [spaces, ROWS, 1], 1),
    draw(4, [spaces, 1, ROWS], 0.3),
  ];
  const heads: Readonly<Record<SpaceHead, (x: Tensor) => Tensor>> = {
    softmax: (x) => neg(slice(logSoftmax(matmul(x, hw)), [0, 0, 1], [spaces, x.shape[1]!, 2])),
    quadratic: (x) => mul(sum(square(sub(x, t)), 2), 0.5),
    tanh: (x) => matmul(tanh(matmul(x, hw)), hu),
    relu: (x) => matmul(relu(add(matmul(x, hw), hb)), hu),
  };
  const losses = (z: Tensor, cut: readonly number[] = []): Tensor => {
    const rows = z.shape[1]!;
    const flat = reshape(z, [spaces * rows, CHOICES, OPTIONS]);
    const gates = EDGES.map((_, e) => slice(flat, [0, e], [spaces * rows, e + 1]));
    let x = broadcastTo(input, [spaces, rows, SIZE]);
    for (let cell = 0; cell < cells; cell++) {
      const nodes = [x];
      EDGES.forEach(([from, to], e) => {
        const p = cell * CHOICES + e;
        const source = nodes[from]!;
        const affine = add(matmul(source, weights[p]!.w), weights[p]!.b);
        const all = reshape(where(activated, act(affine), affine), [spaces * rows, OPTIONS, SIZE]);
        const mixed = reshape(matmul(gates[e]!, all), [spaces, rows, SIZE]);
        const output = cut.includes(p) ? mul(mixed, 0) : mixed;
        const before = nodes[to];
        nodes[to] = before ? add(before, output) : output;
      });
      x = nodes[2]!;
    }
    return reshape(heads[head](x), [spaces, rows]);
  };
  return {
    spaces,
    cells,
    places,
    losses,
    enumerate: async () => {
      const count = OPTIONS ** CHOICES;
      const z = new Float64Array(spaces * count * CHOICES * OPTIONS);
      for (let s = 0; s < spaces; s++)
        for (let a = 0; a < count; a++)
          for (let c = 0; c < CHOICES; c++)
            z[((s * count + a) * CHOICES + c) * OPTIONS + (Math.floor(a / OPTIONS ** c) % OPTIONS)] = 1;
      const found = noGrad(() => scope(() => losses(device.tensor(z, [spaces, count, CHOICES, OPTIONS]))));
      const data = Array.from(await found.data());
      found.dispose();
      return Array.from({ length: spaces }, (_, s) => data.slice(s * count, (s + 1) * count));
    },
  };
}
