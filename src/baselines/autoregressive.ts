/**
 * @file SNAS with an autoregressive p(Z), equation 6: each edge's distribution depends on what was drawn on the edges before it.
 *
 * logits_e = log alpha_e + sum_{e' < e} Z_e' W_{e', e}, edges of the normal cell first, then those of the reduction cell. Relaxed samples
 * are drawn in this order and the gradient flows through all of them. With W = 0 it is the factorised p(Z) of equation 7.
 */
import type { Device } from '../core/tensor.ts';
import { gumbelSoftmax, oneHotArgmax } from '../distributions/gumbel.ts';
import { noGrad } from '../core/grad-mode.ts';
import { add, concat, matmul, reshape, slice } from '../core/ops.ts';
import type { Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { type CellType, edgesOf, type Genotype, OPERATIONS } from '../snas/space/genotype.ts';
import type { ArchitectureStrategy, Feedback, StrategyStep } from '../snas/strategies/strategy.ts';
import { softmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';
import {
  type ArchitectureInit,
  architectureParameters,
  pathwiseGradients,
  type RelaxationInputs,
  relaxationInputs,
} from '../snas/strategies/log-alpha.ts';
import { argmaxGenotype, withProbabilities } from '../snas/strategies/probabilities.ts';
import type { CellWeights } from '../snas/space/cell-weights.ts';

const K = OPERATIONS.length;

export class AutoregressiveSnas implements ArchitectureStrategy<RelaxationInputs> {
  readonly name = 'snas-autoregressive';
  readonly level = 'single';
  readonly logAlpha: CellWeights;
  readonly nodes: number;
  /** W: [8 edges, 8 edges] over the edges of both cells; only blocks above the diagonal are read. Starts at 0. */
  readonly coupling: Tensor;

  constructor(device: Device, key: Key, init: ArchitectureInit = {}) {
    this.nodes = init.nodes ?? 4;
    this.logAlpha = architectureParameters(device, key, init);
    const size = 2 * edgesOf(this.nodes).length * K;
    this.coupling = device.parameter(new Float64Array(size * size), [size, size]);
  }

  parameters(): readonly Tensor[] {
    return [this.logAlpha.normal, this.logAlpha.reduce, this.coupling];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map([
      ['log_alpha.normal', this.logAlpha.normal],
      ['log_alpha.reduce', this.logAlpha.reduce],
      ['coupling', this.coupling],
    ]);
  }

  inputs(step: StrategyStep): RelaxationInputs {
    return relaxationInputs(this.name, this.logAlpha, step);
  }

  propose({ temperature, ...noise }: RelaxationInputs): CellWeights {
    return this.#inOrder((logits, type, edge) =>
      gumbelSoftmax(logits, { noise: slice(noise[type], [edge], [edge + 1]), temperature }),
    ).drawn;
  }

  gradients(z: CellWeights, feedback: Feedback): readonly Tensor[] {
    return pathwiseGradients(z, feedback.gradient, this.parameters());
  }

  /** Conditional probabilities along the most likely choices: the marginals have no closed form unless W = 0. */
  probabilities(): CellWeights {
    return noGrad(() => scope(() => this.#inOrder((logits) => oneHotArgmax(logits)).probabilities));
  }

  derive(): Promise<Genotype> {
    return withProbabilities(this, (p) => argmaxGenotype(p, this.nodes));
  }

  /** Draws edge by edge; `draw` takes an edge's logits [1, 8]. */
  #inOrder(draw: (logits: Tensor, type: CellType, edge: number) => Tensor): { drawn: CellWeights; probabilities: CellWeights } {
    const edges = edgesOf(this.nodes).length;
    const drawn: Tensor[] = [];
    const probabilities: Tensor[] = [];
    for (let e = 0; e < 2 * edges; e++) {
      const type = e < edges ? 'normal' : 'reduce';
      const row = e % edges;
      let logits = slice(this.logAlpha[type], [row], [row + 1]);
      if (e > 0) {
        const before = reshape(concat(drawn), [1, e * K]);
        logits = add(logits, matmul(before, slice(this.coupling, [0, e * K], [e * K, (e + 1) * K])));
      }
      drawn.push(draw(logits, type, row));
      probabilities.push(softmax(logits));
    }
    const byType = (rows: readonly Tensor[]): CellWeights => ({
      normal: concat(rows.slice(0, edges)),
      reduce: concat(rows.slice(edges)),
    });
    return { drawn: byType(drawn), probabilities: byType(probabilities) };
  }
}
