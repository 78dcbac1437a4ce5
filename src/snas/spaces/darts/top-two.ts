/** @file DARTS's child: for each node the two inputs with the strongest operation other than none, and that operation. */
import type { Architecture } from '../../space/architecture.ts';
import { edgeChoice } from './choices.ts';
import { CELL_INPUTS, CELL_TYPES, edgesOf, type GenotypeEdge, OPERATIONS } from './genotype.ts';

/**
 * The top-2 rule on mixing weights, a row of operations an edge. `none` is never chosen and takes part in nothing: neither in the choice of an
 * operation nor in the ranking of edges. Ties go to the lower column and the lower input. Liu et al., ICLR 2019, section 2.4.
 */
export function topTwoEdges(weights: readonly (readonly number[])[], nodes: number): GenotypeEdge[] {
  const none = OPERATIONS.indexOf('none');
  const strongest = edgesOf(nodes).map(({ from, to }, e) => {
    const row = weights[e]!;
    let best = -1;
    for (let k = 0; k < OPERATIONS.length; k++) if (k !== none && (best < 0 || row[k]! > row[best]!)) best = k;
    return { from, to, operation: OPERATIONS[best]!, weight: row[best]! };
  });
  return Array.from({ length: nodes }, (_, n) => n + CELL_INPUTS).flatMap((to) =>
    strongest
      .filter((e) => e.to === to)
      .sort((a, b) => b.weight - a.weight || a.from - b.from)
      .slice(0, 2)
      .sort((a, b) => a.from - b.from)
      .map(({ operation, from }) => ({ operation, from, to })),
  );
}

/** Both cells by the top-2 rule; `weights` by choice, normal cells' edges first. The other edges are left out, which is `none`. */
export function topTwoArchitecture(weights: readonly (readonly number[])[], nodes: number): Architecture {
  const edges = edgesOf(nodes).length;
  return Object.fromEntries(
    CELL_TYPES.flatMap((type, t) =>
      topTwoEdges(weights.slice(t * edges, (t + 1) * edges), nodes).map(
        (edge) => [edgeChoice(type, edge, 0).name, edge.operation] as const,
      ),
    ),
  );
}
