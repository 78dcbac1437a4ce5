/**
 * @file C(Z) on the device, and three estimators of dE[C(Z)]/dlog alpha: through the sample, in closed form, by the score function.
 */
import type { Device } from '../../core/tensor.ts';
import { RelaxedOneHotCategorical } from '../../distributions/concrete.ts';
import { ShapeError } from '../../contract/errors.ts';
import { add, detach, log, mul, reshape, sub, sum } from '../../core/ops.ts';
import { sameShape, showShape } from '../../contract/shape.ts';
import { logSoftmax, softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { CostTable, ResourceWeights } from './cost.ts';
import { combinedCosts } from './cost.ts';
import { type CellType, CELL_TYPES, OPERATIONS } from '../space/genotype.ts';
import type { CellWeights } from '../space/cell-weights.ts';

/** The table as tensors [edges, 8], one a cell type, summed over its cells; parameters of the device, freed by `dispose`. */
export function costTensors(device: Device, table: CostTable, weights: ResourceWeights): CellWeights {
  const costs = combinedCosts(table, weights);
  const upload = (type: CellType): Tensor =>
    device.parameter(costs[type], [costs[type].length / OPERATIONS.length, OPERATIONS.length]);
  return { normal: upload('normal'), reduce: upload('reduce') };
}

/** Cost of every edge under Z, [edges] a cell type: Z_ij . C(O_ij). */
export function edgeCosts(z: CellWeights, costs: CellWeights): CellWeights {
  const of = (type: CellType): Tensor => {
    if (!sameShape(z[type].shape, costs[type].shape)) {
      throw new ShapeError(`cost: Z ${showShape(z[type].shape)} of the ${type} cell, but costs ${showShape(costs[type].shape)}`);
    }
    return sum(mul(z[type], costs[type]), 1);
  };
  return { normal: of('normal'), reduce: of('reduce') };
}

/**
 * C(Z) = sum_ij Z_ij . C(O_ij), a scalar (eq 16). Linear in Z, so its gradient in Z is the table. With Z a relaxed sample that
 * carries its graph this is the pathwise estimator.
 */
export function cost(z: CellWeights, costs: CellWeights): Tensor {
  const { normal, reduce } = edgeCosts(z, costs);
  return add(sum(normal), sum(reduce));
}

/**
 * log C(Z), as the authors' code has it. NOT linear in Z: eq 16 no longer splits over edges, E[log C] is not log E[C], and each edge's
 * penalty depends on what all the others cost. C(Z) must be positive.
 */
export function logCost(z: CellWeights, costs: CellWeights): Tensor {
  return log(cost(z, costs));
}

/** E[C(Z)] for Z one-hot with probabilities softmax(log alpha), exactly: softmax(log alpha) . C. */
export function expectedCost(logits: CellWeights, costs: CellWeights): Tensor {
  return cost({ normal: softmax(logits.normal), reduce: softmax(logits.reduce) }, costs);
}

/** log p(Z) of one-hot rows, one number an edge, [edges]: Z_ij . logSoftmax(log alpha_ij). Z is held fixed. */
export function oneHotLogProb(logits: Tensor, z: Tensor): Tensor {
  return sum(mul(logSoftmax(logits), detach(z)), 1);
}

/**
 * A scalar whose gradient in log alpha is the score-function estimate sum_ij (C_ij - b) dlog p(Z_ij)/dlog alpha. Z and the cost are held
 * fixed. Each edge's score meets that edge's own cost, which the linearity of eq 16 allows and which lowers the variance.
 * Without `temperature`, Z is one-hot and p categorical; with it, Z is a Concrete sample and p its density, in log space.
 */
export function scoreFunctionCost(
  logits: CellWeights,
  z: CellWeights,
  costs: CellWeights,
  options: { readonly temperature?: number | Tensor; readonly baseline?: number | Tensor } = {},
): Tensor {
  const { temperature, baseline = 0 } = options;
  const edge = edgeCosts(z, costs);
  const terms = CELL_TYPES.map((type) => {
    const fixedZ = detach(z[type]);
    const logP =
      temperature === undefined
        ? oneHotLogProb(logits[type], fixedZ)
        : new RelaxedOneHotCategorical({ logits: logits[type], temperature }).logProb({ z: fixedZ });
    return sum(mul(logP, detach(sub(edge[type], baseline))));
  });
  return terms.reduce((a, b) => add(a, b));
}

/**
 * The same for a cost that is only known as one number for the whole architecture (a measured latency): a scalar with the gradient
 * (cost - b) sum_ij dlog p(Z_ij)/dlog alpha. z one-hot, `measured` and `baseline` scalars without a graph.
 */
export function scoreFunctionBlackBox(
  logits: CellWeights,
  z: CellWeights,
  measured: Tensor | number,
  baseline: Tensor | number = 0,
): Tensor {
  const logP = add(sum(oneHotLogProb(logits.normal, z.normal)), sum(oneHotLogProb(logits.reduce, z.reduce)));
  const { device } = logits.normal;
  const value = typeof measured === 'number' ? device.scalar(measured) : measured;
  return mul(logP, detach(reshape(sub(value, baseline), [])));
}
