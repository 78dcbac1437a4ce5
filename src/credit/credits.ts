/**
 * @file Four credits of an edge, from first order to exact. With phi(s) the loss when the edge's output is scaled by s:
 *
 *   taylor      -phi'(1) = -c . O~                     SNAS's R_ij (the article's equation 17)
 *   taylor2     -(phi'(1) - phi''(1) / 2)              exact where the loss is quadratic in the node
 *   integrated  -int_0^1 phi'(s) ds                    Gauss-Legendre; exact for smooth losses as the points grow
 *   ablation    -(phi(1) - phi(0))                     exact
 *
 * c = dL/dx_j is the total derivative, all that is downstream included, and a credit is a number: nothing differentiates it.
 */
import { grad } from '../core/autograd.ts';
import { OptionError } from '../contract/errors.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { dot, stack, zerosLike } from '../core/composites.ts';
import { add, alias, detach, mul, neg, sub, sum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { type GatedNetwork, perSample } from './gated.ts';
import { gaussLegendre } from './quadrature.ts';

export const creditKinds = ['taylor', 'taylor2', 'integrated', 'ablation'] as const;
export type CreditKind = (typeof creditKinds)[number];

export interface CreditOptions {
  /** Edges by index; default all. */
  readonly edges?: readonly number[];
  /** Points of the integrated credit. Default 8. */
  readonly points?: number;
}

/** Credits of the given kind, [edges asked for, samples]. A constant: no gradient flows through it. */
export function networkCredits(network: GatedNetwork, kind: CreditKind, options: CreditOptions = {}): Tensor {
  const edges = options.edges ?? network.edges.map((_, e) => e);
  for (const e of edges) {
    if (!network.edges[e]) throw new OptionError(`networkCredits: edge ${e} is not one of the network's ${network.edges.length}`);
  }
  const { points = 8 } = options;
  return enableGrad(() => scope(() => detach(calculators[kind](network, edges, points))));
}

type Calculator = (network: GatedNetwork, edges: readonly number[], points: number) => Tensor;

const calculators: Readonly<Record<CreditKind, Calculator>> = {
  taylor,
  taylor2,
  integrated: (network, edges, points) => stack(edges.map((e) => integrated(network, e, points))),
  ablation,
};

/** Forward and backward passes of a whole network that a credit takes for this many edges. */
export function creditCost(kind: CreditKind, edges: number, points = 8): { readonly forward: number; readonly backward: number } {
  const passes: Readonly<Record<CreditKind, { readonly forward: number; readonly backward: number }>> = {
    taylor: { forward: 1, backward: 1 },
    // A Hessian-vector product differentiates the backward pass, at about the price of two.
    taylor2: { forward: 1, backward: 1 + 2 * edges },
    integrated: { forward: points * edges, backward: points * edges },
    ablation: { forward: 1 + edges, backward: 0 },
  };
  return passes[kind];
}

/** What one recorded run gives: losses, and each asked edge's output as a node of the graph of its own. */
interface Traced {
  readonly losses: Tensor;
  readonly outputs: readonly Tensor[];
}

/** Runs with the given edges' outputs made separate nodes, so that c is the derivative with respect to them. */
export function traceEdges(network: GatedNetwork, edges: readonly number[]): Traced {
  const found = new Map<number, Tensor>();
  const { losses } = network.run((e, output) => {
    if (!edges.includes(e)) return output;
    const separate = alias(output);
    found.set(e, separate);
    return separate;
  });
  const outputs = edges.map((e) => {
    const output = found.get(e);
    if (!output) throw new OptionError(`networkCredits: the network did not pass edge ${e} (${network.edges[e]!.name}) to the tap`);
    return output;
  });
  return { losses, outputs };
}

function taylor(network: GatedNetwork, edges: readonly number[]): Tensor {
  const { losses, outputs } = traceEdges(network, edges);
  const cs = grad(sum(losses), outputs, { unused: 'zeros' });
  return noGrad(() => neg(stack(outputs.map((o, i) => perSample(mul(cs[i]!, o), losses.size)))));
}

function taylor2(network: GatedNetwork, edges: readonly number[]): Tensor {
  const { losses, outputs } = traceEdges(network, edges);
  const cs = grad(sum(losses), outputs, { createGraph: true, unused: 'zeros' });
  return stack(
    outputs.map((output, i) => {
      const o = detach(output);
      // The edge's own output does not depend on the node it feeds, so the second derivative in the gate is O~' H O~.
      const [curved] = grad(dot(cs[i]!, o), [output], { unused: 'zeros' });
      return noGrad(() => neg(perSample(mul(sub(cs[i]!, mul(curved, 0.5)), o), losses.size)));
    }),
  );
}

function integrated(network: GatedNetwork, edge: number, points: number): Tensor {
  const rule = gaussLegendre(points);
  const slopes = rule.points.map((s, q) =>
    scope(() => {
      let output: Tensor | undefined;
      let scaled: Tensor | undefined;
      const { losses } = network.run((e, o) => {
        if (e !== edge) return o;
        output = o;
        scaled = mul(o, s);
        return scaled;
      });
      if (!output || !scaled) throw new OptionError(`networkCredits: the network did not pass edge ${edge} to the tap`);
      const [c] = grad(sum(losses), [scaled], { unused: 'zeros' });
      return noGrad(() => mul(perSample(mul(c, output!), losses.size), rule.weights[q]!));
    }),
  );
  return noGrad(() => neg(slopes.reduce((a, b) => add(a, b))));
}

function ablation(network: GatedNetwork, edges: readonly number[]): Tensor {
  return noGrad(() => {
    const { losses } = network.run();
    const rows = edges.map((edge) => {
      const without = network.run((e, o) => (e === edge ? zerosLike(o) : o));
      return sub(without.losses, losses);
    });
    return stack(rows.map((r) => perSample(r, losses.size)));
  });
}

/**
 * The cost's share of the credits, -eta Z_ij . C(O_ij) (the article's section 3.1 with equation 16): z [..., e, n], costs [e, n]
 * -> [..., e]. Exact, for the cost is linear in Z.
 */
export function costCredits(z: Tensor, costs: Tensor, eta: number): Tensor {
  return noGrad(() => mul(sum(mul(z, costs), -1), -eta));
}
