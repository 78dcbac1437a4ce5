/**
 * @file The gradient of DARTS's second order: the architecture's validation loss after one virtual step of the weights.
 *
 * d/da L_val(w - xi dL_train(w, a)/dw, a) = dL_val(w', a)/da - xi d2L_train(w, a)/(da dw) v,  v = dL_val(w', a)/dw', w' = w - xi dL_train/dw.
 * The mixed derivative is taken at w, not at w'. Source: Liu et al., ICLR 2019, equations 6 to 8.
 */
import { grad } from '../core/autograd.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { dot } from '../core/composites.ts';
import { globalNorm } from '../core/norm.ts';
import { add, assign, clone, div, mul, neg, reciprocal, reshape, sub, where } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';

export interface UnrolledProblem {
  /** w: changed in place during the computation, and restored to the bit. */
  readonly weights: readonly Tensor[];
  /** a. */
  readonly architecture: readonly Tensor[];
  /** xi, a scalar. With 0 the result is the first-order gradient. */
  readonly learningRate: Tensor;
  /** The losses at the present values of w and a, with their graphs. */
  readonly trainingLoss: () => Tensor;
  readonly validationLoss: () => Tensor;
}

export interface MixedProductOptions {
  /** 'exact' differentiates the gradient; 'finite-difference' is DARTS's: two more gradients at w +- eps v. Default exact. */
  readonly method?: 'exact' | 'finite-difference';
  /** eps = radius / |v|. Default 0.01 (DARTS). */
  readonly radius?: number;
}

/** Gradients of the unrolled validation loss by the architecture, one for each of `architecture`. */
export function unrolledGradients(problem: UnrolledProblem, options: MixedProductOptions = {}): Tensor[] {
  const { weights, architecture, learningRate } = problem;
  return scope(() => {
    const saved = noGrad(() => weights.map((w) => clone(w)));
    const step = enableGrad(() => grad(problem.trainingLoss(), weights, { unused: 'zeros' }));
    shift(
      weights,
      step,
      noGrad(() => neg(learningRate)),
    );
    const first = enableGrad(() => grad(problem.validationLoss(), [...architecture, ...weights], { unused: 'zeros' }));
    restore(weights, saved);
    const v = first.slice(architecture.length);
    const second = mixedProduct(problem, v, options);
    return noGrad(() => architecture.map((_, i) => sub(first[i]!, mul(second[i]!, learningRate))));
  });
}

/** d2L_train/(da dw) v at the present w and a: for each a, the derivative of <dL_train/dw, v>. */
export function mixedProduct(
  problem: Pick<UnrolledProblem, 'weights' | 'architecture' | 'trainingLoss'>,
  v: readonly Tensor[],
  { method = 'exact', radius = 0.01 }: MixedProductOptions = {},
): Tensor[] {
  const { weights, architecture, trainingLoss } = problem;
  return scope(() => {
    if (method === 'exact') {
      return enableGrad(() => {
        const g = grad(trainingLoss(), weights, { createGraph: true, unused: 'zeros' });
        const directional = g.map((gi, i) => dot(gi, v[i]!)).reduce((a, b) => add(a, b));
        return grad(directional, architecture, { unused: 'zeros' });
      });
    }
    const saved = noGrad(() => weights.map((w) => clone(w)));
    const epsilon = noGrad(() => {
      const length = globalNorm(v);
      // Along a zero vector any step gives the derivative, 0.
      return reshape(div(radius, where(length, length, 1)), []);
    });
    const at = (signed: Tensor): Tensor[] => {
      shift(weights, v, signed);
      const g = enableGrad(() => grad(trainingLoss(), architecture, { unused: 'zeros' }));
      restore(weights, saved);
      return g;
    };
    const plus = at(epsilon);
    const minus = at(noGrad(() => neg(epsilon)));
    // Divided by the product 2 eps: dividing by 2 and multiplying by eps would scale the term by eps^2.
    return noGrad(() => plus.map((p, i) => mul(sub(p, minus[i]!), reciprocal(mul(epsilon, 2)))));
  });
}

/** w := w + factor d, in place. */
function shift(weights: readonly Tensor[], direction: readonly Tensor[], factor: Tensor): void {
  noGrad(() => scope(() => weights.forEach((w, i) => assign(w, add(w, mul(direction[i]!, factor))))));
}

function restore(weights: readonly Tensor[], saved: readonly Tensor[]): void {
  noGrad(() => weights.forEach((w, i) => assign(w, saved[i]!)));
}
