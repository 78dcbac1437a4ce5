/** @file log alpha of both cell types: how it starts, the noise that its samples need, and the pathwise gradient to it. */
import { grad } from '../../core/autograd.ts';
import type { Device } from '../../core/tensor.ts';
import { checkTemperature } from '../../distributions/gumbel.ts';
import { dot } from '../../core/composites.ts';
import { add } from '../../core/ops.ts';
import { foldIn, gumbels, type Key, normals } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { CellWeights } from '../space/cell-weights.ts';
import { CELL_TYPES, type CellType, edgesOf, OPERATIONS } from '../space/genotype.ts';
import type { StrategyStep } from './strategy.ts';

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

/** Standard Gumbel noise of log alpha's shapes, drawn in float64 on the host. */
export function gumbelNoise(logAlpha: CellWeights, key: Key): CellWeights {
  const noise = (type: CellType): Tensor => {
    const { device, size, shape } = logAlpha[type];
    return device.tensor(gumbels(foldIn(key, CELL_TYPES.indexOf(type)), size), shape);
  };
  return { normal: noise('normal'), reduce: noise('reduce') };
}

/** What a relaxed sample needs in a step: Gumbel noise of both cell types, and the temperature, [1]. */
export type RelaxationInputs = CellWeights & { readonly temperature: Tensor };

/** The inputs of a relaxed sample of log alpha. OptionError, in the strategy's name, for a temperature that is not positive. */
export function relaxationInputs(strategy: string, logAlpha: CellWeights, { key, temperature }: StrategyStep): RelaxationInputs {
  checkTemperature(strategy, temperature);
  return { ...gumbelNoise(logAlpha, key), temperature: logAlpha.normal.device.tensor([temperature], [1]) };
}

/** Pulls dloss/dZ back to the parameters through the graph of Z: the pathwise gradient. */
export function pathwiseGradients(z: CellWeights, gradient: CellWeights, parameters: readonly Tensor[]): Tensor[] {
  return scope(() => {
    const surrogate = CELL_TYPES.map((type) => dot(z[type], gradient[type])).reduce((a, b) => add(a, b));
    return grad(surrogate, parameters);
  });
}
