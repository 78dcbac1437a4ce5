/** @file Small networks on which identities and estimators are exact enough to judge: samples along the first axis, float64. */
import {
  add,
  broadcastTo,
  type Device,
  foldIn,
  key,
  matmul,
  normals,
  OptionError,
  relu,
  reshape,
  ShapeError,
  slice,
  tanh,
  type Tensor,
  where,
} from 'reparam';
import type { ArchitectureFixture, GatedEdge, GatedNetwork } from 'reparam/credit';
import { type Head, type HeadName, makeHead } from './heads.ts';

export interface SingleEdgeOptions {
  readonly head: HeadName;
  readonly seed?: number;
  /** Default 2. */
  readonly operations?: number;
  /** Size of the node. Default 3. */
  readonly size?: number;
}

/** One edge with constant operation outputs O_k: x = base + sum_k z_k O_k, losses = head(x). */
export interface SingleEdgeFixture extends ArchitectureFixture {
  readonly head: Head;
  /** O, operations rows of `size`, and the base. */
  readonly outputs: readonly (readonly number[])[];
  readonly base: readonly number[];
}

export function singleEdgeFixture(device: Device, options: SingleEdgeOptions): SingleEdgeFixture {
  const { head: name, seed = 2, operations = 2, size = 3 } = options;
  const k = key(seed);
  const flat = Array.from(normals(foldIn(k, 1), operations * size));
  const base = Array.from(normals(foldIn(k, 2), size), (v) => 0.5 * v);
  const o = device.parameter(flat, [operations, size]);
  const b = device.parameter(base, [size]);
  const head = makeHead(device, name, size, foldIn(k, 3));
  const edges: GatedEdge[] = [{ name: '0-1', from: 0, to: 1 }];
  return {
    device,
    edges,
    operations,
    head,
    base,
    outputs: Array.from({ length: operations }, (_, r) => flat.slice(r * size, (r + 1) * size)),
    network: (z) => ({
      edges,
      run: (tap = (_e, output) => output) => {
        checkGates(z, 1, operations);
        const node = tap(0, matmul(reshape(z, [z.shape[0]!, operations]), o));
        return { losses: head.losses(add(node, b)), nodes: new Map([[1, node]]) };
      },
    }),
  };
}

export interface DagOptions {
  readonly head: HeadName;
  /** Nodes after the input; each takes an edge from every earlier node, so m nodes have m (m + 1) / 2 edges. Default 3: six edges. */
  readonly nodes?: number;
  /** Operations an edge. Default 4. */
  readonly operations?: number;
  /** Default 4. */
  readonly size?: number;
  readonly seed?: number;
  /** What follows the weights of the nonlinear operations. Default tanh, so that second derivatives exist everywhere. */
  readonly activation?: 'tanh' | 'relu' | 'none';
}

/**
 * A directed acyclic graph of mixed edges over one fixed input. Operation 0 is the activation of W x + b, 1 is W x, 2 the identity,
 * 3 zero ("none"), 4 and later again activations with weights of their own. The head reads the last node.
 */
export function dagFixture(device: Device, options: DagOptions): ArchitectureFixture {
  const { head: name, nodes: count = 3, operations = 4, size = 4, seed = 1, activation = 'tanh' } = options;
  if (operations < 2 || count < 1) throw new OptionError('dagFixture: needs at least two operations and one node');
  const k = key(seed);
  const edges: GatedEdge[] = [];
  for (let to = 1; to <= count; to++) for (let from = 0; from < to; from++) edges.push({ name: `${from}-${to}`, from, to });
  const act = activation === 'relu' ? relu : tanh;
  const head = makeHead(device, name, size, foldIn(k, 0));
  const input = device.parameter(normals(foldIn(k, 1), size), [1, size]);
  // All operations of an edge are one product, x [w_0 ... w_n-1] + b, of which some columns are activated.
  const active = Array.from({ length: operations * size }, (_, c) => (isActivated(Math.floor(c / size)) ? 1 : 0));
  const activated = device.parameter(active, [1, operations * size]);
  const parameters = edges.map((_, e) => {
    const w = new Float64Array(size * operations * size);
    const b = new Float64Array(operations * size);
    for (let op = 0; op < operations; op++) {
      const drawn = normals(foldIn(foldIn(k, 2), e * 64 + op), size * size);
      const shift = normals(foldIn(foldIn(k, 3), e * 64 + op), size);
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
          const random = (1.2 * drawn[row * size + column]!) / Math.sqrt(size);
          w[(row * operations + op) * size + column] = op === 2 ? Number(row === column) : op === 3 ? 0 : random;
        }
        if (isActivated(op) && activation !== 'none') b[op * size + row] = 0.3 * shift[row]!;
      }
    }
    return { w: device.parameter(w, [size, operations * size]), b: device.parameter(b, [operations * size]) };
  });
  const outputs = (x: Tensor, e: number): Tensor => {
    const { w, b } = parameters[e]!;
    const affine = add(matmul(x, w), b);
    return activation === 'none' ? affine : where(activated, act(affine), affine);
  };
  const network = (z: Tensor): GatedNetwork => ({
    edges,
    run: (tap = (_e, output) => output) => {
      checkGates(z, edges.length, operations);
      const s = z.shape[0]!;
      const nodes: Tensor[] = [broadcastTo(input, [s, size])];
      edges.forEach(({ from, to }, e) => {
        const all = reshape(outputs(nodes[from]!, e), [s, operations, size]);
        const gates = reshape(slice(z, [0, e], [s, e + 1]), [s, 1, operations]);
        const output = tap(e, reshape(matmul(gates, all), [s, size]));
        nodes[to] = nodes[to] ? add(nodes[to], output) : output;
      });
      return { losses: head.losses(nodes[count]!), nodes: new Map(nodes.map((x, i) => [i, x] as const).slice(1)) };
    },
  });
  return { device, edges, operations, network };
}

/** Operations 1 (linear), 2 (identity) and 3 (zero) are not activated. */
function isActivated(operation: number): boolean {
  return operation === 0 || operation > 3;
}

function checkGates(z: Tensor, edges: number, operations: number): void {
  if (z.rank !== 3 || z.shape[1] !== edges || z.shape[2] !== operations) {
    throw new ShapeError(`network: gates [${z.shape.join(', ')}] must be [samples, ${edges}, ${operations}]`);
  }
}
