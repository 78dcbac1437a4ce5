/**
 * @file Conservation of credit, as reported quantities: what enters a node, what the node holds, what leaves it, and what tied cells share.
 *
 * With c = dL/dx_j:  inflow = sum over incoming edges of c . O~ (minus the sum of their credits);  held = c . x_j;  outflow = sum over
 * outgoing edges of c . O~, plus elsewhere = (the part of c that comes not through them) . x_j: what leaves through a cell's output, say. Always
 * inflow = held. Where L is homogeneous of degree d in x_j, held = d L. Where all operations that leave j are homogeneous of degree 1 without bias,
 * inflow = outflow. Where all consumers are scale invariant, inflow = 0; where those of a cell's output are (the concatenation of its nodes),
 * elsewhere sums to 0 over the cell. Tied edges: the credits of a group sum to -d L where L is homogeneous of degree d in its Z.
 */
import { grad } from '../core/autograd.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { dot, stack } from '../core/composites.ts';
import { addAll, alias, sum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GatedNetwork } from './gated.ts';

export interface NodeConservation {
  readonly node: number;
  readonly inflow: number;
  readonly held: number;
  /** All that leaves: through the edges that start in the node, and elsewhere. */
  readonly outflow: number;
  /** What leaves through no edge that starts in the node. It is all of `outflow` where none does. */
  readonly elsewhere: number;
}

export interface ConservationReport {
  /** Sum of the losses over samples. */
  readonly loss: number;
  readonly nodes: readonly NodeConservation[];
  /** Sum of credits R_ij over the edges that share a Z, by group. */
  readonly groups: ReadonlyMap<number, number>;
}

/** The report for one run of the network, summed over samples; one forward and one backward pass. */
export async function conservation(network: GatedNetwork): Promise<ConservationReport> {
  const { edges } = network;
  const measured = enableGrad(() =>
    scope(() => {
      const outputs: Tensor[] = [];
      const { losses, nodes } = network.run((e, output) => (outputs[e] = alias(output)));
      const numbers = [...nodes.keys()];
      const held = numbers.map((j) => nodes.get(j)!);
      const total = sum(losses);
      const cs = grad(total, [...outputs, ...held], { unused: 'zeros' });
      // From an edge's output back to the node that it starts in: the way through the node's own inputs is not taken.
      const through = numbers.map((j, n) => {
        const leaving = edges.flatMap((edge, e) => (edge.from === j ? [e] : []));
        const parts = leaving.map((e) => {
          const [part] = grad(outputs[e]!, [held[n]!], { cotangent: cs[e]!, unused: 'zeros' });
          return dot(part, held[n]!);
        });
        return parts.length > 0 ? addAll(parts) : sum(total.device.zeros([]));
      });
      return noGrad(() => [total, stack([...[...outputs, ...held].map((x, i) => dot(cs[i]!, x)), ...through]), numbers] as const);
    }),
  );
  const [total, products, numbers] = measured;
  const [loss, flat] = await Promise.all([total.item(), products.data()]);
  total.dispose();
  products.dispose();
  const sumOf = (chosen: (e: number) => boolean): number => edges.reduce((s, _, e) => (chosen(e) ? s + flat[e]! : s), 0);
  const groups = new Map<number, number>();
  edges.forEach((edge, e) => {
    const group = edge.group ?? e;
    groups.set(group, (groups.get(group) ?? 0) - flat[e]!);
  });
  const nodes = numbers.map((node, i): NodeConservation => {
    const held = flat[edges.length + i]!;
    const elsewhere = held - flat[edges.length + numbers.length + i]!;
    return {
      node,
      inflow: sumOf((e) => edges[e]!.to === node),
      held,
      outflow: sumOf((e) => edges[e]!.from === node) + elsewhere,
      elsewhere,
    };
  });
  return { loss, nodes, groups };
}
