/**
 * @file Random computation graphs of mixed operations: up to 5 nodes, 2 to 8 operations an edge, batch norm among them, and
 * all intermediate tensors within reach, for properties of credits.
 */
import fc from 'fast-check';
import { type Edge } from '../../src/credit/index.ts';
import { gumbelSoftmax } from '../../src/distributions/index.ts';
import {
  add,
  avgPool2d,
  batchNorm2d,
  concat,
  conv2d,
  crossEntropy,
  type Device,
  foldIn,
  globalAvgPool2d,
  gumbels,
  key,
  linear,
  maxPool2d,
  mul,
  normals,
  relu,
  reshape,
  slice,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
} from '../../src/index.ts';

const BATCH = 3;
const CHANNELS = 2;
const SIDE = 3;
const CLASSES = 3;
const IMAGE = [BATCH, CHANNELS, SIDE, SIDE] as const;

type Weights = (length: number, shape: readonly number[]) => Tensor;
/** One candidate operation: [n, c, h, w] -> the same shape. */
type Operation = (x: Tensor, weights: Weights, eps: number) => Tensor;

const normalised = (x: Tensor, eps: number): Tensor => batchNorm2d(x, { eps });
const pointwise: Operation = (x, weights) => conv2d(x, weights(CHANNELS * CHANNELS, [CHANNELS, CHANNELS, 1, 1]));

export type OperationName =
  | 'none'
  | 'identity'
  | 'maxPool'
  | 'avgPool'
  | 'conv3'
  | 'dilated'
  | 'scale'
  | 'tanh'
  | 'biased'
  | 'batchNorm'
  | 'reluConv'
  | 'plainMaxPool'
  | 'plainAvgPool';

const operations: Record<OperationName, Operation> = {
  none: (x) => x.device.zeros(x.shape),
  identity: (x) => x,
  maxPool: (x, _, eps) => normalised(maxPool2d(x, 3, { stride: 1, padding: 1 }), eps),
  avgPool: (x, _, eps) => normalised(avgPool2d(x, 3, { stride: 1, padding: 1 }), eps),
  conv3: (x, weights, eps) =>
    normalised(conv2d(relu(x), weights(CHANNELS * CHANNELS * 9, [CHANNELS, CHANNELS, 3, 3]), { padding: 1 }), eps),
  dilated: (x, weights, eps) => {
    const depthwise = conv2d(relu(x), weights(CHANNELS * 9, [CHANNELS, 1, 3, 3]), { padding: 2, dilation: 2, groups: CHANNELS });
    return normalised(pointwise(depthwise, weights, eps), eps);
  },
  scale: (x, weights) => mul(x, weights(CHANNELS, [CHANNELS, 1, 1])),
  tanh: (x, weights, eps) => tanh(pointwise(x, weights, eps)),
  biased: (x, weights) =>
    conv2d(x, weights(CHANNELS * CHANNELS, [CHANNELS, CHANNELS, 1, 1]), { bias: weights(CHANNELS, [CHANNELS]) }),
  batchNorm: (x, _, eps) => normalised(x, eps),
  // The next are positively homogeneous of degree 1, as none, identity and scale are.
  reluConv: (x, weights) => conv2d(relu(x), weights(CHANNELS * CHANNELS * 9, [CHANNELS, CHANNELS, 3, 3]), { padding: 1 }),
  plainMaxPool: (x) => maxPool2d(x, 3, { stride: 1, padding: 1 }),
  plainAvgPool: (x) => avgPool2d(x, 3, { stride: 1, padding: 1 }),
};

/** Any operation of a cell, smooth and kinked, normalised and not. */
export const allOperations: readonly OperationName[] = [
  'none',
  'identity',
  'maxPool',
  'avgPool',
  'conv3',
  'dilated',
  'scale',
  'tanh',
  'biased',
  'batchNorm',
];
/** f(s x) = s f(x) for s > 0. */
export const homogeneousOperations: readonly OperationName[] = [
  'none',
  'identity',
  'scale',
  'reluConv',
  'plainMaxPool',
  'plainAvgPool',
];
/** f(s x) = f(x) for s > 0, at eps = 0: batch norm after something homogeneous. */
export const scaleInvariantOperations: readonly OperationName[] = ['maxPool', 'avgPool', 'conv3', 'batchNorm'];
/** Twice differentiable. */
export const smoothOperations: readonly OperationName[] = ['none', 'identity', 'avgPool', 'scale', 'tanh', 'biased', 'batchNorm'];

export interface DagSpec {
  /** Edges of node j + 1: where each comes from, and its operations. Node 0 is the input. */
  readonly nodes: readonly (readonly { readonly from: number; readonly operations: readonly OperationName[] }[])[];
  readonly temperature: number;
  readonly seed: number;
  /** Of the batch norms. Default 1e-5. */
  readonly eps?: number;
  readonly head: 'crossEntropy' | 'quadratic';
  /** Whether the head reads all nodes but the input (as a cell's concatenation does) or the last one alone. */
  readonly reads: 'all' | 'last';
}

/** Graphs of 2 to 5 nodes; node j always has an edge from node j - 1, so every node matters to the loss. */
export function dags(options: {
  readonly operations: readonly OperationName[];
  readonly reads?: 'all' | 'last';
  readonly eps?: number;
  readonly minNodes?: number;
}): fc.Arbitrary<DagSpec> {
  const { operations: names, reads, minNodes = 2 } = options;
  type EdgeSpec = DagSpec['nodes'][number][number];
  const edge = (from: number): fc.Arbitrary<EdgeSpec> =>
    fc.record({ from: fc.constant(from), operations: fc.array(fc.constantFrom(...names), { minLength: 2, maxLength: 8 }) });
  const node = (j: number): fc.Arbitrary<EdgeSpec[]> =>
    fc
      .tuple(...Array.from({ length: j - 1 }, (_, i) => fc.option(edge(i))), edge(j - 1))
      .map((edges) => edges.filter((e) => e !== null));
  return fc.integer({ min: minNodes, max: 5 }).chain((count) =>
    fc.record({
      nodes: fc.tuple(...Array.from({ length: count - 1 }, (_, i) => node(i + 1))),
      temperature: fc.integer({ min: -16, max: 4 }).map((e) => 2 ** (e / 4)),
      seed: fc.integer({ min: 0, max: 1_000_000 }),
      head: fc.constantFrom('crossEntropy' as const, 'quadratic' as const),
      reads: reads ? fc.constant(reads) : fc.constantFrom('all' as const, 'last' as const),
      eps: fc.constant(options.eps ?? 1e-5),
    }),
  );
}

export interface MixedEdge extends Edge {
  readonly from: number;
  readonly to: number;
  readonly logits: Tensor;
  /** Z, [n]. */
  readonly weights: Tensor;
  /** O_k(x_i), one per operation. */
  readonly candidates: readonly Tensor[];
}

export interface DagRun {
  readonly loss: Tensor;
  readonly edges: readonly MixedEdge[];
  /** Node 0 is the input. */
  readonly nodes: readonly Tensor[];
}

export interface DagChanges {
  /** Scales the output of an edge. */
  readonly gate?: { readonly edge: number; readonly scale: number };
  /** Is added to a node. */
  readonly shift?: { readonly node: number; readonly by: Tensor };
}

export interface Dag {
  readonly spec: DagSpec;
  run(changes?: DagChanges): DagRun;
}

/** The graph with weights, logits and noise drawn from its seed and rounded to float32, so that every device gets the same. */
export function buildDag(device: Device, spec: DagSpec): Dag {
  const draw = (name: number, length: number, scale: number): Float64Array =>
    normals(foldIn(key(spec.seed), name), length).map((v) => Math.fround(v * scale));
  const eps = spec.eps ?? 1e-5;
  const read = spec.reads === 'all' ? spec.nodes.length : 1;
  const x = device.tensor(draw(0, BATCH * CHANNELS * SIDE * SIDE, 1), IMAGE);
  const labels = device.tensor(Array.from({ length: BATCH }, (_, i) => (i + spec.seed) % CLASSES));
  const target = device.tensor(draw(1, BATCH * CLASSES, 1), [BATCH, CLASSES]);
  const head = device.tensor(draw(2, CLASSES * CHANNELS * read, 1), [CLASSES, CHANNELS * read]);
  // A tanh before the mean: batch norm makes the plain mean of a plane almost constant.
  const lossOf = (out: readonly Tensor[]): Tensor => {
    const logits = linear(globalAvgPool2d(tanh(concat(out, 1))), head);
    return spec.head === 'crossEntropy' ? crossEntropy(logits, labels) : mul(sum(square(sub(logits, target))), 0.5);
  };
  let count = 0;
  const plan = spec.nodes.map((edges, j) =>
    edges.map((edge) => {
      const id = count++;
      const n = edge.operations.length;
      return {
        ...edge,
        id,
        to: j + 1,
        logits: device.tensor(draw(100 + id, n, 1), [n]),
        noise: device.tensor(gumbels(foldIn(key(spec.seed), 200 + id), n).map(Math.fround), [n]),
        weights: edge.operations.map((_, k) => weightsFrom(device, spec.seed, 1000 + id * 8 + k)),
      };
    }),
  );
  const run = (changes: DagChanges = {}): DagRun => {
    const nodes: Tensor[] = [x];
    const made: MixedEdge[] = [];
    plan.forEach((edges, j) => {
      const outputs = edges.map((edge) => {
        const weights = gumbelSoftmax(edge.logits, { temperature: spec.temperature, noise: edge.noise });
        const candidates = edge.operations.map((name, k) => operations[name](nodes[edge.from]!, edge.weights[k]!(), eps));
        const mixed = candidates
          .map((candidate, k) => mul(candidate, reshape(slice(weights, [k], [k + 1]), [])))
          .reduce((a, b) => add(a, b));
        const { gate } = changes;
        const output = gate && gate.edge === edge.id ? mul(mixed, gate.scale) : mixed;
        return { from: edge.from, to: edge.to, logits: edge.logits, weights, candidates, output };
      });
      const total = outputs.map(({ output }) => output).reduce((a, b) => add(a, b));
      // A node of its own even where there is one edge, so that node and output are two places of the graph.
      const node =
        changes.shift?.node === j + 1 ? add(total, changes.shift.by) : outputs.length === 1 ? reshape(total, IMAGE) : total;
      nodes.push(node);
      made.push(...outputs.map((output) => ({ ...output, node })));
    });
    return { loss: lossOf(spec.reads === 'all' ? nodes.slice(1) : nodes.slice(-1)), edges: made, nodes };
  };
  return { spec, run };
}

/** A source of an operation's weights: the same at every run, made once. */
function weightsFrom(device: Device, seed: number, name: number): () => Weights {
  const made: Tensor[] = [];
  return () => {
    let next = 0;
    return (length, shape) => {
      const at = next++;
      return (made[at] ??= device.tensor(
        normals(foldIn(foldIn(key(seed), name), at), length).map((v) => Math.fround(v * 0.7)),
        shape,
      ));
    };
  };
}
