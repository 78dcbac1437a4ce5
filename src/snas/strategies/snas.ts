/** @file SNAS's own strategy: log alpha an edge, the Concrete relaxation with an annealed temperature, argmax children. */
import { grad } from '../../core/autograd.ts';
import type { Device } from '../../core/tensor.ts';
import { gumbelSoftmax } from '../../distributions/index.ts';
import { OptionError } from '../../contract/errors.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { dot } from '../../core/composites.ts';
import { add } from '../../core/ops.ts';
import { foldIn, gumbels, type Key, normals } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import { CELL_TYPES, type CellType, edgesOf, type Genotype, genotypeFromChoices, OPERATIONS } from '../space/genotype.ts';
import type { ArchitectureStrategy, CellWeights, Feedback, StrategyStep } from './strategy.ts';

export interface ArchitectureInit {
  /** Intermediate nodes of a cell. Default 4. */
  readonly nodes?: number;
  /** log alpha starts normal with this mean and standard deviation. Default 1 and 0.01 (SNAS's code). */
  readonly mean?: number;
  readonly std?: number;
}

/** log alpha of both cell types, [edges, 8] each: parameters of the factorised p(Z), equation 7. */
export function architectureParameters(device: Device, key: Key, init: ArchitectureInit = {}): CellWeights {
  const { nodes = 4, mean = 1, std = 0.01 } = init;
  const edges = edgesOf(nodes).length;
  const make = (type: CellType): Tensor =>
    device.parameter(
      normals(foldIn(key, CELL_TYPES.indexOf(type)), edges * OPERATIONS.length).map((v) => mean + std * v),
      [edges, OPERATIONS.length],
    );
  return { normal: make('normal'), reduce: make('reduce') };
}

/** Pulls dloss/dZ back to the parameters through the recorded Z: the pathwise gradient. */
export function pathwiseGradients(z: CellWeights, gradient: CellWeights, parameters: readonly Tensor[]): Tensor[] {
  return scope(() => {
    const surrogate = CELL_TYPES.map((type) => dot(z[type], gradient[type])).reduce((a, b) => add(a, b));
    return grad(surrogate, parameters);
  });
}

/** The child of per-edge argmax over all eight operations, `none` included; ties go to the first. SNAS, section 4.2. */
export async function argmaxGenotype(probabilities: CellWeights, nodes: number): Promise<Genotype> {
  const choices = async (type: CellType): Promise<number[]> => {
    const data = await probabilities[type].data();
    return edgesOf(nodes).map((_, e) => {
      const row = Array.from(data.subarray(e * OPERATIONS.length, (e + 1) * OPERATIONS.length));
      return row.indexOf(Math.max(...row));
    });
  };
  return genotypeFromChoices({ normal: await choices('normal'), reduce: await choices('reduce') }, nodes);
}

/** Mean entropy of the rows, in nats: ln 8 = 2.079 where all operations are equally likely. Sum of entropies, not of a product. */
export async function meanEntropy(probabilities: CellWeights): Promise<number> {
  let total = 0;
  let rows = 0;
  for (const type of CELL_TYPES) {
    for (const p of await probabilities[type].data()) if (p > 0) total -= p * Math.log(p);
    rows += probabilities[type].shape[0]!;
  }
  return total / rows;
}

export interface SnasOptions extends ArchitectureInit {
  /** Forward the one-hot sample and differentiate the relaxed one (straight-through). Default false. */
  readonly hard?: boolean;
}

/** SNAS: Z = softmax((log alpha + G) / lambda), equation 13; the gradient flows through Z; children by argmax. */
export class Snas implements ArchitectureStrategy {
  readonly name = 'snas';
  readonly level = 'single';
  readonly logAlpha: CellWeights;
  readonly nodes: number;
  readonly #hard: boolean;

  constructor(device: Device, key: Key, options: SnasOptions = {}) {
    this.nodes = options.nodes ?? 4;
    this.logAlpha = architectureParameters(device, key, options);
    this.#hard = options.hard ?? false;
  }

  get sampled(): CellWeights {
    return this.logAlpha;
  }

  parameters(): readonly Tensor[] {
    return [this.logAlpha.normal, this.logAlpha.reduce];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map([
      ['log_alpha.normal', this.logAlpha.normal],
      ['log_alpha.reduce', this.logAlpha.reduce],
    ]);
  }

  /** Gumbel noise of both cell types, drawn in float64 on the host, and the temperature, [1]. */
  inputs({ key, temperature }: StrategyStep): readonly Tensor[] {
    if (!(temperature > 0)) throw new OptionError(`snas: temperature ${temperature} must be > 0`);
    const { normal } = this.logAlpha;
    const noise = (type: CellType): Tensor =>
      normal.device.tensor(gumbels(foldIn(key, CELL_TYPES.indexOf(type)), normal.size), normal.shape);
    return [noise('normal'), noise('reduce'), normal.device.tensor([temperature], [1])];
  }

  propose([normal, reduce, temperature]: readonly Tensor[]): CellWeights {
    const sample = (type: CellType, noise: Tensor): Tensor =>
      gumbelSoftmax(this.logAlpha[type], { noise, temperature: temperature!, hard: this.#hard });
    return { normal: sample('normal', normal!), reduce: sample('reduce', reduce!) };
  }

  gradients(z: CellWeights, feedback: Feedback): readonly Tensor[] {
    return pathwiseGradients(z, feedback.gradient, this.parameters());
  }

  probabilities(): CellWeights {
    return scope(() => noGrad(() => ({ normal: softmax(this.logAlpha.normal), reduce: softmax(this.logAlpha.reduce) })));
  }

  derive(): Promise<Genotype> {
    const probabilities = this.probabilities();
    return argmaxGenotype(probabilities, this.nodes).finally(() => {
      probabilities.normal.dispose();
      probabilities.reduce.dispose();
    });
  }
}
