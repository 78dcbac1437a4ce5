/**
 * @file The credit identities for gates of two operations, by quadrature instead of sampling.
 *
 * Z depends on the two Gumbels only through their difference D, which is logistic: f(D) = e^-D / (1 + e^-D)^2. So every
 * expectation is a one-dimensional integral, taken here to about 1e-14 by panels that follow both scales, 1 of f and lambda of Z.
 */
import {
  alias,
  broadcastTo,
  detach,
  type Device,
  dot,
  enableGrad,
  grad,
  mul,
  noGrad,
  scope,
  sub,
  sum,
  type Tensor,
  zerosLike,
} from 'reparam';
import { RelaxedOneHotCategorical } from 'reparam/distributions';
import { compositeRule, weightedSum } from 'reparam/credit';

/** Losses as a function of one edge's gates, or of the gates that several tied edges share. */
export interface GateObjective {
  readonly device: Device;
  /** z [s, 2] -> losses [s]; smooth in z but for the kinks. Defined at z = 0 too: there the edge is ablated. */
  readonly losses: (z: Tensor) => Tensor;
  /** Where z_1 crosses a kink, and by how much Z . dL/dZ jumps there as z_1 grows. */
  readonly kinks?: readonly { readonly z: number; readonly jump: number }[];
}

export interface IdentityTerms {
  /** E[dL/dl_1]: the gradient of the relaxed objective, which every identity must give. */
  readonly path: number;
  /** E[score_1 c . O~] = E[score_1 Z . dL/dZ]: the published form. Tied edges: their credits summed. */
  readonly published: number;
  /** E[Z' (d2L/dZ2) dZ/dl_1], for one edge E[O~' H dO~/dl_1]: the curvature term that the published form lacks. */
  readonly curvature: number;
  /** What kinks of the loss add: the sum over kinks of the jump of c . O~ times the density there. 0 for smooth heads. */
  readonly surface: number;
  /** E[score_1 (L - L without the edge)]. */
  readonly ablation: number;
}

const Y_BREAKS = [0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 40];
const D_LIMIT = 42;
const ORDER = 20;

/** All terms of the identities for component l_1, with log alpha and temperature as given. */
export async function identityTerms(
  objective: GateObjective,
  logits: readonly [number, number],
  temperature: number,
): Promise<IdentityTerms> {
  const { device, losses } = objective;
  const offset = logits[0] - logits[1];
  const kinks = (objective.kinks ?? []).map((k) => ({ jump: k.jump, d: temperature * Math.log(k.z / (1 - k.z)) - offset }));
  const rule = compositeRule(
    breaks(
      offset,
      temperature,
      kinks.map((k) => k.d),
    ),
    ORDER,
  );
  const samples = rule.points.length;
  const rows = enableGrad(() =>
    scope(() => {
      const noise = device.tensor(
        rule.points.flatMap((d) => [d, 0]),
        [samples, 2],
      );
      const l = alias(broadcastTo(device.tensor([...logits], [2]), [samples, 2]));
      const distribution = new RelaxedOneHotCategorical({ logits: l, temperature });
      const z = alias(distribution.rsample({ noise }));
      const fixed = detach(z);
      const loss = losses(z);
      const [slope] = grad(sum(loss), [z], { createGraph: true });
      const [curved] = grad(dot(slope, fixed), [z], { unused: 'zeros' });
      const [path] = grad(z, [l], { cotangent: detach(slope) });
      const [curvature] = grad(z, [l], { cotangent: curved });
      return noGrad(() => ({
        path: path,
        curvature: curvature,
        score: distribution.score({ noise }),
        credit: sum(mul(slope, fixed), 1),
        change: sub(loss, losses(zerosLike(z))),
      }));
    }),
  );
  const [path, curvature, score, credit, change] = await Promise.all(
    [rows.path, rows.curvature, rows.score, rows.credit, rows.change].map((t) => t.data()),
  );
  for (const t of Object.values(rows)) t.dispose();
  const density = rule.points.map((d, i) => rule.weights[i]! * logistic(d));
  const first = (x: ArrayLike<number>): number[] => density.map((_, i) => x[2 * i]!);
  const scored = (x: ArrayLike<number>): number[] => density.map((_, i) => score![2 * i]! * x[i]!);
  return {
    path: weightedSum(density, first(path!)),
    published: weightedSum(density, scored(credit!)),
    curvature: weightedSum(density, first(curvature!)),
    surface: kinks.reduce((total, k) => total + k.jump * logistic(k.d), 0),
    ablation: weightedSum(density, scored(change!)),
  };
}

/** Density of the difference of two standard Gumbels. */
function logistic(d: number): number {
  const e = Math.exp(-Math.abs(d));
  return e / (1 + e) ** 2;
}

/** Panels on the scale of Z about its transition at D = -(l1 - l2), on the scale of the density elsewhere, and at the kinks. */
function breaks(offset: number, temperature: number, kinks: readonly number[]): number[] {
  const out: number[] = [];
  for (let d = -D_LIMIT; d <= D_LIMIT; d += 1.5) out.push(d);
  for (const y of Y_BREAKS) out.push(temperature * y - offset, -temperature * y - offset);
  return [...out, ...kinks].filter((d) => Math.abs(d) <= D_LIMIT);
}
