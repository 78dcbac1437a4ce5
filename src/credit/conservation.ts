/**
 * @file Conservation of credit, as reported quantities: what enters a node, what the node holds, what leaves it, and what tied cells share.
 *
 * With c = dL/dx_j:  inflow = sum over incoming edges of c . O~ (minus the sum of their credits);  held = c . x_j;  outflow = sum over
 * outgoing edges of c . O~.  Always inflow = held. Where L is homogeneous of degree d in x_j, held = d L. Where all operations
 * that leave j are homogeneous of degree 1 without bias, inflow = outflow. Where all consumers are scale invariant, inflow = 0.
 * Tied edges: the credits of a group sum to -d L where L is homogeneous of degree d in its Z.
 */
import { grad } from '../core/autograd.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { dot, stack } from '../core/composites.ts';
import { alias, sum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GatedNetwork } from './gated.ts';

export interface NodeConservation {
  readonly node: number;
  readonly inflow: number;
  readonly held: number;
  /** Undefined where no edge leaves the node. */
  readonly outflow?: number;
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
      return noGrad(() => [total, stack([...outputs, ...held].map((x, i) => dot(cs[i]!, x))), numbers] as const);
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
    const inflow = sumOf((e) => edges[e]!.to === node);
    const entry = { node, inflow, held: flat[edges.length + i]! };
    return edges.some((edge) => edge.from === node) ? { ...entry, outflow: sumOf((e) => edges[e]!.from === node) } : entry;
  });
  return { loss, nodes, groups };
}
