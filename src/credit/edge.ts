/**
 * @file The credit of an edge, R_ij = -[dL/dx_j . O~_ij(x_i)]: what the loss's linear part at node j owes to edge (i, j).
 *
 * [.] means a cost: a number that is not differentiated. One backward pass, with respect to the nodes, gives all edges.
 */
import { grad, type GradOptions } from '../core/autograd.ts';
import { OptionError, ShapeError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { dot, stack } from '../core/composites.ts';
import { mul, neg, sum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import { sameShape, showShape } from '../contract/shape.ts';
import type { Tensor } from '../core/tensor.ts';

/** One edge of a cell: node j is the sum of the outputs of the edges that end in it. */
export interface Edge {
  /** Name of node i, where the edge starts, and of node j, where it ends: for the reader; the arithmetic needs neither. */
  readonly from: string | number;
  readonly to: string | number;
  /** O~_ij(x_i) = sum_k Z_ij^k O^k_ij(x_i). */
  readonly output: Tensor;
  /** x_j, the very tensor that the rest of the network reads, of the output's shape. */
  readonly node: Tensor;
}

/**
 * R_ij of every edge, [edges], in their order, from one backward pass:
 *   R_ij = -sum over all elements of dL/dx_j * O~_ij(x_i),   dL/dx_j the total derivative through everything downstream.
 * R > 0: the edge, taken linearly, lowers the loss. It equals -dL/ds at s = 1 for O~_ij scaled by s, and -Z_ij . dL/dZ_ij; the credits of
 * the edges into one node sum to -dL/dx_j . x_j. A loss that is a mean over a batch gives credits that are means over it.
 * Throws ShapeError where an output and its node differ, and (as `grad`) OptionError where the loss does not depend on a node, unless
 * `unused` is 'zeros'. Source: Xie et al., SNAS, ICLR 2019 (the score of an edge).
 */
export function edgeCredits(loss: Tensor, edges: readonly Edge[], options: Pick<GradOptions, 'unused'> = {}): Tensor {
  if (edges.length === 0) throw new OptionError('edgeCredits: needs at least one edge');
  for (const { from, to, output, node } of edges) {
    if (!sameShape(output.shape, node.shape)) {
      throw new ShapeError(
        `edgeCredits: the output of edge ${from} -> ${to} has shape ${showShape(output.shape)}, its node ${showShape(node.shape)}; they must be equal`,
      );
    }
  }
  return scope(() => {
    const nodes = [...new Set(edges.map((edge) => edge.node))];
    const cotangents = new Map(grad(loss, nodes, options).map((c, i) => [nodes[i], c]));
    return noGrad(() => neg(stack(edges.map(({ node, output }) => dot(cotangents.get(node)!, output)))));
  });
}

/**
 * The same credits from the mixing weights: R = -sum_k Z^k dL/dZ^k along the last axis, weights [..., n] -> [...], for O~ linear in Z.
 * One row a mixing decision: where tied cells share Z, a row holds the sum of the credits of its edges in all of them.
 */
export function mixingCredits(loss: Tensor, weights: Tensor, options: Pick<GradOptions, 'unused'> = {}): Tensor {
  if (weights.rank === 0) throw new ShapeError('mixingCredits: weights need an axis of operations');
  return scope(() => {
    const [gradient] = grad(loss, [weights], options);
    return noGrad(() => neg(sum(mul(weights, gradient), -1)));
  });
}
