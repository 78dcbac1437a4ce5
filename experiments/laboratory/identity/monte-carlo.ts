/** @file The credit identities on a whole network by paired Monte Carlo: every term of a sample comes from the same noise. */
import {
  alias,
  broadcastTo,
  concat,
  detach,
  dot,
  enableGrad,
  foldIn,
  grad,
  gumbel,
  type Key,
  mul,
  neg,
  noGrad,
  permute,
  reshape,
  scope,
  slice,
  stack,
  sum,
  type Tensor,
} from 'reparam';
import { RelaxedOneHotCategorical } from 'reparam/distributions';
import { type ArchitectureFixture, networkCredits, perSample, traceEdges, VectorMoments } from 'reparam/credit';

export interface MonteCarloOptions {
  /** log alpha, [edges][operations]. */
  readonly logits: readonly (readonly number[])[];
  readonly temperature: number;
  readonly samples: number;
  readonly key: Key;
  /** Samples a batch. Default 256. */
  readonly batch?: number;
}

/** Whether an identity holds, from paired differences: identity's right side minus pathwise gradient, which should average 0. */
export interface IdentityTest {
  /** Largest |mean difference| in standard errors, over all components. */
  readonly maxZ: number;
  /** Hotelling's chi-square over the independent components (one operation an edge is left out: rows sum to 0) and its p-value. */
  readonly chiSquare: number;
  readonly p: number;
}

export interface IdentityReport {
  readonly samples: number;
  /** E[dL/dl], [edges][operations]. */
  readonly path: readonly (readonly number[])[];
  /** E[score c . O~]. */
  readonly published: readonly (readonly number[])[];
  /** E[O~' H dO~/dl]. */
  readonly curvature: readonly (readonly number[])[];
  /** Published form minus curvature equals path. */
  readonly i1: IdentityTest;
  /** The published form equals path: false unless the loss is affine in each node. */
  readonly publishedForm: IdentityTest;
  /** E[score (L - L without the edge)] equals path. */
  readonly i3: IdentityTest;
  /** |published - path| / |path|. */
  readonly relativeGap: number;
  readonly cosine: number;
}

const TERMS = 4;

/**
 * Tests I1, the published form and I3 on a fixture of smooth operations. Each edge's identity is conditional on the noise of
 * the others, so it holds in expectation over all of them.
 */
export async function monteCarloIdentity(fixture: ArchitectureFixture, options: MonteCarloOptions): Promise<IdentityReport> {
  const { samples, batch = 256 } = options;
  const edges = fixture.edges.length;
  const n = fixture.operations;
  const width = edges * n;
  const sums = {
    terms: { total: new Float64Array(TERMS * width), count: 0 },
    i1: new VectorMoments(width),
    plain: new VectorMoments(width),
    i3: new VectorMoments(width),
  };
  for (let done = 0, chunk = 0; done < samples; chunk++) {
    const size = Math.min(batch, samples - done);
    const rows = identityRows(fixture, options, size, foldIn(options.key, chunk));
    const flat = await rows.data();
    rows.dispose();
    addDifferences(sums, flat, size, width);
    done += size;
  }
  const mean = sums.terms.total.map((v) => v / sums.terms.count);
  const means = Array.from({ length: TERMS }, (_, t) => mean.slice(t * width, (t + 1) * width));
  const [path, published, curvature] = means as [Float64Array, Float64Array, Float64Array];
  const matrix = (flat: Float64Array): number[][] => fixture.edges.map((_, e) => Array.from(flat.slice(e * n, (e + 1) * n)));
  const length = (v: Float64Array): number => Math.hypot(...v);
  return {
    samples,
    path: matrix(path),
    published: matrix(published),
    curvature: matrix(curvature),
    i1: test(sums.i1, n),
    publishedForm: test(sums.plain, n),
    i3: test(sums.i3, n),
    relativeGap: length(published.map((v, i) => v - path[i]!)) / length(path),
    cosine: published.reduce((s, v, i) => s + v * path[i]!, 0) / (length(published) * length(path)),
  };
}

/** Per sample, side by side: path, published, curvature and ablation terms, each [edges operations]; [size, 4 edges operations]. */
function identityRows(fixture: ArchitectureFixture, options: MonteCarloOptions, size: number, k: Key): Tensor {
  const { device, edges, operations: n } = fixture;
  const shape = [size, edges.length, n];
  return enableGrad(() =>
    scope(() => {
      const noise = gumbel(device, k, shape);
      const l = alias(broadcastTo(device.tensor(options.logits.flat(), [edges.length, n]), shape));
      const distribution = new RelaxedOneHotCategorical({ logits: l, temperature: options.temperature });
      const z = alias(distribution.rsample({ noise }));
      const score = distribution.score({ noise });
      const network = fixture.network(z);
      const all = edges.map((_, e) => e);
      const { losses, outputs } = traceEdges(network, all);
      const cs = grad(sum(losses), outputs, { createGraph: true, unused: 'zeros' });
      const [path] = grad(sum(losses), [l]);
      const curvature = all.map((e) => {
        const output = outputs[e]!;
        const [curved] = grad(dot(cs[e]!, detach(output)), [output], { unused: 'zeros' });
        // The derivative of this edge's output in its own gates alone: the input of the edge is held.
        const [toGates] = grad(output, [l], { cotangent: curved });
        return reshape(slice(toGates, [0, e], [size, e + 1]), [size, n]);
      });
      return noGrad(() => {
        const credit = stack(
          all.map((e) => perSample(mul(cs[e]!, outputs[e]!), size)),
          1,
        );
        const changed = permute(neg(networkCredits(network, 'ablation')), [1, 0]);
        const column = (t: Tensor): Tensor => reshape(t, [size, edges.length, 1]);
        return concat(
          [path, mul(score, column(credit)), stack(curvature, 1), mul(score, column(changed))].map((t) =>
            reshape(t, [size, edges.length * n]),
          ),
          1,
        );
      });
    }),
  );
}

interface Sums {
  readonly terms: { readonly total: Float64Array; count: number };
  readonly i1: VectorMoments;
  readonly plain: VectorMoments;
  readonly i3: VectorMoments;
}

function addDifferences(sums: Sums, flat: ArrayLike<number>, size: number, width: number): void {
  for (let i = 0; i < flat.length; i++) sums.terms.total[i % (TERMS * width)]! += flat[i]!;
  sums.terms.count += size;
  const difference = (f: (path: number, published: number, curvature: number, ablation: number) => number): Float64Array => {
    const out = new Float64Array(size * width);
    for (let r = 0; r < size; r++) {
      const at = r * TERMS * width;
      for (let i = 0; i < width; i++) {
        out[r * width + i] = f(flat[at + i]!, flat[at + width + i]!, flat[at + 2 * width + i]!, flat[at + 3 * width + i]!);
      }
    }
    return out;
  };
  sums.i1.add(difference((path, published, curvature) => published - path - curvature));
  sums.plain.add(difference((path, published) => published - path));
  sums.i3.add(difference((path, _published, _curvature, ablation) => ablation - path));
}

function test(differences: VectorMoments, operations: number): IdentityTest {
  const zero = new Float64Array(differences.size);
  const independent = Array.from(zero, (_, i) => i).filter((i) => i % operations !== operations - 1);
  const z = differences.zScores(zero);
  const { statistic, p } = differences.chiSquare(zero, independent);
  return { maxZ: Math.max(...z.map(Math.abs)), chiSquare: statistic, p };
}
