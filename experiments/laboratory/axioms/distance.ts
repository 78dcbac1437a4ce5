/** @file How far a credit's policy gradient is from the gradient, by enumeration of networks of 729 architectures. */
import { type Device, scope } from 'reparam';
import { type CreditKind, dagFixture, type HeadName, leastVarianceWeights, networkCredits, probabilities } from 'reparam/credit';

const NODES = 3;
const OPERATIONS = 3;

export interface Distance {
  readonly head: HeadName;
  readonly seed: number;
  readonly credit: string;
  /** |E[score (-R)] - dE[L]/dl| / |dE[L]/dl|. */
  readonly distance: number;
  readonly cosine: number;
  /** The root of the summed variances of score (-R), in lengths of the gradient. */
  readonly spread: number;
}

interface Measured {
  readonly name: string;
  readonly kind: CreditKind;
  readonly weights?: (row: readonly number[]) => readonly number[];
}

const measured: readonly Measured[] = [
  { name: 'taylor (R_ij)', kind: 'taylor' },
  { name: 'taylor2', kind: 'taylor2' },
  { name: 'joint path', kind: 'joint' },
  { name: 'alone', kind: 'alone' },
  { name: 'Shapley', kind: 'shapley' },
  { name: 'Banzhaf', kind: 'banzhaf' },
  { name: 'baseline: mean loss', kind: 'baseline' },
  { name: 'ablation', kind: 'ablation' },
  { name: 'conditional mean (COMA)', kind: 'conditional', weights: (row) => row },
  { name: 'conditional mean, least variance', kind: 'conditional', weights: leastVarianceWeights },
];

/** All credits on a network of six edges and three operations, at logits 0.5 cos(1.7 e + 2.3 k). */
export async function creditDistances(device: Device, head: HeadName, seed: number): Promise<Distance[]> {
  const fixture = dagFixture(device, { head, nodes: NODES, operations: OPERATIONS, seed });
  const edges = fixture.edges.length;
  const n = OPERATIONS;
  const count = n ** edges;
  const pi = probabilities(fixture.edges.map((_, e) => Array.from({ length: n }, (_u, k) => 0.5 * Math.cos(1.7 * e + 2.3 * k))));
  const row = (e: number): number[] => Array.from(pi.slice(e * n, (e + 1) * n));
  const option = (a: number, e: number): number => Math.floor(a / n ** e) % n;
  const hot = Float64Array.from({ length: count * edges * n }, (_, i) =>
    Number(option(Math.floor(i / (edges * n)), Math.floor(i / n) % edges) === i % n),
  );
  const weight = Array.from({ length: count }, (_, a) => fixture.edges.reduce((p, _e, e) => p * row(e)[option(a, e)]!, 1));
  const policy = (cost: (a: number, e: number) => number): { mean: Float64Array; square: number } => {
    const mean = new Float64Array(edges * n);
    let square = 0;
    for (let a = 0; a < count; a++) {
      for (let e = 0; e < edges; e++) {
        for (let k = 0; k < n; k++) {
          const term = (Number(option(a, e) === k) - pi[e * n + k]!) * cost(a, e);
          mean[e * n + k]! += weight[a]! * term;
          square += weight[a]! * term * term;
        }
      }
    }
    return { mean, square };
  };
  const z = device.tensor(hot, [count, edges, n]);
  const network = fixture.network(z);
  const found = scope(() => network.run().losses);
  const losses = await found.data();
  found.dispose();
  const centre = weight.reduce((s, w, a) => s + w * losses[a]!, 0);
  const exact = policy((a) => losses[a]!).mean;
  const length = Math.hypot(...exact);
  const out: Distance[] = [];
  for (const { name, kind, weights } of measured) {
    const credits = scope(() =>
      networkCredits(network, kind, {
        points: 8,
        ...(weights && { weights: (e: number) => weights(row(e)) }),
        ...(kind === 'baseline' && { baselines: fixture.edges.map(() => centre) }),
      }),
    );
    const values = await credits.data();
    credits.dispose();
    const { mean, square } = policy((a, e) => -values[e * count + a]!);
    const own = Math.hypot(...mean);
    out.push({
      head,
      seed,
      credit: name,
      distance: Math.hypot(...mean.map((v, i) => v - exact[i]!)) / length,
      cosine: mean.reduce((s, v, i) => s + v * exact[i]!, 0) / (own * length),
      spread: Math.sqrt(Math.max(0, square - own * own)) / length,
    });
  }
  z.dispose();
  return out;
}
